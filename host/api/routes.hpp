#pragma once
// The HTTP API as a function: request in, response out, no sockets. Served on the unix socket, and on TCP where that is
// asked for, by api_server and called directly by the CLI when no host runs, so all speak the same documents: those of
// tasker-server's REST API (protocol.md part 11). Thread-safe.

#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "host/core/clock.hpp"
#include "host/engine/engine.hpp"
#include "host/model/worker_status.hpp"

namespace tasker::host {

struct ApiRequest {
    std::string method;  // GET, HEAD, POST, PATCH, DELETE
    std::string target;  // "/v1/tasks?page=2"
    std::string body;
    std::string content_type =
        "application/json";  // of the body, as the client says it; empty: it says nothing
    bool local = true;       // from this process, or over the unix socket: from this user or root
    bool trusted = true;     // false: a token is asked for, and none was shown
};
struct ApiResponse {
    int status = 200;
    std::string body;  // one JSON document
    std::string_view content_type = "application/json";
    std::string headers{};  // more of them, each with its end of line: "Allow: GET\r\n"
};

// What /config and /health tell of the process. Empty where there is nothing to tell.
struct ServiceFacts {
    std::string version, environment, worker_id;
    bool token_required = false;  // on TCP
};

struct ApiContext {
    Engine& engine;
    std::function<WorkerStatus()> worker_status;  // empty when no worker runs in this process
    std::function<std::string()> plugins_json;    // likewise
    std::string default_version_hint;
    std::function<std::string()> handlers_json;      // likewise
    std::function<std::string()> metrics_text = {};  // likewise
    ServiceFacts service = {};
    const Clock* clock = nullptr;  // null: the system's
};

// Never throws: an unexpected failure is a 500 with {"error":{"code","message"}}.
ApiResponse handle(const ApiRequest& request, const ApiContext& context);

// The largest body that a target takes, in bytes. A submission is 1 MiB of context and what surrounds it; only the local
// socket takes batches that are larger.
std::size_t body_limit(std::string_view target, bool local = true);
// True for the few answers that come from memory, so that they never queue behind a commit.
bool answers_at_once(std::string_view target);
// True for what anybody may ask, also where a token is needed: whether the process lives and is ready, without reasons.
bool open_to_all(std::string_view target);

}  // namespace tasker::host
