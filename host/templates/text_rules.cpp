#include "host/templates/text_rules.hpp"

#include <algorithm>

namespace tasker::host {

namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }

// Cuts off the longest beginning of such characters; how long it was.
template <class Fits>
std::size_t skip(std::string_view& text, Fits fits) {
    const auto end = std::find_if_not(text.begin(), text.end(), fits);
    const auto length = static_cast<std::size_t>(end - text.begin());
    text.remove_prefix(length);
    return length;
}

}  // namespace

std::int64_t text_length(std::string_view text) {
    return std::count_if(text.begin(), text.end(),
                         [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; });
}

bool is_namespace(std::string_view text) {
    const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
    return !text.empty() && letter(text[0]) &&
           std::all_of(text.begin(), text.end(), [&](char c) { return letter(c) || (c >= '0' && c <= '9'); });
}

bool is_timestamp(std::string_view text) {
    constexpr std::string_view kShape = "dddd-dd-ddTdd:dd:dd";
    if (text.size() < kShape.size() + 1) return false;
    const auto digit = [](char c) { return c >= '0' && c <= '9'; };
    const auto fits = [&](std::string_view shape, std::string_view part) {
        return shape.size() == part.size() &&
               std::equal(shape.begin(), shape.end(), part.begin(),
                          [&](char want, char c) { return want == 'd' ? digit(c) : want == c; });
    };
    if (!fits(kShape, text.substr(0, kShape.size()))) return false;
    text.remove_prefix(kShape.size());
    if (text[0] == '.') {
        const auto end = text.find_first_not_of("0123456789", 1);
        if (end == 1 || end == std::string_view::npos) return false;
        text.remove_prefix(end);
    }
    return text == "Z" || fits("+dd:dd", text) || fits("-dd:dd", text);
}

bool has_control(std::string_view text) {
    return std::any_of(text.begin(), text.end(), [](char c) {
        const auto byte = static_cast<unsigned char>(c);
        return (byte < 0x20 && byte != 0) || byte == 0x7F;  // NUL is refused in every text
    });
}

bool is_publisher(std::string_view text) {
    while (!text.empty() && is_letter(text.front())) {
        skip(text, [](char c) { return is_letter(c) || is_digit(c); });
        if (text.empty()) return true;
        const std::size_t joint = text.starts_with("::") ? 2 : text.front() == '.' ? 1 : 0;
        if (joint == 0) return false;
        text.remove_prefix(joint);
    }
    return false;
}

}  // namespace tasker::host
