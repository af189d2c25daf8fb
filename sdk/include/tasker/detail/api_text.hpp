#pragma once
// Texts of an HTTP exchange: what goes into a URL or a header, what may be shown of it. Pure.

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tasker/detail/convert.hpp"
#include "tasker/json.hpp"

namespace tasker::detail {

inline std::string lower(std::string_view text) {
    std::string out(text);
    for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    return out;
}

inline std::string_view trimmed(std::string_view text) {
    constexpr std::string_view kBlanks = " \t\r\n";
    const auto first = text.find_first_not_of(kBlanks);
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

// RFC 3986: everything but the unreserved characters, byte by byte.
inline std::string percent_encoded(std::string_view text) {
    constexpr std::string_view kHex = "0123456789ABCDEF";
    std::string out;
    out.reserve(text.size());
    for (const char c : text) {
        const bool plain = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                           c == '-' || c == '.' || c == '_' || c == '~';
        if (plain) {
            out += c;
            continue;
        }
        const auto byte = static_cast<unsigned char>(c);
        out += '%';
        out += kHex[byte >> 4U];
        out += kHex[byte & 15U];
    }
    return out;
}

inline std::string base64(std::string_view text) {
    constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string out;
    for (std::size_t i = 0; i < text.size(); i += 3) {
        const std::size_t count = std::min<std::size_t>(3, text.size() - i);
        std::uint32_t bits = 0;
        for (std::size_t j = 0; j < 3; ++j) {
            bits = bits << 8U | (j < count ? static_cast<unsigned char>(text[i + j]) : 0U);
        }
        for (std::size_t j = 0; j < 4; ++j) {
            out += j <= count ? kDigits[bits >> (18 - 6 * j) & 63U] : '=';
        }
    }
    return out;
}

// name=value&...: null members are left out, an array is its items one after the other. Throws ValidationError for a
// value that has no plain text.
inline std::string form_encoded(const json& fields, std::string_view what) {
    std::string out;
    if (fields.is_null()) return out;
    if (!fields.is_object()) wrong_type({"value", what}, "object", type_name(fields));
    const auto add = [&](const std::string& name, const json& value) {
        if (value.is_structured()) wrong_type({what, name}, "text, number or boolean", type_name(value));
        if (!out.empty()) out += '&';
        out += percent_encoded(name) + '=' +
               percent_encoded(value.is_string() ? value.get<std::string>() : value.dump());
    };
    for (const auto& [name, value] : fields.items()) {
        if (value.is_null()) continue;
        if (!value.is_array()) {
            add(name, value);
            continue;
        }
        for (const auto& item : value) {
            if (!item.is_null()) add(name, item);
        }
    }
    return out;
}

// A line break in a header would smuggle in another one.
inline void check_header(std::string_view name, std::string_view value) {
    const bool good_name = !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
        return std::isalnum(static_cast<unsigned char>(c)) != 0 ||
               std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
    });
    const bool good_value = value.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos;
    if (good_name && good_value) return;
    throw ValidationError(
        "the header '" + std::string(name.substr(0, 64)) +
            "' cannot be sent: its name or value has a character that headers must not have",
        "BAD_HEADER");
}

inline bool is_json_type(std::string_view content_type) {
    const std::string type(trimmed(content_type.substr(0, content_type.find(';'))));
    const std::string plain = lower(type);
    return plain == "application/json" || plain == "text/json" || plain.ends_with("+json");
}

// The text with every secret of at least four characters hidden.
inline std::string without_secrets(std::string text, const std::vector<std::string>& secrets) {
    constexpr std::string_view kHidden = "[redacted]";
    for (const auto& secret : secrets) {
        if (secret.size() < 4) continue;
        for (auto at = text.find(secret); at != std::string::npos;
             at = text.find(secret, at + kHidden.size()))
            text.replace(at, secret.size(), kHidden);
    }
    return text;
}

// ---- Retry-After ----
struct DateWords {
    std::vector<std::string_view> words;
    explicit DateWords(std::string_view text) {
        while (!(text = trimmed(text)).empty()) {
            const auto end = std::min(text.find_first_of(" ,-"), text.size());
            if (end > 0) words.push_back(text.substr(0, end));
            text.remove_prefix(std::min(end + 1, text.size()));
        }
    }
    std::optional<int> number(std::size_t index) const {
        if (index >= words.size()) return std::nullopt;
        int value = 0;
        const auto* const end = words[index].data() + words[index].size();
        const auto read = std::from_chars(words[index].data(), end, value);
        if (read.ec != std::errc{} || read.ptr != end || value < 0) return std::nullopt;
        return value;
    }
};

inline std::optional<unsigned> month_of(std::string_view name) {
    constexpr std::array<std::string_view, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    const auto* const found = std::find(kMonths.begin(), kMonths.end(), name);
    if (found == kMonths.end()) return std::nullopt;
    return static_cast<unsigned>(found - kMonths.begin()) + 1;
}

inline std::optional<std::chrono::seconds> time_of_day(std::string_view text) {
    if (text.size() != 8 || text[2] != ':' || text[5] != ':') return std::nullopt;
    std::array<int, 3> part{};
    for (std::size_t i = 0; i < 3; ++i) {
        const auto* const from = text.data() + 3 * i;
        if (std::from_chars(from, from + 2, part[i]).ptr != from + 2) return std::nullopt;
    }
    if (part[0] < 0 || part[0] > 23 || part[1] < 0 || part[1] > 59 || part[2] < 0 || part[2] > 60)
        return std::nullopt;
    return std::chrono::hours(part[0]) + std::chrono::minutes(part[1]) + std::chrono::seconds(part[2]);
}

// The three forms of an HTTP date (RFC 9110, 5.6.7).
inline std::optional<std::chrono::system_clock::time_point> parse_http_date(std::string_view text) {
    const DateWords date(text);
    if (date.words.size() < 5) return std::nullopt;
    const bool asctime = month_of(date.words[1]).has_value();  // Sun Nov  6 08:49:37 1994
    const auto day = date.number(asctime ? 2 : 1);
    const auto month = month_of(date.words[asctime ? 1 : 2]);
    auto year = date.number(asctime ? 4 : 3);
    const auto clock = time_of_day(date.words[asctime ? 3 : 4]);
    if (!day || !month || !year || !clock) return std::nullopt;
    if (*year < 100) *year += *year < 70 ? 2000 : 1900;  // Sunday, 06-Nov-94 08:49:37 GMT
    const std::chrono::year_month_day ymd{std::chrono::year(*year), std::chrono::month(*month),
                                          std::chrono::day(static_cast<unsigned>(*day))};
    if (!ymd.ok() || *year > 9999) return std::nullopt;
    return std::chrono::system_clock::time_point(std::chrono::sys_days(ymd)) + *clock;
}

// Whole seconds or a date. What is neither asks for a minute; a date that has passed for nothing.
inline std::chrono::seconds parse_retry_after(std::string_view text,
                                              std::chrono::system_clock::time_point now) {
    constexpr std::chrono::seconds kUnreadable{60}, kMost{366 * 86400};
    text = trimmed(text);
    if (!text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos) {
        std::int64_t seconds = 0;
        if (std::from_chars(text.data(), text.data() + text.size(), seconds).ec != std::errc{}) return kMost;
        return std::min(std::chrono::seconds(seconds), kMost);
    }
    const auto date = parse_http_date(text);
    if (!date) return kUnreadable;
    const auto wait = std::chrono::ceil<std::chrono::seconds>(*date - now);
    return std::clamp(wait, std::chrono::seconds(0), kMost);
}

}  // namespace tasker::detail
