#pragma once
// The folder where a host and its commands meet: store, locks, API socket, plugin cache.

#include <filesystem>
#include <string>

#include "host/config/config.hpp"
#include "host/engine/store_lock.hpp"

namespace tasker::host {

// The configured one, else that of the store. Throws ConfigError when neither is known.
std::filesystem::path state_folder(const Config& config);
std::filesystem::path api_socket(const Config& config);

// Makes the folder and those above it that are missing, each 0700 from its first moment; one that exists is left as it
// is. Throws BootstrapError.
void make_private_folder(const std::filesystem::path& folder);

// One host serves a state folder, whatever its store is: the socket there answers for one. Makes the folder. Throws
// BootstrapError that names the other host's pid.
StoreLock claim_state_folder(const Config& config);

// "host with pid 12", or what can be said of a holder whose lock file is empty.
std::string described(const StoreHolder& holder);

}  // namespace tasker::host
