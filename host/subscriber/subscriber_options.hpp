#pragma once
// The knobs of the subscriber and its executor.

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace tasker::host {

struct SubscriberOptions {
    unsigned threads = 16;                                // executor threads; at least 1
    unsigned prefetch = 64;                               // claimed ahead of a free thread
    std::map<std::string, unsigned> handler_concurrency;  // callable -> calls at the same time
    std::int64_t cancel_grace_ms = 10'000;                // from the deadline to the recorded failure
    std::int64_t max_runtime_ms = 86'400'000;             // how far heartbeats may extend a step
    std::int64_t drain_timeout_ms = 30'000;               // how long stop() waits for running handlers
    unsigned max_abandoned = 4;  // hung threads from which the worker calls for a restart
    std::vector<std::string> namespaces = {"default"};  // whose steps are offered to be run
    std::string worker_hostname;                        // told in results; empty: left out
};

}  // namespace tasker::host
