#pragma once
// The seed's bootstrap values.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tasker::host {

struct BootstrapResult {
    bool success = false;
    std::string handle_id;  // of this worker instance; a UUID
    std::string worker_id;
    std::string status;  // "started", "already_running" or "failed"
    std::string message;
    std::optional<std::string> error_message;
};

struct WorkerStatus {
    bool running = false;
    std::string environment;         // test, development, production
    std::string worker_core_status;  // starting, running, draining, stopped
    bool web_api_enabled = false;
    std::vector<std::string> supported_namespaces;
    int database_pool_size = 0;  // connections to the store
    int database_pool_idle = 0;
    std::optional<std::string> error;  // why it is not running
    // Ours, beside the seed's:
    std::string worker_id;
    std::int64_t uptime_ms = 0;
    int handlers = 0, templates = 0, plugins = 0;
    // That had a worker and have none now: drained, or it crashed too often. Told as health, not in the document.
    std::vector<std::string> unserved_namespaces;
    std::vector<std::string> missing_callables;  // used by a template, offered by no plugin
    std::vector<std::string> missing_handlers;   // the same as sentences, with the nearest that there is
    int slots = 0, running_steps = 0, abandoned_threads = 0;
    std::int64_t steps_succeeded = 0, steps_failed = 0, results_refused = 0;
    int event_subscribers = 0;  // of domain events, in this process
    std::int64_t events_delivered = 0, event_subscriber_errors = 0, events_dropped = 0;
};
// What one handler did and does.
struct HandlerCounts {
    std::string callable;
    std::int64_t succeeded = 0, failed = 0;
    int running = 0, waiting = 0;
};
// One JSON object, snake_case keys, absent optionals as null.
std::string to_json(const WorkerStatus& status);

}  // namespace tasker::host
