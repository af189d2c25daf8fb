#pragma once
// `tasker-host worker`: the seed's server. Banner, discovery, bootstrap, event system, main loop with health checks,
// shutdown on a signal. The main thread reads signals from the first moment to the last.

#include <functional>
#include <string>

#include "host/config/config.hpp"
#include "host/core/clock.hpp"
#include "host/logging/logger.hpp"
#include "host/process/discovery.hpp"
#include "host/process/exit_code.hpp"
#include "host/process/service_notify.hpp"
#include "host/process/signals.hpp"
#include "host/worker/worker.hpp"

namespace tasker::host {

// Everything a test replaces, and what the command line adds.
struct WorkerCommandOptions {
    Logger log;
    std::string version = "unknown";
    // Starts the HTTP API after the bootstrap and before the event system. What it throws fails the start.
    std::function<void(Worker&, const std::vector<PluginReport>&)> start_api;
    std::function<void()> stop_api;  // called when start_api was; must not throw
    std::function<void()> reload;  // SIGHUP, beside the templates; one call at a time, on a thread of its own
    NotifyTarget notify{};         // the service manager
    const Clock* clock = nullptr;  // null: the system's
    SignalSource* signals = nullptr;  // null: the process's, blocked here
    Discover discover;                // empty: plugins and templates of the configured roots
    OpenEngine open_engine;           // empty: the embedded engine
    // Ends the process now, with handlers or start-up code still running. Empty: flushes the log, then _exit().
    std::function<void(ExitCode)> exit_now;
};

// Returns when the server has ended: 0 all done, 1 error while stopping, 3 bootstrap failed, 4 unexpected error during
// the start, 5 unhandled error, 6 work handed back, 7 store refused. With threads that hang in a handler it does not
// return but ends the process. Call it on the main thread, before any other thread was started.
ExitCode run_worker(const LoadedConfig& config, WorkerCommandOptions options);

}  // namespace tasker::host
