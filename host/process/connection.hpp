#pragma once
// Whom a verb talks to: a running host over its socket, or the store itself while no host holds it.

#include <functional>
#include <memory>
#include <string>

#include "host/api/api_client.hpp"
#include "host/config/config.hpp"
#include "host/process/commands.hpp"

namespace tasker::host {

class HostAccess {
  public:
    virtual ~HostAccess() = default;
    virtual ApiClient& client() = 0;
    // False: the store is held by this process, and nothing runs steps.
    virtual bool host_running() const = 0;
};

enum class StoreUse {
    Create,    // make the store when there is none
    Existing,  // a missing store is NOT_FOUND
};

// Waits up to 5 s for another short command, or for a host that is just starting or stopping.
// Throws HostUnreachable, CommandFailure (no store), BootstrapError, StoreRefused.
std::unique_ptr<HostAccess> connect(const Config& config, StoreUse use);

// False when there is none. Throws BootstrapError when that cannot be told (permissions).
bool store_exists(const Config& config);

// The document of a successful answer; any other answer is thrown as a CommandFailure with its exit code.
std::string expect_document(const ApiResponse& response);

// The same for a change to something that was named soundly: what is refused then with 400 is its state (exit code 11).
std::string expect_allowed(const ApiResponse& response);

EngineOptions engine_options(const Config& config);

}  // namespace tasker::host
