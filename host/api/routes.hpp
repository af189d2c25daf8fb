#pragma once
// The HTTP API as a function: request in, response out, no sockets. Served on the unix socket by api_server and called
// directly by the CLI when no host runs, so both speak the same documents: those of tasker-server's REST API
// (protocol.md part 11). Thread-safe.

#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "host/engine/engine.hpp"
#include "host/model/worker_status.hpp"

namespace tasker::host {

struct ApiRequest {
    std::string method;  // GET, POST, DELETE
    std::string target;  // "/v1/tasks?page=2"
    std::string body;
};
struct ApiResponse {
    int status = 200;
    std::string body;  // one JSON document
    std::string_view content_type = "application/json";
};

struct ApiContext {
    Engine& engine;
    std::function<WorkerStatus()> worker_status;  // empty when no worker runs in this process
    std::function<std::string()> plugins_json;    // likewise
    std::string default_version_hint;
    std::function<std::string()> handlers_json;      // likewise
    std::function<std::string()> metrics_text = {};  // likewise
};

// Never throws: an unexpected failure is a 500 with {"error":{"code","message"}}.
ApiResponse handle(const ApiRequest& request, const ApiContext& context);

// The largest body that a target takes, in bytes. A submission is 1 MiB of context and what surrounds it.
std::size_t body_limit(std::string_view target);
// True for the few answers that come from memory, so that they never queue behind a commit.
bool answers_at_once(std::string_view target);

}  // namespace tasker::host
