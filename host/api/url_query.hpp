#pragma once
// A request target in parts. Pure.

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tasker::host {

struct Target {
    std::vector<std::string> path;             // decoded segments: {"v1", "tasks"}
    std::map<std::string, std::string> query;  // decoded; of a repeated name the last counts
};

// Nothing for a target that is not origin-form, has a broken escape, a control character or an encoded slash.
std::optional<Target> parse_target(std::string_view target);
std::string percent_encoded(std::string_view text);

}  // namespace tasker::host
