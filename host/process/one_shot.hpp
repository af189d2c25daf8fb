#pragma once
// One task, followed to its end in this process, and the worker stopped after it. Signals and --timeout hold all the
// way: a handler that is deaf to them is left behind.

#include <memory>

#include "host/core/uuid.hpp"
#include "host/process/follow.hpp"
#include "host/process/phase.hpp"
#include "host/process/signals.hpp"
#include "host/worker/worker.hpp"

namespace tasker::host {

// Main thread only.
class OneShot {
  public:
    // All references outlive it.
    OneShot(Command& command, Worker& worker, const Uuid& task, SignalSource& signals);

    // The first request to stop cancels the task, the second one leaves at once; so does the end of --timeout. False:
    // threads still run a handler or the stopping, and the caller must end the process.
    bool run();
    // The task's document or table. Throws CommandFailure when the task has not settled in time or was left behind.
    ExitCode tell() const;

  private:
    bool pause(int ms);
    bool stop();
    void take(ServerSignal signal);

    Command& command_;
    Worker& worker_;
    const Uuid task_;
    SignalSource& signals_;
    const std::optional<std::int64_t> limit_ms_;
    const std::int64_t due_ms_;  // of --timeout, on the worker's clock
    int stop_signals_ = 0;
    Followed followed_;
    // Kept when it does not end: it would be waited for.
    std::unique_ptr<Phase> stopping_;
};

}  // namespace tasker::host
