// Plain scalars mean what YAML 1.2's core schema says, seen through `initialization`.

#include <doctest/doctest.h>

#include <utility>

#include "tests/unit/templates/template_text.hpp"

using namespace tasker::host;
using namespace tasker::host::testing;

TEST_CASE("each plain or quoted scalar reaches the handler with its YAML 1.2 type") {
    const std::vector<std::pair<const char*, const char*>> rows{
        {"yes", R"("yes")"},
        {"off", R"("off")"},
        {"True", "true"},
        {"FALSE", "false"},
        {"'true'", R"("true")"},
        {"~", "null"},
        {"Null", "null"},
        {"", "null"},
        {"''", R"("")"},
        {"'~'", R"("~")"},
        {"12", "12"},
        {"-12", "-12"},
        {"+12", "12"},
        {"012", "12"},
        {"0o17", "15"},
        {"0x1F", "31"},
        {"\"12\"", R"("12")"},
        {"1_000", R"("1_000")"},
        {"12:30", R"("12:30")"},
        {"1.5", "1.5"},
        {"1.", "1.0"},
        {".5", "0.5"},
        {"-1.5e3", "-1500.0"},
        {"1e3", "1000.0"},
        {"+.5", "0.5"},
        {".", R"(".")"},
        {"e3", R"("e3")"},
        {"1e", R"("1e")"},
        {"0x", R"("0x")"},
        {"0x-1", R"("0x-1")"},
        {"-0x1", R"("-0x1")"},
        {"-", nullptr},
        {"2026-01-31", R"("2026-01-31")"},
        {"9223372036854775807", "9223372036854775807"},
        {"-9223372036854775808", "-9223372036854775808"},
        {"\xC3\xA9", "\"\xC3\xA9\""},
    };
    for (const auto& [yaml, json] : rows) {
        if (json == nullptr) continue;
        CAPTURE(yaml);
        const auto loaded =
            parsed(minimal("demo", "      initialization:\n        v: " + std::string(yaml) + "\n"));
        REQUIRE(all_text(loaded.diagnostics) == "");
        CHECK(loaded.catalog.all().at(0)->steps[0].handler.initialization_json ==
              "{\"v\":" + std::string(json) + "}");
    }
}

TEST_CASE("numbers that JSON does not have are refused where they stand") {
    for (const char* yaml :
         {".inf", "-.INF", ".NaN", "1e999", "9223372036854775808", "0xFFFFFFFFFFFFFFFFF"}) {
        CAPTURE(yaml);
        const auto loaded =
            parsed(minimal("demo", "      initialization:\n        v: " + std::string(yaml) + "\n"));
        REQUIRE(loaded.diagnostics.size() == 1);
        CHECK(loaded.diagnostics[0].code == "OUT_OF_RANGE");
        CHECK(loaded.diagnostics[0].line == 10);
        CHECK(loaded.diagnostics[0].column == 12);
    }
}

TEST_CASE("block scalars and keys of any scalar form are texts") {
    const auto loaded =
        parsed(minimal("demo", "      initialization:\n        404: |\n          true\n        <<x: 1\n"));
    REQUIRE(all_text(loaded.diagnostics) == "");
    CHECK(loaded.catalog.all().at(0)->steps[0].handler.initialization_json ==
          "{\"404\":\"true\\n\",\"<<x\":1}");
}
