#pragma once
// Serves the API on a unix socket to this user and root. Owns its threads: one for the sockets, some for
// requests that may wait for a commit, so that neither a slow client nor a slow disk delays the others or the
// worker.

#include <cstddef>
#include <filesystem>
#include <memory>

#include "host/api/routes.hpp"
#include "host/logging/logger.hpp"

namespace tasker::host {

struct ApiServerOptions {
    std::filesystem::path socket;  // <state_dir>/api.sock; made 0600, an old one is replaced
    std::size_t max_connections =
        64;                         // above it, the oldest connection without a complete request is dropped
    int header_deadline_ms = 5000;  // from the first byte (or the connect) to the end of the header
    int request_deadline_ms = 10'000;  // to the end of the body; the same again to write the answer
    int idle_ms = 30'000;              // between two requests
    unsigned request_threads = 4;
};

class ApiServer {
  public:
    // Listens when it returns. Precondition: this process holds the store's lock, so that an old socket is a
    // dead one. What the context refers to must outlive the server. Throws BootstrapError (path too long, not
    // writable).
    ApiServer(ApiServerOptions options, ApiContext context, Logger log);
    ~ApiServer();
    ApiServer(const ApiServer&) = delete;
    ApiServer& operator=(const ApiServer&) = delete;

    // No new requests; running ones are answered, for at most 2 s. Removes the socket. Idempotent.
    void stop();

  private:
    struct Core;
    std::unique_ptr<Core> core_;
};

}  // namespace tasker::host
