#pragma once
// Who could have changed a plugin file: opens it only when that is nobody but root and the service user. What
// is checked is what is opened: each folder on the way is held by descriptor, nothing is looked up twice by
// name.

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "host/core/owned_fd.hpp"
#include "host/loader/accounts.hpp"

namespace tasker::host {

inline constexpr std::uint64_t kMaxPluginBytes = std::uint64_t{256} << 20U;

struct TrustedFile {
    OwnedFd fd;                       // of a regular file, for reading
    std::filesystem::path real_path;  // symlinks resolved
    std::uint64_t bytes = 0;
    std::uint64_t device = 0, inode = 0;  // identity of the file
    std::vector<std::string> warnings;
};

// Throws PluginError that names the path, the mode and the chmod or chown that cures it. With `relax` the
// faults of owner and mode are warnings; what is not a regular file of 1 byte to kMaxPluginBytes is refused
// all the same. Never blocks on a FIFO or a device.
TrustedFile open_trusted(const std::filesystem::path& file, bool relax,
                         const Accounts& accounts = system_accounts());

}  // namespace tasker::host
