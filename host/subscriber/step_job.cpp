#include "host/subscriber/step_job.hpp"

#include <algorithm>
#include <limits>
#include <string>
#include <utility>

namespace tasker::host {

namespace {
// A handler may call heartbeat() in its innermost loop; the runtime hears of it this often.
constexpr std::int64_t kHeartbeatEveryMs = 100;

int strength(StopReason reason) {
    switch (reason) {
        case StopReason::None:
            return 0;
        case StopReason::Draining:
            return 1;
        case StopReason::Deadline:
            return 2;
        case StopReason::Cancelled:
            return 3;
        case StopReason::LeaseLost:
            return 4;
    }
    return 0;
}
}  // namespace

bool StepJob::save_checkpoint(const Checkpoint& checkpoint) {
    bool saved = false;
    backend_->with([&](TaskerRuntime& runtime, const Clock&) {
        saved = !settled() && runtime.save_checkpoint(event_.event_id, checkpoint);
    });
    return saved;
}

StepJob::StepJob(StepEvent event, std::shared_ptr<const Backend> backend, Logger log,
                 std::int64_t max_runtime_ms, std::optional<Failed> refusal)
    : event_(std::move(event)),
      backend_(std::move(backend)),
      log_(std::move(log)),
      max_runtime_ms_(max_runtime_ms),
      refusal_(std::move(refusal)) {}

std::int64_t StepJob::begin(std::int64_t steady_ms, std::int64_t unix_ms) {
    started_steady_ms_ = steady_ms;
    started_unix_ms_ = unix_ms;
    last_heartbeat_ms_.store(steady_ms - kHeartbeatEveryMs);
    if (event_.timeout_ms > 0) deadline_ms_.store(steady_ms + event_.timeout_ms);
    return deadline_ms();
}

void StepJob::ask_to_stop(StopReason reason) {
    StopReason current = reason_.load();
    while (strength(reason) > strength(current) && !reason_.compare_exchange_weak(current, reason)) {
    }
}

std::int64_t StepJob::remaining_ms() const {
    const std::int64_t deadline = deadline_ms();
    if (deadline == kNever) return std::numeric_limits<std::int64_t>::max();
    std::int64_t remaining = -1;
    backend_->with([&](TaskerRuntime&, const Clock& clock) { remaining = deadline - clock.steady_ms(); });
    return remaining;
}

std::int64_t StepJob::deadline_unix_ms() const {
    const std::int64_t deadline = deadline_ms();
    return deadline == kNever ? 0 : started_unix_ms_ + (deadline - started_steady_ms_);
}

bool StepJob::heartbeat(std::uint64_t, std::uint64_t) {
    if (stop_requested() == StopReason::LeaseLost || settled()) return false;
    bool alive = true;
    bool too_late = false;
    const bool home = backend_->with([&](TaskerRuntime& runtime, const Clock& clock) {
        const std::int64_t now = clock.steady_ms();
        too_late = now >= deadline_ms();
        if (too_late) return;
        if (now - last_heartbeat_ms_.load() < kHeartbeatEveryMs) return;
        last_heartbeat_ms_.store(now);
        alive = runtime.heartbeat(event_.event_id);
        if (!alive) return;
        if (event_.timeout_ms > 0) {
            deadline_ms_.store(std::min(now + event_.timeout_ms,
                                        started_steady_ms_ + std::max(max_runtime_ms_, event_.timeout_ms)));
        }
    });
    if (too_late) ask_to_stop(StopReason::Deadline);
    if (too_late) return false;
    if (home && alive) return true;
    ask_to_stop(StopReason::LeaseLost);
    return false;
}

const Logger& StepJob::logger() const {
    std::call_once(logger_made_, [this] {
        const TaskSequenceStep& step = event_.task_sequence_step;
        std::string namespace_name = step.task_template ? step.task_template->namespace_name : std::string{};
        step_log_ = log_.with({{"component", "handler"},
                               {"operation", step.workflow_step.name},
                               {"correlation_id", event_.correlation_id.str()},
                               {"task_uuid", event_.task_uuid.str()},
                               {"step_uuid", event_.step_uuid.str()},
                               {"namespace", std::move(namespace_name)}});
    });
    return *step_log_;
}

}  // namespace tasker::host
