#include "host/model/result_rules.hpp"

#include "host/core/json_text.hpp"

namespace tasker::host {

std::optional<std::string> result_part_fault(std::string_view what, std::string_view json,
                                             bool must_be_object) {
    const std::string part(what);
    if (json.size() > kMaxResultBytes) return part + ": larger than 1 MiB";
    if (const auto fault = json_fault(json)) return part + ": " + *fault;
    if (must_be_object && !json_is_object(json)) return part + ": not an object";
    return std::nullopt;
}

}  // namespace tasker::host
