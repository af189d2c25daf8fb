#pragma once
// What a result must keep to be stored and read back, whoever made it. Pure.

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace tasker::host {

inline constexpr std::size_t kMaxResultBytes = std::size_t{1}
                                               << 20U;  // of each part, as for a submission's context

// Why the part cannot be stored, beginning with `what`; nothing when it can.
std::optional<std::string> result_part_fault(std::string_view what, std::string_view json,
                                             bool must_be_object);

}  // namespace tasker::host
