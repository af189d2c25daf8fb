#include <doctest/doctest.h>

#include <algorithm>

#include "host/config/database_url.hpp"
#include "host/config/duration.hpp"
#include "host/config/setting_table.hpp"
#include "host/config/toml_file.hpp"

using namespace tasker::host;

TEST_CASE("duration: a number needs a unit, zero does not") {
    CHECK(parse_duration("0") == 0);
    CHECK(parse_duration("250ms") == 250);
    CHECK(parse_duration("30s") == 30'000);
    CHECK(parse_duration("5m") == 300'000);
    CHECK(parse_duration("24h") == 86'400'000);
    CHECK(parse_duration("2d") == 172'800'000);
    for (const char* bad :
         {"", "30", "s", "-1s", "1.5s", "30 s", "1w", "99999999999999999999s", "9223372036854775807d"}) {
        CAPTURE(bad);
        CHECK_FALSE(parse_duration(bad));
    }
}

TEST_CASE("duration: the printed form is exact and reads back") {
    for (const std::int64_t ms : {0LL, 1LL, 1500LL, 30'000LL, 90'000LL, 86'400'000LL}) {
        CHECK(parse_duration(format_duration(ms)) == ms);
    }
    CHECK(format_duration(300'000) == "5m");
}

TEST_CASE("database url: every password is found, also one with an @ in it or in the query") {
    CHECK(redacted_url("postgresql://u:p@ss@h/d") == "postgresql://u:[REDACTED]@h/d");
    CHECK(redacted_url("postgresql://h/d?password=x&y=1") == "postgresql://h/d?password=[REDACTED]&y=1");
    CHECK(redacted_url("postgresql://u:a@h/d?password=b") ==
          "postgresql://u:[REDACTED]@h/d?password=[REDACTED]");
    CHECK(redacted_url("postgresql://u@h/d") == "postgresql://u@h/d");
    CHECK(redacted_url("host=h password=a user=u password=b") ==
          "host=h password=[REDACTED] user=u password=[REDACTED]");
    CHECK(redacted_url(R"(password='my \'secret' user=u)") == "password=[REDACTED] user=u");
    CHECK(redacted_url("x://u:a password=b@c") == "x://u:[REDACTED]");
    for (const char* text :
         {"host=h password=hunter2", "host=h password=hunter2 options=-c:x", "password=hunter2:x"}) {
        CHECK(database_url_fault(text).value_or("").find("hunter2") == std::string::npos);
        CHECK(database_url_fault(text).value_or("").find("[REDACTED]") != std::string::npos);
    }
    CHECK(database_url_fault("mysql://h").value_or("").starts_with("'mysql' is not"));
    CHECK_FALSE(has_password("postgresql://u@h:5432/d"));
    CHECK_FALSE(database_url_fault("postgresql://u:p@[::1]:5432,other:5433/d"));
}

TEST_CASE("setting table: every key is unique and explains itself") {
    for (const SettingSpec& spec : setting_table()) {
        CAPTURE(spec.key);
        CHECK(spec.key.starts_with("host."));
        CHECK_FALSE(spec.help.empty());
        CHECK_FALSE(spec.range.empty());
        CHECK(std::count_if(setting_table().begin(), setting_table().end(),
                            [&](const SettingSpec& other) { return other.key == spec.key; }) == 1);
    }
}

TEST_CASE("namespace: the rule of the queue names holds") {
    CHECK(valid_namespace("orders"));
    CHECK(valid_namespace("_x9"));
    for (const char* bad : {"", "9x", "a-b", "a.b", "a b", "abcdefghijklmnopqrstuvwxyz0123"})
        CHECK_FALSE(valid_namespace(bad));
}

TEST_CASE("toml: keys keep their place and quoting") {
    const TomlFile file = parse_toml("[host.handlers.\"a.b\"]\nconcurrency = 2\n", "f.toml", {});
    REQUIRE(file.entries.size() == 1);
    CHECK(file.entries[0].key() == "host.handlers.\"a.b\".concurrency");
    CHECK(file.entries[0].line == 2);
    CHECK(file.faults.empty());
}

TEST_CASE("toml: a doubled dollar sign keeps the braces and an open brace is a fault") {
    const TomlFile file = parse_toml("[host]\na = \"$${X}\"\nb = \"${X\"\n", "f.toml", {});
    CHECK(file.entries[0].values == std::vector<std::string>{"${X}"});
    REQUIRE(file.faults.size() == 1);
    CHECK(file.faults[0].starts_with("f.toml:3:"));
}

TEST_CASE("toml: deep nesting and invalid bytes are faults, not crashes") {
    CHECK_FALSE(parse_toml("a = " + std::string(5000, '['), "f", {}).faults.empty());
    CHECK_FALSE(parse_toml("a = \"\xff\xfe\"", "f", {}).faults.empty());
}
