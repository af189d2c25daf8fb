#pragma once
// Fatal signals of this process: what is written to its flight recorder, and the time that its last words need to reach
// the log. The signal then does what it does.

#include <memory>

#include "host/config/config.hpp"
#include "host/core/flight_recorder.hpp"
#include "host/core/uuid.hpp"
#include "host/logging/logger.hpp"

namespace tasker::host {

// While it lives, this process watches the fatal signals for which nobody else has a handler. One at a time.
class CrashWatch {
  public:
    CrashWatch();
    ~CrashWatch();
    CrashWatch(const CrashWatch&) = delete;
    CrashWatch& operator=(const CrashWatch&) = delete;
};

// The recorder of this process, into which crashes are written from now on as long as it lives; one at a time. Null, with a
// record in the log, where it cannot be made: the worker works without.
std::shared_ptr<FlightRecorder> start_flight(const Config& config, const Uuid& session, const Logger& log);
// For a process that was not told which session it is.
Uuid fresh_session();
// exit() was called on this thread.
void record_exit() noexcept;
// _exit() was called on this thread, which counts only where a handler did it. Async-signal-safe.
void record_exit_of_handler() noexcept;

}  // namespace tasker::host
