#pragma once
// Members of a failure that arrive as JSON. Pure.

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tasker::host {

using Headers = std::vector<std::pair<std::string, std::string>>;

// An object of texts; nothing when it is anything else or too much: 64 headers, names of 1 to 256 bytes, 64 KiB in all.
std::optional<Headers> read_headers(std::string_view json);

}  // namespace tasker::host
