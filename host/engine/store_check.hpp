#pragma once
// Is the store sound, and a copy of it. Both read one snapshot while the engine runs.

#include <filesystem>
#include <string>
#include <vector>

#include "host/engine/pinned_templates.hpp"
#include "host/engine/sqlite.hpp"

namespace tasker::host {

// SQLite's integrity check and the engine's invariants; one line for each fault, at most 100.
std::vector<std::string> check_store(SqlConnection& reader, PinnedTemplates& pinned);
// Throws Error when the target exists or cannot be written.
void backup_store(SqlConnection& reader, const std::filesystem::path& target);

}  // namespace tasker::host
