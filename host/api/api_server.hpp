#pragma once
// Serves the API on a unix socket to this user and root, or over TCP to whoever may connect and shows the token. One
// server, one listener: what clients of the one do cannot take the places and threads of the other. Owns its threads: one
// for the sockets, some for requests that may wait for a commit, so that neither a slow client nor a slow disk delays the
// others or the worker.

#include <cstddef>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "host/api/routes.hpp"
#include "host/api/web_address.hpp"
#include "host/logging/logger.hpp"

namespace tasker::host {

struct ApiServerOptions {
    std::filesystem::path socket{};   // <state_dir>/api.sock; made 0600, an old one is replaced
    std::optional<WebAddress> web{};  // serve there instead of on the socket
    std::string token{};              // over TCP: what every request must show; empty: nothing
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
    // writable, port taken). Precondition: a `web` address that is not a loopback one comes with a token.
    ApiServer(ApiServerOptions options, ApiContext context, Logger log);
    ~ApiServer();
    ApiServer(const ApiServer&) = delete;
    ApiServer& operator=(const ApiServer&) = delete;

    // Where it listens: the socket's path, or the address with the port that was taken.
    std::string place() const;

    // From now on every request must show this token; connections that came with the old one are closed, those that are
    // being answered after their answer. Precondition: served over TCP, with a token from the start. Thread-safe; not
    // during or after stop().
    void set_token(std::string token);

    // No new requests; running ones are answered, for at most 2 s. Removes the socket. Idempotent.
    void stop();

  private:
    struct Core;
    std::unique_ptr<Core> core_;
};

}  // namespace tasker::host
