#pragma once
// Private copies of plugin files, named by their content: <cache>/<aa>/<sha256>/<name>.so. What happens to the
// original while it is loaded (overwritten, replaced, deleted) does not touch the copy. One process at a time is not
// assumed: copies are published by rename.

#include <cstdint>
#include <filesystem>
#include <string>

#include "host/loader/file_trust.hpp"

namespace tasker::host {

struct PluginBytes {
    std::string content;
    std::string sha256;  // 64 hexadecimal digits
};

// Reads the file once, through its descriptor: what is hashed, checked and copied is the same bytes. Throws PluginError.
PluginBytes read_plugin(const TrustedFile& file);

// When a copy is on the disk: at once, or after the next sync_plugins(). A torn one is found by its content.
enum class CopySync : std::uint8_t { Now, Later };

// The path of the copy; an existing one is compared and replaced when it differs. Throws PluginError (disk full, ...).
std::filesystem::path store_plugin(const std::filesystem::path& cache_dir,
                                   const std::filesystem::path& original, const PluginBytes& plugin,
                                   CopySync sync = CopySync::Now);
// Puts all copies on the disk: cheaper than one by one when they are many. Throws PluginError.
void sync_plugins(const std::filesystem::path& cache_dir);

}  // namespace tasker::host
