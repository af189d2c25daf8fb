#pragma once
// The engine's end of the links to workers in other processes (host/runtime/link/README.md): a unix socket, one thread
// ("tw-link"), a session of the engine for each worker. It is the lease's keeper: the death of the worker's process ends
// the lease at once, the loss of the connection starts the reattach window, silence is asked after. The writer's thread
// never waits for a socket. Thread-safe.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "host/core/clock.hpp"
#include "host/engine/engine.hpp"
#include "host/logging/logger.hpp"

namespace tasker::host {

struct LinkOptions {
    std::filesystem::path socket;
    std::string token;                       // what workers must bring; empty: anything goes
    std::int64_t reattach_window_ms = 5000;  // without a connection, before the steps are taken back
    std::int64_t hello_within_ms = 5000;     // of a connection
    // A worker that says nothing is asked; after three questions, this far apart, without a word its lease ends. 0: never.
    std::int64_t ask_every_ms = 10'000;
    std::size_t max_connections = 256;
    // Where workers keep what they are running; empty: nobody is blamed for a death.
    std::filesystem::path flight_folder = {};
    // What a worker's process loaded, for new submissions, from the link's thread; empty: nobody wants to know.
    std::function<void(const std::vector<std::string>& namespaces, std::vector<TaskTemplate> templates)>
        on_catalog = {};
    // What a worker tells of itself, opaque here; likewise.
    std::function<void(const Uuid& session, std::vector<std::string> facts)> on_facts = {};
};

// A worker as the engine knows it.
struct LinkedWorker {
    Uuid session_uuid;
    std::string worker_id;
    std::vector<std::string> namespaces;
    std::int64_t generation = 0;
    int pid = 0;
    bool connected = false;
};

class LinkServer {
  public:
    // Listens when it returns. Throws BootstrapError or ConfigError when it cannot. The engine must outlive it.
    LinkServer(Engine& engine, LinkOptions options, const Clock& clock, Logger log);
    ~LinkServer();
    LinkServer(const LinkServer&) = delete;
    LinkServer& operator=(const LinkServer&) = delete;

    std::vector<LinkedWorker> workers() const;
    // Cuts every connection, not the leases: workers connect again with what they hold.
    void disconnect_all();
    // Ends the connections. Nothing is handed back: the claims wait for the next life of the engine. Idempotent.
    void stop();

  private:
    class Loop;
    std::unique_ptr<Loop> loop_;
};

}  // namespace tasker::host
