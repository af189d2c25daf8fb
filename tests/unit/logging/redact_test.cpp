#include "host/logging/redact.hpp"

#include <doctest/doctest.h>

#include "host/logging/sinks.hpp"

using namespace tasker::host;

TEST_CASE("Redaction: the password of a URL goes, the rest stays") {
    struct Row {
        const char* text;
        const char* expected;
    };
    for (const Row& row : {
             Row{"postgresql://tasker:s3cret@db.local:5432/tasker",
                 "postgresql://tasker:[REDACTED]@db.local:5432/tasker"},
             Row{"cannot reach postgres://u:p@h/d now", "cannot reach postgres://u:[REDACTED]@h/d now"},
             Row{"postgres://u:p@ss@h/d", "postgres://u:[REDACTED]@h/d"},
             Row{"postgres://u:pa/ss@h/d", "postgres://u:[REDACTED]@h/d"},
             Row{"amqp://:p@h", "amqp://:[REDACTED]@h"},
             Row{"a://u:p@h,b://v:q@i", "a://u:[REDACTED]@h,b://v:[REDACTED]@i"},
             Row{"https://user@host/path", "https://user@host/path"},
             Row{"http://host:8080/mail@example", "http://host:8080/mail@example"},
             Row{"\"postgres://u:p@h/d\"", "\"postgres://u:[REDACTED]@h/d\""},
             Row{"://", "://"},
             Row{"no url at all: a@b", "no url at all: a@b"},
         }) {
        CAPTURE(row.text);
        CHECK(redact_urls(row.text) == row.expected);
    }
}

TEST_CASE("Redaction: passwords of connection strings and parameters go") {
    struct Row {
        const char* text;
        const char* expected;
    };
    for (const Row& row : {
             Row{"host=h password=p user=u", "host=h password=[REDACTED] user=u"},
             Row{"host=h PASSWORD = 'a b\\'c' user=u", "host=h PASSWORD = [REDACTED] user=u"},
             Row{"PGPASSWORD=x", "PGPASSWORD=[REDACTED]"},
             Row{"postgres://h/d?user=u&password=p", "postgres://h/d?user=u&password=[REDACTED]"},
             Row{R"({"password": "p\"q","a":1})", R"({"password": [REDACTED],"a":1})"},
             Row{"password=", "password="},
             Row{"password=a password=b", "password=[REDACTED] password=[REDACTED]"},
             Row{"wrong password: try again", "wrong password: try again"},
             Row{"password", "password"},
             Row{"password='open", "password=[REDACTED]"},
         }) {
        CAPTURE(row.text);
        CHECK(redact_urls(row.text) == row.expected);
    }
}

TEST_CASE("Redaction: known secrets go wherever they appear, longer ones first, empty ones are ignored") {
    CHECK(redact("x hunter2 y hunter2hunter2", {"hunter2hunter2", "hunter2", ""}) ==
          "x [REDACTED] y [REDACTED]");
    CHECK(redact("nothing here", {"hunter2"}) == "nothing here");
}

TEST_CASE("redact: names that a value must not be shown under") {
    for (const char* key :
         {"password", "DB_PASSWORD", "client-secret", "api_key", "Authorization", "access.token", "cookie"})
        CHECK_MESSAGE(names_a_secret(key), key);
    for (const char* key : {"token_count", "step_uuid", "operation", "keyboard", "passenger"})
        CHECK_MESSAGE(!names_a_secret(key), key);
}

TEST_CASE("redact: the password of a connection string may hold anything but the at sign before its host") {
    for (const char* password : {"p@ss/word", "a/b?c#d", "x:y"}) {
        const std::string text =
            redact_urls(std::string("cannot reach postgresql://u:") + password + "@h/d; try again");
        CHECK_MESSAGE(text.find(password) == std::string::npos, text);
        CHECK_MESSAGE(text.find("@h/d; try again") != std::string::npos, text);
        CHECK_MESSAGE(text.find("word") == std::string::npos, text);
    }
}
