#pragma once
// A file that is either the old one or the new one, whatever dies.

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>

namespace tasker::host {

// Written beside its place, put on the disk and renamed; mode 0600. Its folder must exist. Throws Error (path, reason).
void write_durably(const std::filesystem::path& path, const std::string& text);

// The whole file; nothing when it is not there, cannot be read, or is larger than `most`. Throws nothing for what disks do.
std::optional<std::string> read_whole(const std::filesystem::path& path,
                                      std::size_t most = std::size_t{256} << 20U);

}  // namespace tasker::host
