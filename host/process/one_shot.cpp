#include "host/process/one_shot.hpp"

#include "host/api/documents.hpp"
#include "host/core/error.hpp"
#include "host/core/wakeup.hpp"

namespace tasker::host {

namespace {
// How long the store and the threads that are not deaf may take to end once nothing is waited for any more.
constexpr std::int64_t kLeaveAfterMs = 1000;

std::int64_t due_of(const std::optional<std::int64_t>& limit_ms, std::int64_t now_ms) {
    return limit_ms ? now_ms + *limit_ms : kNever;
}
}  // namespace

OneShot::OneShot(Command& command, Worker& worker, const Uuid& task, SignalSource& signals)
    : command_(command),
      worker_(worker),
      task_(task),
      signals_(signals),
      limit_ms_(timeout_ms(command)),
      due_ms_(due_of(limit_ms_, worker.clock().steady_ms())) {}

void OneShot::take(ServerSignal signal) {
    if (signal == ServerSignal::Terminate || signal == ServerSignal::Interrupt) ++stop_signals_;
}

bool OneShot::pause(int ms) {
    const auto signal = signals_.next(worker_.clock().steady_ms() + ms);
    if (!signal) return true;
    const int before = stop_signals_;
    take(*signal);
    if (stop_signals_ == before) return true;
    if (stop_signals_ > 1) return false;
    command_.err.line("cancelling the task; once more to leave at once");
    // Refused only when it has just finished: then there is nothing left to cancel.
    worker_.tasks().cancel(task_);
    return true;
}

bool OneShot::run() {
    Progress progress(command_, false);
    const auto read = [&] {
        const auto task = worker_.tasks().get(task_);
        if (!task) throw Error("the task " + task_.str() + " has vanished from its store");
        return task_document(*task, {.results = true, .dependencies = true});
    };
    followed_ = follow(
        read, limit_ms_, [&](const TaskRow& task) { progress.show(task); },
        [&](int ms) { return pause(ms); });
    return stop();
}

bool OneShot::stop() {
    stopping_ = std::make_unique<Phase>("tw-stop", signals_, [this] { stop_worker(worker_); });
    const Clock& clock = worker_.clock();
    const int before = stop_signals_;
    std::int64_t leave_ms = kNever;
    while (!stopping_->done()) {
        const bool enough = followed_.timed_out || stop_signals_ > before || clock.steady_ms() >= due_ms_;
        if (enough && leave_ms == kNever) {
            worker_.event_system().subscriber().abort_drain();
            leave_ms = clock.steady_ms() + kLeaveAfterMs;
        }
        if (clock.steady_ms() >= leave_ms) {
            static_cast<void>(stopping_.release());
            return false;
        }
        if (const auto signal = signals_.next(leave_ms == kNever ? due_ms_ : leave_ms)) take(*signal);
    }
    stopping_->rethrow();
    return worker_status(worker_).abandoned_threads == 0;
}

ExitCode OneShot::tell() const {
    if (stop_signals_ > 1) {
        throw CommandFailure(ExitCode::HandedBack, "INTERRUPTED",
                             "left at once; task " + task_.str() + " is in state " + followed_.task.status);
    }
    return finish(command_, followed_);
}

}  // namespace tasker::host
