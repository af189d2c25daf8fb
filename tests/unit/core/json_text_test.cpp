#include "host/core/json_text.hpp"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

using namespace tasker::host;
using nlohmann::json;

namespace {

std::string fault_of(std::string_view text, const JsonRules& rules = {}) {
    return json_fault(text, rules).value_or("");
}

std::string nested(std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); }

std::string random_text(std::mt19937& random) {
    static const std::vector<std::string> pieces{
        "a",          "\"",          "\\",     "\n",
        "\t",         "\x01",        "\u00e9", "\u20ac",
        "\U0001F600", "/",           "x",      " ",
        "{",          "long enough", "\u2028", "plain ascii text without anything special"};
    std::string text;
    for (auto n = random() % 6; n > 0; --n) text += pieces[random() % pieces.size()];
    return text;
}

json random_document(std::mt19937& random, int depth) {
    switch (random() % (depth > 0 ? 9 : 7)) {
        case 0:
            return nullptr;
        case 1:
            return random() % 2 == 0;
        case 2:
            return static_cast<std::int64_t>(random()) - 2'000'000'000;
        case 3:
            return static_cast<double>(random()) / 1e6;
        case 4:
            return 1e300 * static_cast<double>(random() % 7);
        case 5:
        case 6:
            return random_text(random);
        case 7: {
            json array = json::array();
            for (auto n = random() % 5; n > 0; --n) array.push_back(random_document(random, depth - 1));
            return array;
        }
        default: {
            json object = json::object();
            for (auto n = random() % 5; n > 0; --n)
                object[random_text(random)] = random_document(random, depth - 1);
            return object;
        }
    }
}

void mutate(std::string& text, std::mt19937& random) {
    static const std::string interesting = "{}[]\",:\\u0dD8e+-.19 \x80\xC3\xED\xF4tfn";
    for (auto n = 1 + random() % 3; n > 0 && !text.empty(); --n) {
        const auto at = random() % text.size();
        switch (random() % 4) {
            case 0:
                text.erase(at, 1 + random() % 3);
                break;
            case 1:
                text.insert(at, 1, interesting[random() % interesting.size()]);
                break;
            case 2:
                text[at] = static_cast<char>(random() % 256);
                break;
            default:
                text[at] = interesting[random() % interesting.size()];
                break;
        }
    }
}

// What the host refuses although nlohmann takes it: NUL (which ends its input), and the byte order mark at
// the start.
bool stricter_here(const std::string& text) {
    return text.find('\0') != std::string::npos || text.find("\\u0000") != std::string::npos ||
           text.rfind("\xEF\xBB\xBF", 0) == 0;
}

}  // namespace

TEST_CASE("JSON text: every valid value passes") {
    for (const char* text :
         {"{}", "[]", "null", "true", "false", "0", "-0", "1.5e10", " [1 , 2]\n", R"({"a":{"b":[{}]}})",
          R"("\ud83d\ude00")", R"("\"\\\/\b\f\n\r\t\u0041")", "\"\u00e9\u20ac\U0001F600\"", "1e308", "0e999",
          "123456789012345678901234567890", "1e-400", "-0.0"}) {
        CAPTURE(text);
        CHECK(fault_of(text) == "");
    }
}

TEST_CASE("JSON text: each broken rule is named in words with its place") {
    CHECK(fault_of("\"ab\xFF\"") == "invalid UTF-8 at byte 3");
    CHECK(fault_of("\"\xC0\xAF\"") == "invalid UTF-8 at byte 1");
    CHECK(fault_of("\"\xED\xA0\x80\"") == "invalid UTF-8 at byte 1");
    CHECK(fault_of("\"\xF4\x90\x80\x80\"") == "invalid UTF-8 at byte 1");
    CHECK(fault_of("\"\xE2\x82\"") == "invalid UTF-8 at byte 1");
    CHECK(fault_of(R"("a\u0000")") == "NUL character at byte 2");
    CHECK(fault_of(std::string_view("\"a\0\"", 4)) == "NUL character at byte 2");
    CHECK(fault_of(std::string_view("\0", 1)) == "NUL character at byte 0");
    CHECK(fault_of(R"(["\ud800"])") == "lone surrogate at byte 2");
    CHECK(fault_of(R"(["\udc00"])") == "lone surrogate at byte 2");
    CHECK(fault_of(R"(["\ud800\u0041"])") == "lone surrogate at byte 2");
    CHECK(fault_of("[1e309]") == "number out of range for a double at byte 1");
    CHECK(fault_of("-1e99999999999999999999") == "number out of range for a double at byte 0");
    CHECK(fault_of(std::string(400, '9')) == "number out of range for a double at byte 0");
    CHECK(fault_of("1e-16384") == "number with more than 16383 decimals at byte 0");
    CHECK(fault_of(nested(101)) == "nested deeper than 100");
    CHECK(fault_of(nested(100)) == "");
}

TEST_CASE("JSON text: what is no JSON says so") {
    for (const char* text : {"",           " ",        "{",
                             "[",          "[1,",      "[1,]",
                             "{,}",        "{\"a\"}",  "{\"a\":}",
                             "{\"a\":1,}", "{a:1}",    "[1 2]",
                             "01",         "-",        "1.",
                             "1.e1",       "1e",       ".5",
                             "+1",         "tru",      "nul",
                             "True",       "NaN",      "Infinity",
                             "\"a",        "\"\\x\"",  "\"\\u12g4\"",
                             "\"\\",       "{} {}",    "[]]",
                             "\"a\nb\"",   "'a'",      "\xEF\xBB\xBF{}",
                             "[1}",        "{\"a\":1]"}) {
        CAPTURE(text);
        CHECK(fault_of(text).rfind("not JSON: ", 0) == 0);
    }
}

TEST_CASE("JSON text: size and depth follow the rules given") {
    CHECK(fault_of("\"abcd\"", {.max_depth = 1, .max_bytes = 5}) == "larger than 5 bytes (6)");
    CHECK(fault_of("[[]]", {.max_depth = 1, .max_bytes = 100}) == "nested deeper than 1");
    CHECK(fault_of("[]", {.max_depth = 0, .max_bytes = 100}) == "nested deeper than 0");
    CHECK(fault_of("1", {.max_depth = 0, .max_bytes = 100}) == "");
    CHECK(fault_of(nested(500'000), {.max_depth = 1'000'000'000, .max_bytes = 2'000'000}) ==
          "nested deeper than 4096");
}

TEST_CASE("JSON text: agrees with a reference parser on random documents and on damaged ones") {
    std::mt19937 random(20261123);
    int valid = 0;
    int broken = 0;
    for (int i = 0; i < 20'000; ++i) {
        std::string text =
            random_document(random, 5).dump(random() % 3 == 0 ? 2 : -1, ' ', random() % 2 == 0);
        if (i % 4 != 0) mutate(text, random);
        if (stricter_here(text)) continue;
        const bool expected = json::accept(text);
        ++(expected ? valid : broken);
        if (json_fault(text).has_value() == expected) {
            FAIL("disagreement on: " << text << " -> " << fault_of(text));
        }
    }
    CHECK(valid > 2000);
    CHECK(broken > 2000);
}

TEST_CASE("JSON text: an object is told by its first character") {
    CHECK(json_is_object("{}"));
    CHECK(json_is_object(" \n\t{"));
    CHECK_FALSE(json_is_object("[]"));
    CHECK_FALSE(json_is_object(""));
}

TEST_CASE("JSON text: quoting any bytes gives a valid string that reads back") {
    std::mt19937 random(7);
    for (int i = 0; i < 5000; ++i) {
        std::string text;
        for (auto n = random() % 40; n > 0; --n)
            text += static_cast<char>(i % 2 == 0 ? random() % 256 : 1 + random() % 127);
        const std::string quoted = json_string(text);
        REQUIRE(fault_of(quoted) == "");
        const json parsed = json::parse(quoted);
        if (i % 2 != 0) CHECK(parsed.get<std::string>() == text);
    }
    CHECK(json_string(std::string_view("a\0z", 3)) == "\"a\uFFFDz\"");
    CHECK(json_string("a\xFFz") == "\"a\uFFFDz\"");
    CHECK(json_string("\x1b\r\n\x7f") == R"("\u001b\r\n\u007f")");
    CHECK(json_string("\u2028\u0085\u00e9") == "\"\\u2028\\u0085\u00e9\"");
    CHECK(json_string("8 or more plain bytes \"then\" a quote") ==
          R"("8 or more plain bytes \"then\" a quote")");
}
