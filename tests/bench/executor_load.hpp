#pragma once
// The worker's side of a step alone: poller, bridge, executor, plugin and envelope over a runtime that stores nothing.

#include <cstdint>

#include "host/registry/handler_registry.hpp"

namespace tasker::host::bench {

// CPU time of the whole process per step, all threads, in microseconds.
double executor_us_per_step(const HandlerRegistry& registry, std::int64_t steps);

}  // namespace tasker::host::bench
