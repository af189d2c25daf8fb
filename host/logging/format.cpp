// One record, one line: whatever is in it.

#include <algorithm>
#include <array>
#include <cstdint>

#include "host/core/clock.hpp"
#include "host/core/json_text.hpp"
#include "host/logging/redact.hpp"
#include "host/logging/sinks.hpp"

namespace tasker::host {

namespace {

constexpr std::size_t kMaxFields = 64;
constexpr std::size_t kMaxKeyBytes = 128;
// Kept free at the end of a line for the note on what was left out.
constexpr std::size_t kReserve = 64;

struct PreparedField {
    std::string key;
    std::string value;
};

// At most `limit` bytes, cut between characters.
std::string_view cut(std::string_view text, std::size_t limit) {
    if (text.size() <= limit) return text;
    while (limit > 0 && (static_cast<std::uint8_t>(text[limit]) & 0xC0U) == 0x80U) --limit;
    return text.substr(0, limit);
}

std::string shortened(const std::string& text, std::size_t limit) {
    if (text.size() <= limit) return text;
    return std::string(cut(text, limit)) + "...[cut]";
}

std::string prepared_key(std::string_view key, const LogOptions& options) {
    std::string name = redact(cut(key, kMaxKeyBytes), options.secrets);
    if (name == "ts" || name == "level" || name == "msg") name.insert(0, "fields.");
    return name;
}

// Bound fields come first, so of two fields of one name the later, more specific one is kept.
std::vector<PreparedField> prepare(const LogRecord& record, const LogOptions& options) {
    std::vector<PreparedField> fields;
    const std::size_t count = std::min(record.fields.size(), kMaxFields);
    fields.reserve(count);
    for (std::size_t i = 0; i < count; ++i) {
        const LogField& field = record.fields[i];
        PreparedField next{prepared_key(field.key, options),
                           names_a_secret(field.key)
                               ? std::string("[REDACTED]")
                               : shortened(redact(field.value, options.secrets), options.max_field_bytes)};
        std::erase_if(fields, [&](const PreparedField& earlier) { return earlier.key == next.key; });
        fields.push_back(std::move(next));
    }
    return fields;
}

std::string message_of(const LogRecord& record, const LogOptions& options) {
    return shortened(redact(record.message, options.secrets), options.max_field_bytes);
}

using Encode = void (*)(std::string& out, std::string_view text);

// Escaping may grow a text sixfold, so a text is halved until what is written fits.
void append_bounded(std::string& out, std::string_view text, std::size_t room, Encode encode) {
    const std::size_t start = out.size();
    encode(out, text);
    while (out.size() - start > room && !text.empty()) {
        out.resize(start);
        text = cut(text, text.size() / 2);
        encode(out, text);
    }
}

// Code points that change what a terminal shows without being seen: bidirectional controls and the byte order
// mark.
bool is_invisible(std::string_view at) {
    constexpr std::array<std::string_view, 14> kInvisible{"\u061C", "\u200B", "\u200E", "\u200F", "\u202A",
                                                          "\u202B", "\u202C", "\u202D", "\u202E", "\u2066",
                                                          "\u2067", "\u2068", "\u2069", "\uFEFF"};
    return std::any_of(kInvisible.begin(), kInvisible.end(),
                       [&](std::string_view code) { return at.substr(0, code.size()) == code; });
}

std::size_t sequence_length(std::string_view at) {
    std::size_t length = 1;
    while (length < at.size() && (static_cast<std::uint8_t>(at[length]) & 0xC0U) == 0x80U) ++length;
    return length;
}

// JSON's escapes without its quotes; invisible characters by their bytes.
void append_printable(std::string& out, std::string_view text) {
    constexpr std::string_view kHex = "0123456789ABCDEF";
    const std::string quoted = json_string(text);
    std::string_view rest = std::string_view(quoted).substr(1, quoted.size() - 2);
    while (!rest.empty()) {
        if (rest.substr(0, 2) == "\\\"" || rest.substr(0, 2) == "\\\\") {
            out += rest[1];
            rest.remove_prefix(2);
            continue;
        }
        const std::size_t length = sequence_length(rest);
        if (is_invisible(rest)) {
            for (const char byte : rest.substr(0, length)) {
                out += "\\x";
                out += kHex[static_cast<std::uint8_t>(byte) >> 4U];
                out += kHex[static_cast<std::uint8_t>(byte) & 15U];
            }
        } else {
            out += rest.substr(0, length);
        }
        rest.remove_prefix(length);
    }
}

void append_pretty_value(std::string& out, std::string_view text) {
    const bool quote = text.empty() || text.find_first_of(" =\"\t\r\n") != std::string_view::npos;
    if (quote) out += '"';
    append_printable(out, text);
    if (quote) out += '"';
}

struct Paint {
    std::string_view level;
    std::string_view label;
};

Paint paint(LogLevel level) {
    switch (level) {
        case LogLevel::Trace:
            return {"\x1b[2m", "TRACE"};
        case LogLevel::Debug:
            return {"\x1b[36m", "DEBUG"};
        case LogLevel::Info:
            return {"\x1b[32m", "INFO "};
        case LogLevel::Warn:
            return {"\x1b[33m", "WARN "};
        case LogLevel::Error:
            return {"\x1b[31m", "ERROR"};
    }
    return {"", "?    "};
}

constexpr std::string_view kDim = "\x1b[2m";
constexpr std::string_view kPlain = "\x1b[0m";

void append_painted(std::string& out, std::string_view text, std::string_view color, bool on) {
    if (on) out += color;
    out += text;
    if (on) out += kPlain;
}

}  // namespace

std::string format_json(const LogRecord& record, const LogOptions& options) {
    std::string out = R"({"ts":")" + rfc3339(record.unix_ms) + R"(","level":")";
    out += name(record.level);
    out += R"(","msg":)";
    append_bounded(out, message_of(record, options), options.max_line_bytes / 2, append_json_string);
    const auto fields = prepare(record, options);
    std::size_t omitted = record.fields.size() - std::min(record.fields.size(), kMaxFields);
    for (const PreparedField& field : fields) {
        const std::size_t before = out.size();
        out += ',';
        append_json_string(out, field.key);
        out += ':';
        append_json_string(out, field.value);
        if (out.size() + kReserve > options.max_line_bytes) {
            out.resize(before);
            ++omitted;
        }
    }
    if (omitted > 0) out += R"(,"fields.omitted":")" + std::to_string(omitted) + '"';
    out += '}';
    return out;
}

std::string format_pretty(const LogRecord& record, const LogOptions& options) {
    const Paint look = paint(record.level);
    std::string out;
    append_painted(out, std::string_view(rfc3339(record.unix_ms)).substr(11), kDim, options.color);
    out += ' ';
    append_painted(out, look.label, look.level, options.color);
    out += ' ';
    append_bounded(out, message_of(record, options), options.max_line_bytes / 2, append_printable);
    std::size_t omitted = record.fields.size() - std::min(record.fields.size(), kMaxFields);
    for (const PreparedField& field : prepare(record, options)) {
        const std::size_t before = out.size();
        std::string key;
        append_printable(key, field.key);
        out += ' ';
        append_painted(out, key + '=', kDim, options.color);
        append_pretty_value(out, field.value);
        if (out.size() + kReserve > options.max_line_bytes) {
            out.resize(before);
            ++omitted;
        }
    }
    if (omitted > 0) out += " fields.omitted=" + std::to_string(omitted);
    return out;
}

}  // namespace tasker::host
