#include <doctest/doctest.h>

#include <string_view>

#include "host/loader/printable.hpp"

using namespace tasker::host;

TEST_CASE("text for messages keeps letters of any script and escapes what would confuse a terminal") {
    CHECK(printable("pl\xC3\xBC"
                    "gin.so") ==
          "pl\xC3\xBC"
          "gin.so");
    CHECK(printable("a\x1b[31m\n") == "a\\x1b[31m\\x0a");
    CHECK(printable("\xff\\") == "\\xff\\x5c");
    CHECK(printable("\xC2\x9B") == "\\xc2\\x9b");
    CHECK(printable("abcdef", 3) == "abc... (6 bytes)");
}

TEST_CASE("text for records is valid UTF-8 without NUL, cut at a character") {
    using std::string_view_literals::operator""sv;
    CHECK(clean_utf8("a\0b"sv, 100) ==
          "a\xEF\xBF\xBD"
          "b");
    CHECK(clean_utf8("\xED\xA0\x80", 100) == "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");
    CHECK(clean_utf8("\xC0\xAF", 100) == "\xEF\xBF\xBD\xEF\xBF\xBD");
    CHECK(clean_utf8("\xF0\x9F\x98\x80x", 4) == "\xF0\x9F\x98\x80");
    CHECK(clean_utf8("a\xF0\x9F\x98\x80", 4) == "a");
}

TEST_CASE("a path in a remedy can be pasted into a shell") {
    CHECK(shell_word("/srv/plugins/a.so") == "/srv/plugins/a.so");
    CHECK(shell_word("/srv/my plugins/it's.so") == R"('/srv/my plugins/it'\''s.so')");
    CHECK(shell_word("") == "''");
}
