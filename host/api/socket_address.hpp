#pragma once
// The file name of a unix socket, checked: the kernel cuts longer ones without a word.

#include <sys/un.h>

#include <filesystem>

namespace tasker::host {

// Throws BootstrapError when the path is longer than 107 bytes.
sockaddr_un socket_address(const std::filesystem::path& path);

}  // namespace tasker::host
