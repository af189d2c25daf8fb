#include "host/core/json_view.hpp"

#include <charconv>
#include <cstdint>

namespace tasker::host {

namespace {

constexpr std::string_view kBlanks = " \n\t\r";

std::size_t skip_blanks(std::string_view text, std::size_t at) {
    const auto found = text.find_first_not_of(kBlanks, at);
    return found == std::string_view::npos ? text.size() : found;
}

// The place after the string whose opening quote is at `at`.
std::size_t string_end(std::string_view text, std::size_t at) {
    for (;;) {
        at = text.find_first_of("\"\\", at + 1);
        if (at == std::string_view::npos) return text.size();
        if (text[at] == '"') return at + 1;
        ++at;
    }
}

std::size_t value_end(std::string_view text, std::size_t at) {
    if (at >= text.size()) return text.size();
    if (text[at] == '"') return string_end(text, at);
    if (text[at] != '{' && text[at] != '[') {
        const auto found = text.find_first_of(",]} \n\t\r", at);
        return found == std::string_view::npos ? text.size() : found;
    }
    std::size_t depth = 0;
    for (;;) {
        at = text.find_first_of("\"{}[]", at);
        if (at == std::string_view::npos) return text.size();
        if (text[at] == '"') {
            at = string_end(text, at);
            continue;
        }
        depth += text[at] == '{' || text[at] == '[' ? 1U : 0U;
        if ((text[at] == '}' || text[at] == ']') && --depth == 0) return at + 1;
        ++at;
    }
}

// The code unit of "\uXXXX" at `at`; nothing when it is cut or malformed.
std::optional<std::uint32_t> code_unit(std::string_view text, std::size_t at) {
    if (at + 6 > text.size() || text[at] != '\\' || text[at + 1] != 'u') return std::nullopt;
    std::uint32_t unit = 0;
    const char* const end = text.data() + at + 6;
    if (std::from_chars(text.data() + at + 2, end, unit, 16).ptr != end) return std::nullopt;
    return unit;
}

void append_utf8(std::string& out, std::uint32_t code) {
    const auto put = [&](std::uint32_t byte) { out += static_cast<char>(static_cast<std::uint8_t>(byte)); };
    if (code < 0x80) {
        put(code);
    } else if (code < 0x800) {
        put(0xC0U | code >> 6U);
        put(0x80U | (code & 0x3FU));
    } else if (code < 0x10000) {
        put(0xE0U | code >> 12U);
        put(0x80U | (code >> 6U & 0x3FU));
        put(0x80U | (code & 0x3FU));
    } else {
        put(0xF0U | code >> 18U);
        put(0x80U | (code >> 12U & 0x3FU));
        put(0x80U | (code >> 6U & 0x3FU));
        put(0x80U | (code & 0x3FU));
    }
}

// Undoes the \u escape at `at`, a surrogate pair as one; returns the place after it.
std::size_t append_unicode(std::string& out, std::string_view text, std::size_t at) {
    const auto first = code_unit(text, at);
    if (!first) return text.size();
    if (*first < 0xD800 || *first > 0xDFFF) {
        append_utf8(out, *first);
        return at + 6;
    }
    const auto second = code_unit(text, at + 6);
    if (*first > 0xDBFF || !second || *second < 0xDC00 || *second > 0xDFFF) {
        append_utf8(out, 0xFFFD);
        return at + 6;
    }
    append_utf8(out, 0x10000U + ((*first - 0xD800U) << 10U) + (*second - 0xDC00U));
    return at + 12;
}

}  // namespace

JsonWalk::JsonWalk(std::string_view container) : text_(container) {
    at_ = skip_blanks(text_, 0);
    if (at_ == text_.size()) return;
    if (text_[at_] == '{') close_ = '}';
    if (text_[at_] == '[') close_ = ']';
    ++at_;
}

bool JsonWalk::next() {
    if (close_ == '\0') return false;
    at_ = skip_blanks(text_, at_);
    if (at_ < text_.size() && text_[at_] == ',') at_ = skip_blanks(text_, at_ + 1);
    if (at_ >= text_.size() || text_[at_] == close_) return false;
    key_ = {};
    if (close_ == '}') {
        if (text_[at_] != '"') return false;
        const std::size_t end = string_end(text_, at_);
        if (end < at_ + 2) return false;
        key_ = text_.substr(at_ + 1, end - at_ - 2);
        at_ = skip_blanks(text_, end);
        if (at_ >= text_.size() || text_[at_] != ':') return false;
        at_ = skip_blanks(text_, at_ + 1);
    }
    const std::size_t end = value_end(text_, at_);
    if (end == at_) return false;
    value_ = text_.substr(at_, end - at_);
    at_ = end;
    return true;
}

std::string json_unescape(std::string_view text) {
    if (text.size() >= 2 && text.front() == '"' && text.back() == '"') text = text.substr(1, text.size() - 2);
    std::string out;
    out.reserve(text.size());
    for (std::size_t at = 0; at < text.size();) {
        const auto slash = text.find('\\', at);
        out.append(text, at, slash - at);
        if (slash == std::string_view::npos || slash + 1 >= text.size()) break;
        at = slash + 2;
        switch (text[slash + 1]) {
            case 'b':
                out += '\b';
                break;
            case 'f':
                out += '\f';
                break;
            case 'n':
                out += '\n';
                break;
            case 'r':
                out += '\r';
                break;
            case 't':
                out += '\t';
                break;
            case 'u':
                at = append_unicode(out, text, slash);
                break;
            default:
                out += text[slash + 1];
                break;
        }
    }
    return out;
}

std::optional<std::string_view> json_member(std::string_view object, std::string_view key) {
    if (object.find('{') == std::string_view::npos) return std::nullopt;
    for (JsonWalk walk(object); walk.next();) {
        if (walk.raw_key() == key) return walk.value();
        const bool escaped = walk.raw_key().find('\\') != std::string_view::npos;
        if (escaped && json_unescape(walk.raw_key()) == key) return walk.value();
    }
    return std::nullopt;
}

std::optional<std::string> json_string_member(std::string_view object, std::string_view key) {
    const auto value = json_member(object, key);
    if (!value || value->empty() || value->front() != '"') return std::nullopt;
    return json_unescape(*value);
}

}  // namespace tasker::host
