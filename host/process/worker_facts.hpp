#pragma once
// What people ask of workers, told by each to the engine process and answered there for all of them. Pure.

#include <optional>
#include <string>
#include <vector>

#include "host/model/worker_status.hpp"

namespace tasker::host {

struct WorkerFacts {
    WorkerStatus status;
    std::vector<HandlerCounts> counts;
    std::string plugins;   // {"plugins": [...]}
    std::string handlers;  // {"handlers": [...], "resolvers": [...], "missing": [...]}
};

// For the link; the uptime stays out, so that facts are equal when nothing happened.
std::vector<std::string> texts_of(const WorkerFacts& facts);
// Nothing when the texts are none.
std::optional<WorkerFacts> worker_facts_from(const std::vector<std::string>& texts);

// Sums of what is counted; each plugin file, handler and missing callable once, with everybody who uses it. It runs when all
// do, and its error is the first there is.
WorkerFacts merged(const std::vector<WorkerFacts>& all);

// What a worker that is gone has counted, added to `sum`; what it had at the time is not.
void count_on(WorkerFacts& sum, const WorkerFacts& gone);

}  // namespace tasker::host
