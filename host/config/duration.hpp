#pragma once
// Lengths of time as people write them: "250ms", "30s", "5m", "24h", "7d", and "0". Pure.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tasker::host {

// Milliseconds, or nothing when the text is not a whole number with a unit.
std::optional<std::int64_t> parse_duration(std::string_view text);
// The shortest exact form: 90000 is "90s", 60000 is "1m".
std::string format_duration(std::int64_t ms);

}  // namespace tasker::host
