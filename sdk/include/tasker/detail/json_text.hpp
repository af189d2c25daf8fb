#pragma once
// JSON values as text: what may be sent as it is, and what can be said about the rest.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdlib>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "tasker/json.hpp"

namespace tasker::detail {

// The host's limits.
inline constexpr std::size_t kMaxJsonDepth = 100;
inline constexpr std::size_t kMaxJsonBytes = std::size_t{1} << 20U;

// Never throws: what is not UTF-8 becomes U+FFFD, what is not finite null.
inline std::string lenient_dump(const json& value) {
    return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

// The text with U+FFFD for NUL and whatever is not UTF-8.
inline std::string readable(std::string_view text) {
    auto clean = json::parse(lenient_dump(json(text))).get<std::string>();
    for (auto at = clean.find('\0'); at != std::string::npos; at = clean.find('\0', at)) {
        clean.replace(at, 1, "\xEF\xBF\xBD");
    }
    return clean;
}

inline bool is_not_finite(const json& value) {
    return value.is_number_float() && !std::isfinite(value.get<double>());
}

// The serialiser would write NaN and the infinities as null; that must not pass for a result.
inline const char* unserialisable(const json& value, std::size_t depth = 0) {
    if (is_not_finite(value)) return "it has a number that is not finite";
    if (!value.is_structured()) return nullptr;
    if (depth >= kMaxJsonDepth) return "it is nested deeper than 100";
    for (const auto& item : value) {
        if (const char* why = unserialisable(item, depth + 1)) return why;
    }
    return nullptr;
}

// Throws std::invalid_argument for what has no JSON text.
inline std::string dump(const json& value) {
    if (const char* why = unserialisable(value)) throw std::invalid_argument(why);
    try {
        return value.dump();
    } catch (const json::exception& error) {
        throw std::invalid_argument(error.what());  // text that is not UTF-8
    }
}

// The value with a text in place of each part that the host would refuse. A failure says what it can.
inline json repaired(const json& value, std::size_t depth = 0) {
    if (is_not_finite(value)) return "not a finite number";
    if (value.is_string()) {
        const auto& text = value.get_ref<const std::string&>();
        auto clean = readable(text);
        if (clean == text) return value;
        const bool has_nul = text.find('\0') != std::string::npos;
        return (has_nul ? "with a NUL character: " : "not valid UTF-8: ") + std::move(clean);
    }
    if (!value.is_structured()) return value;
    if (depth + 1 >= kMaxJsonDepth) return "nested too deep";  // one level is the metadata's own
    json whole = value.is_array() ? json::array() : json::object();
    for (const auto& [key, item] : value.items()) {
        if (value.is_array()) {
            whole.push_back(repaired(item, depth + 1));
        } else {
            whole[readable(key)] = repaired(item, depth + 1);
        }
    }
    return whole;
}

// Why the host would refuse a text; see json_fault().
class FaultFinder : public nlohmann::json_sax<json> {
  public:
    explicit FaultFinder(std::size_t max_depth) : max_depth_(max_depth) {}

    bool null() override { return true; }
    bool boolean(bool) override { return true; }
    bool number_integer(number_integer_t) override { return true; }
    bool number_unsigned(number_unsigned_t) override { return true; }
    bool number_float(number_float_t, const string_t& digits) override { return decimals(digits); }
    bool string(string_t& text) override { return no_nul(text); }
    bool binary(binary_t&) override { return true; }
    bool start_object(std::size_t) override { return deeper(); }
    bool key(string_t& text) override { return no_nul(text); }
    bool end_object() override { return --depth_, true; }
    bool start_array(std::size_t) override { return deeper(); }
    bool end_array() override { return --depth_, true; }
    bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception& error) override {
        return refuse(std::string("not JSON: ") + error.what());
    }

    std::optional<std::string> fault;

  private:
    bool refuse(std::string why) {
        fault = std::move(why);
        return false;
    }
    bool no_nul(const std::string& text) {
        return text.find('\0') == std::string::npos || refuse("NUL character");
    }
    bool deeper() {
        return ++depth_ <= max_depth_ || refuse("nested deeper than " + std::to_string(max_depth_));
    }
    // PostgreSQL's numeric holds 16383 decimals.
    bool decimals(const std::string& digits) {
        const auto e = std::min(digits.find_first_of("eE"), digits.size());
        const auto point = std::min(digits.find('.'), e);
        const auto written = static_cast<long long>(e - point) - (point < e ? 1 : 0);
        const long long exponent = e < digits.size() ? std::strtoll(digits.c_str() + e + 1, nullptr, 10) : 0;
        return exponent >= written - 16383 || refuse("number with more than 16383 decimals");
    }

    std::size_t max_depth_;
    std::size_t depth_ = 0;
};

// The rule of the host that the text breaks, in words, or nothing.
inline std::optional<std::string> json_fault(std::string_view text, std::size_t max_depth = kMaxJsonDepth,
                                             std::size_t max_bytes = kMaxJsonBytes) {
    if (text.size() > max_bytes) {
        return "larger than " + std::to_string(max_bytes) + " bytes (" + std::to_string(text.size()) + ")";
    }
    if (text.starts_with("\xEF\xBB\xBF")) return "not JSON: a byte order mark";
    FaultFinder finder(max_depth);
    json::sax_parse(text, &finder);
    return std::move(finder.fault);
}

}  // namespace tasker::detail
