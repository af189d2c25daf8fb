#pragma once
// The seed's shutdown, in its exact order: poller, subscriber (which drains), bridge, transition, stop.

#include <functional>

#include "host/logging/logger.hpp"
#include "host/worker/worker.hpp"

namespace tasker::host {

// Throws what the first failing step throws; the steps after it are then left to the worker's destructor.
// `stop_api` runs once nothing is executed any more, while the engine still answers; may be empty.
DrainReport run_shutdown_sequence(Worker& worker, const std::function<void()>& stop_api, const Logger& log);

}  // namespace tasker::host
