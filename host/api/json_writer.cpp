#include "host/api/json_writer.hpp"

#include <array>
#include <cstdio>

#include "host/core/clock.hpp"
#include "host/core/json_text.hpp"

namespace tasker::host {

namespace {
// Without the blanks that an author may have put between tokens: a document is one line.
void append_compact(std::string& out, std::string_view json) {
    bool quoted = false;
    for (std::size_t at = 0; at < json.size(); ++at) {
        const char c = json[at];
        if (!quoted && (c == ' ' || c == '\n' || c == '\r' || c == '\t')) continue;
        out += c;
        if (c == '"') quoted = !quoted;
        if (quoted && c == '\\' && at + 1 < json.size()) out += json[++at];
    }
}
}  // namespace

void JsonObject::key(std::string_view name) {
    if (!first_) out_ += ',';
    first_ = false;
    append_json_string(out_, name);
    out_ += ':';
}

JsonObject& JsonObject::text(std::string_view name, std::string_view value) {
    key(name);
    append_json_string(out_, value);
    return *this;
}

JsonObject& JsonObject::maybe_text(std::string_view name, std::string_view value) {
    return value.empty() ? raw(name, {}) : text(name, value);
}

JsonObject& JsonObject::number(std::string_view name, std::int64_t value) {
    return raw(name, std::to_string(value));
}

JsonObject& JsonObject::fraction(std::string_view name, double value) {
    std::array<char, 64> digits{};
    std::snprintf(digits.data(), digits.size(), "%.2f", value);
    std::string text = digits.data();
    if (text.ends_with('0')) text.pop_back();
    return raw(name, text);
}

JsonObject& JsonObject::boolean(std::string_view name, bool value) {
    return raw(name, value ? "true" : "false");
}

JsonObject& JsonObject::time(std::string_view name, std::optional<std::int64_t> unix_ms) {
    return unix_ms ? text(name, rfc3339(*unix_ms)) : raw(name, {});
}

JsonObject& JsonObject::raw(std::string_view name, std::string_view json, std::string_view absent) {
    key(name);
    append_compact(out_, json.empty() ? absent : json);
    return *this;
}

}  // namespace tasker::host
