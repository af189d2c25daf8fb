#pragma once
// RUST_LOG as the Rust tools write it: "info", or a filter such as "warn,tasker=debug". Pure.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tasker::host {

// The global level of the filter as we spell it, or nothing when it has none. What does not count is said in
// `warnings`.
std::optional<std::string> rust_log_level(std::string_view filter, std::vector<std::string>& warnings);

}  // namespace tasker::host
