#include "host/loader/printable.hpp"

#include <algorithm>

namespace tasker::host {

namespace {
constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

unsigned byte_at(std::string_view text, std::size_t at) { return static_cast<unsigned char>(text[at]); }

// Length of the valid sequence at `at`, or 0. Overlong forms and surrogates are not valid.
std::size_t sequence_length(std::string_view text, std::size_t at) {
    const unsigned lead = byte_at(text, at);
    if (lead == 0) return 0;
    if (lead < 0x80) return 1;
    std::size_t length = 0;
    unsigned low = 0x80, high = 0xBF;
    if (lead >= 0xC2 && lead <= 0xDF)
        length = 2;
    else if (lead >= 0xE0 && lead <= 0xEF)
        length = 3;
    else if (lead >= 0xF0 && lead <= 0xF4)
        length = 4;
    else
        return 0;
    if (lead == 0xE0) low = 0xA0;
    if (lead == 0xED) high = 0x9F;
    if (lead == 0xF0) low = 0x90;
    if (lead == 0xF4) high = 0x8F;
    if (text.size() - at < length) return 0;
    if (byte_at(text, at + 1) < low || byte_at(text, at + 1) > high) return 0;
    for (std::size_t i = 2; i < length; ++i) {
        if ((byte_at(text, at + i) & 0xC0U) != 0x80U) return 0;
    }
    return length;
}
}  // namespace

std::string printable(std::string_view text, std::size_t max_bytes) {
    constexpr std::string_view kHex = "0123456789abcdef";
    std::string out;
    for (std::size_t at = 0; at < std::min(text.size(), max_bytes);) {
        const std::size_t length = sequence_length(text, at);
        const unsigned byte = byte_at(text, at);
        const bool plain = length == 1 && byte >= 0x20 && byte != 0x7F && byte != '\\';
        const bool c1_control = length == 2 && byte == 0xC2 && byte_at(text, at + 1) < 0xA0;
        if (plain || (length > 1 && !c1_control)) {
            out += text.substr(at, length);
            at += length;
            continue;
        }
        out += "\\x";
        out += kHex[byte >> 4U];
        out += kHex[byte & 0xFU];
        ++at;
    }
    if (text.size() > max_bytes) out += "... (" + std::to_string(text.size()) + " bytes)";
    return out;
}

std::string clean_utf8(std::string_view text, std::size_t max_bytes) {
    std::string out;
    out.reserve(std::min(text.size(), max_bytes));
    std::size_t at = 0;
    while (at < text.size()) {
        const std::size_t length = sequence_length(text, at);
        const std::string_view piece = length == 0 ? kReplacement : text.substr(at, length);
        if (out.size() + piece.size() > max_bytes) break;
        out += piece;
        at += length == 0 ? 1 : length;
    }
    return out;
}

std::string shell_word(std::string_view text) {
    constexpr std::string_view kPlain =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-./+:,@%=";
    if (!text.empty() && text.find_first_not_of(kPlain) == std::string_view::npos) return std::string(text);
    std::string out = "'";
    for (const char c : text) {
        if (c == '\'')
            out += "'\\''";
        else
            out += c;
    }
    return out + "'";
}

}  // namespace tasker::host
