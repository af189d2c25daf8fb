#pragma once
// The bytes of a template file, and whether they are text at all.

#include <filesystem>
#include <optional>
#include <string>

#include "host/templates/findings.hpp"

namespace tasker::host {

// The content of a regular file of at most `max_bytes`; otherwise the reason is recorded. Never blocks,
// whatever the file turned into since it was looked at.
std::optional<std::string> read_file(const std::filesystem::path& file, std::size_t max_bytes,
                                     Findings& findings);

// Checks size, encoding and control characters and removes a byte order mark. Nothing when it was refused.
std::optional<std::string> checked_text(std::string_view bytes, std::size_t max_bytes, Findings& findings);

}  // namespace tasker::host
