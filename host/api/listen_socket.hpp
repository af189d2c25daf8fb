#pragma once
// Sockets that listen. The descriptors are the caller's.

#include <filesystem>

#include "host/api/web_address.hpp"

namespace tasker::host {

// Made under a temporary name with mode 0600 and renamed when it listens: whoever sees the name can connect, and nobody
// else ever can. An old socket there is replaced. Throws BootstrapError.
int listen_unix(const std::filesystem::path& path);

// `address` gets the port that was taken. Throws BootstrapError.
int listen_tcp(WebAddress& address);

}  // namespace tasker::host
