#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <random>
#include <string>

#include "host/core/json_text.hpp"
#include "host/logging/sinks.hpp"

using namespace tasker::host;
using nlohmann::json;

namespace {

LogRecord record(std::string message, LogFields fields = {}) {
    LogRecord result;
    result.unix_ms = 1'795'461'614'007;
    result.level = LogLevel::Info;
    result.message = std::move(message);
    result.fields = std::move(fields);
    return result;
}

bool one_line(const std::string& line) {
    // Anything that some reader takes for a line break or a terminal takes for a command.
    for (const char* bad : {"\n", "\r", "\x1b", "\u2028", "\u2029", "\u0085", "\u009b", "\x7f"}) {
        if (line.find(bad) != std::string::npos) return false;
    }
    return line.find('\0') == std::string::npos;
}

}  // namespace

TEST_CASE("Log as JSON: ts, level and msg first, then the fields flat and in order") {
    CHECK(
        format_json(record("step done", {{"component", "subscriber"}, {"duration_ms", 12}}), {}) ==
        R"({"ts":"2026-11-23T19:20:14.007Z","level":"info","msg":"step done","component":"subscriber","duration_ms":"12"})");
}

TEST_CASE("Log as JSON: a reserved name becomes fields.NAME, the later of two equal names is kept") {
    const auto line = format_json(record("m", {{"ts", "1"},
                                               {"level", "2"},
                                               {"msg", "3"},
                                               {"a", "old"},
                                               {"b", "x"},
                                               {"a", "new"},
                                               {"fields.ts", "last"}}),
                                  {});
    CHECK(
        line ==
        R"({"ts":"2026-11-23T19:20:14.007Z","level":"info","msg":"m","fields.level":"2","fields.msg":"3","b":"x","a":"new",)"
        R"("fields.ts":"last"})");
}

TEST_CASE("Log as JSON: hostile values in every place give one valid, capped line") {
    const LogOptions options;
    const std::string hostile[] = {"\x1b[2J\x1b[31m",
                                   "a\r\nlevel=error",
                                   "\"},{\"level\":\"error",
                                   "\xFF\xFE\x80",
                                   "\u2028\u2029\u0085",
                                   std::string(1 << 20, 'x'),
                                   std::string(1 << 20, '\x01'),
                                   std::string("a\0b", 3),
                                   "",
                                   "\xF0\x9F\x98",
                                   "\u202Egnp.exe",
                                   std::string(1 << 16, '\xE2')};
    for (const std::string& text : hostile) {
        for (const LogRecord& entry :
             {record(text), record("m", {{"key", text}}), record("m", {{text, "value"}}),
              record(text,
                     {{text, text}, {"b", text}, {"c", text}, {"d", text}, {"e", text}, {"f", text}})}) {
            const std::string line = format_json(entry, options);
            CHECK(json_fault(line) == std::nullopt);
            CHECK(one_line(line));
            CHECK(line.size() <= options.max_line_bytes);
            CHECK(json::parse(line)["level"] == "info");
            const std::string pretty = format_pretty(entry, options);
            CHECK(one_line(pretty));
            CHECK(pretty.size() <= options.max_line_bytes);
            CHECK(pretty.find("\u202E") == std::string::npos);
        }
    }
}

TEST_CASE("Log as JSON: random bytes never break the line") {
    std::mt19937 random(11);
    for (int i = 0; i < 3000; ++i) {
        std::string text;
        for (auto n = random() % 60; n > 0; --n) text += static_cast<char>(random() % 256);
        const std::string line = format_json(record(text, {{text, text}}), {});
        REQUIRE(json::accept(line));
        REQUIRE(one_line(line));
        REQUIRE(one_line(format_pretty(record(text, {{text, text}}), {})));
    }
}

TEST_CASE("Log: a value is cut between characters and says so") {
    LogOptions options;
    options.max_field_bytes = 4;
    CHECK(json::parse(format_json(record("abc\u20acdef"), options))["msg"] == "abc...[cut]");
    CHECK(json::parse(format_json(record("abcd"), options))["msg"] == "abcd");
}

TEST_CASE("Log: fields beyond the line's room are counted") {
    LogOptions options;
    options.max_line_bytes = 512;
    LogFields fields;
    for (int i = 0; i < 100; ++i) fields.emplace_back("key" + std::to_string(i), "0123456789");
    const std::string line = format_json(record("m", fields), options);
    CHECK(line.size() <= 512);
    const json parsed = json::parse(line);
    CHECK(parsed["key0"] == "0123456789");
    CHECK(std::stoi(parsed["fields.omitted"].get<std::string>()) + static_cast<int>(parsed.size()) - 4 ==
          100);
    CHECK(format_pretty(record("m", fields), options).size() <= 512);
}

TEST_CASE("Log: secrets and passwords are gone from message, keys and values") {
    LogOptions options;
    options.secrets = {"hunter2"};
    const LogRecord entry = record("token hunter2, url postgres://u:pw@h/d",
                                   {{"url", "postgres://u:pw@h/d"}, {"hunter2", "x"}, {"t", "hunter2"}});
    for (const std::string& line : {format_json(entry, options), format_pretty(entry, options)}) {
        CHECK(line.find("hunter2") == std::string::npos);
        CHECK(line.find("pw@") == std::string::npos);
        CHECK(line.find("u:[REDACTED]@h/d") != std::string::npos);
    }
}

TEST_CASE("Log for people: time, level, message, then key=value with quotes where needed") {
    CHECK(format_pretty(record("step done", {{"step", "ship"}, {"error", "no \"luck\""}, {"empty", ""}}),
                        {}) == "19:20:14.007Z INFO  step done step=ship error=\"no \"luck\"\" empty=\"\"");
    LogOptions colored;
    colored.color = true;
    CHECK(format_pretty(record("m"), colored).find("\x1b[32mINFO \x1b[0m") != std::string::npos);
}

TEST_CASE("Log for people: control and bidirectional characters are spelt out") {
    CHECK(format_pretty(record("a\x1b[31mb\nc\u202Ed"), {}) ==
          "19:20:14.007Z INFO  a\\u001b[31mb\\nc\\xE2\\x80\\xAEd");
}

TEST_CASE("format: a field with a secret's name is not shown, in either format") {
    const LogRecord said =
        record("paying", {{"card_token", "4111-tok"}, {"Authorization", "Bearer abc"}, {"order", "A-1"}});
    for (const std::string& line : {format_json(said, {}), format_pretty(said, {})}) {
        CHECK_MESSAGE(line.find("4111-tok") == std::string::npos, line);
        CHECK_MESSAGE(line.find("Bearer") == std::string::npos, line);
        CHECK_MESSAGE(line.find("[REDACTED]") != std::string::npos, line);
        CHECK_MESSAGE(line.find("A-1") != std::string::npos, line);
    }
}
