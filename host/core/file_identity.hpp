#pragma once
// Which file a descriptor stands for. A plugin may close descriptors that are not its own, and their numbers are then given
// out again: who holds one for long compares before it trusts it.

#include <sys/stat.h>

#include <optional>

namespace tasker::host {

struct FileIdentity {
    dev_t device = 0;
    ino_t inode = 0;

    bool operator==(const FileIdentity&) const = default;
};

// Nothing: the descriptor is closed. No two open pipes, sockets or files have the same; all eventfds do.
inline std::optional<FileIdentity> identity_of(int fd) {
    struct stat now {};
    if (::fstat(fd, &now) != 0) return std::nullopt;
    return FileIdentity{now.st_dev, now.st_ino};
}

}  // namespace tasker::host
