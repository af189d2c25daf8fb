#pragma once
// The knobs of the subscriber and its executor.

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "host/core/flight_recorder.hpp"

namespace tasker::host {

struct SubscriberOptions {
    unsigned threads = 32;             // executor threads; at least 1
    std::optional<unsigned> prefetch;  // claimed ahead of a free thread; 4 x threads, 256 at most
    std::map<std::string, unsigned> handler_concurrency;  // callable -> calls at the same time
    std::int64_t cancel_grace_ms = 10'000;                // from the deadline to the recorded failure
    std::int64_t max_runtime_ms = 86'400'000;             // how far heartbeats may extend a step
    std::int64_t drain_timeout_ms = 30'000;               // how long stop() waits for running handlers
    unsigned max_abandoned = 4;  // hung threads from which the worker calls for a restart
    std::vector<std::string> namespaces = {"default"};  // whose steps are offered to be run
    bool log_failures = true;     // of handlers; off where somebody watches the task itself
    std::string worker_hostname;  // told in results; empty: left out
    std::shared_ptr<FlightRecorder> flight = nullptr;  // what each thread runs is kept there; null: nowhere
};

inline unsigned prefetch_of(const SubscriberOptions& options) {
    constexpr unsigned kPerThread = 4, kMost = 256;
    return options.prefetch.value_or(std::min(options.threads, kMost / kPerThread) * kPerThread);
}

}  // namespace tasker::host
