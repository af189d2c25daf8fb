#include "host/config/duration.hpp"

#include <array>
#include <charconv>
#include <limits>
#include <utility>

namespace tasker::host {

namespace {
using Unit = std::pair<std::string_view, std::int64_t>;
constexpr std::array kUnits{Unit{"d", 86'400'000}, Unit{"h", 3'600'000}, Unit{"m", 60'000}, Unit{"s", 1000},
                            Unit{"ms", 1}};
}  // namespace

std::optional<std::int64_t> parse_duration(std::string_view text) {
    if (text == "0") return 0;
    std::int64_t count = 0;
    const auto [rest, fault] = std::from_chars(text.data(), text.data() + text.size(), count);
    if (fault != std::errc{} || count < 0) return std::nullopt;
    const std::string_view unit = text.substr(static_cast<std::size_t>(rest - text.data()));
    for (const auto& [name, ms] : kUnits) {
        if (unit != name) continue;
        if (count > std::numeric_limits<std::int64_t>::max() / ms) return std::nullopt;
        return count * ms;
    }
    return std::nullopt;
}

std::string format_duration(std::int64_t ms) {
    if (ms == 0) return "0";
    for (const auto& [name, unit_ms] : kUnits) {
        if (ms % unit_ms == 0) return std::to_string(ms / unit_ms) + std::string{name};
    }
    return std::to_string(ms) + "ms";
}

}  // namespace tasker::host
