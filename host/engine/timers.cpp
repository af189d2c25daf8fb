// Retry timers, and steps that nobody serves.

#include <algorithm>

#include "host/engine/orchestrator.hpp"
#include "host/model/wire.hpp"

namespace tasker::host {

namespace {
constexpr std::int64_t kTimerBatch = 256;

// A worker that restarts is not "nobody".
constexpr std::int64_t kUnservedGraceMs = 300'000;
}  // namespace

void Orchestrator::fire_timers() {
    if (next_due_ms_ > now_ms_) return;
    std::vector<std::pair<std::int64_t, std::size_t>> due;
    for (auto rows = sql_.due_steps.query(now_ms_, kTimerBatch); rows.next();) {
        due.emplace_back(rows.integer(0), static_cast<std::size_t>(rows.integer(1)));
    }
    for (const auto& [task_id, index] : due) {
        OpenTask* task = find_task(task_id);
        touch(*task, true);
        if (task->blocked()) {
            sql_.park_retries.run(task->step_id(index), task->step_id(index));
            continue;
        }
        if (!takes_its_turn(*task, index)) continue;
        ++task->promoted;
        task->streak = 0;
        enqueue(*task, index);
    }
    reload_next_due();
}

void Orchestrator::reload_next_due() {
    auto rows = sql_.next_due.query();
    next_due_ms_ = rows.next() ? rows.integer(0) : kNever;
}

// The wall clock stepped back: a timer must not wait longer than its delay.
void Orchestrator::clamp_timers() {
    sql_.clamp_retries.run(now_ms_);
    effects_.changed = true;
    reload_next_due();
}

void Orchestrator::wall_jumped_ahead() {
    for (auto& [id, lane] : lanes_.all())
        lane.wait_at_least_until_ms = clock_.steady_ms() + options_.missing_handler_timeout_ms;
}

bool Orchestrator::gives_up(const ClaimLane& lane) const {
    const std::int64_t now = clock_.steady_ms();
    const std::int64_t grace = std::min(options_.missing_handler_timeout_ms, kUnservedGraceMs);
    return !lane.ready.empty() && lane.unserved_since_ms != 0 && now - lane.unserved_since_ms >= grace &&
           now >= lane.wait_at_least_until_ms;
}

bool Orchestrator::has_unserved() const {
    return std::ranges::any_of(lanes_.all(), [&](const auto& entry) { return gives_up(entry.second); });
}

void Orchestrator::fail_unserved() {
    const std::int64_t before = (now_ms_ - options_.missing_handler_timeout_ms) * kReadySeqPerMs;
    std::vector<std::pair<std::int64_t, std::size_t>> steps;
    for (const auto& [id, lane] : lanes_.all()) {
        if (!gives_up(lane)) continue;
        for (auto rows = sql_.unserved_steps.query(id, before, kTimerBatch); rows.next();) {
            steps.emplace_back(rows.integer(0), static_cast<std::size_t>(rows.integer(1)));
        }
    }
    for (const auto& [task_id, index] : steps) fail_without_handler(task_id, index);
}

// Claimed and failed in one go, so that it counts and is recorded like any attempt.
void Orchestrator::fail_without_handler(std::int64_t task_id, std::size_t index) {
    OpenTask* task = find_task(task_id);
    touch(*task, true);
    OpenStep& step = task->steps[index];
    const std::int64_t step_id = task->step_id(index);
    if (sql_.claim_step.run(step.attempts + 1, step.fence + 1, now_ms_, step_id, step.fence) != 1) {
        throw Error("the store disagrees about a ready step");
    }
    ++step.attempts;
    ++step.fence;
    lanes_.take_ready(task->lane(index), task->neg_prio);
    task->set_state(step, StepState::InProgress);
    StepExecutionResult result;
    result.step_uuid = ids_.make(RowKind::Step, task->created_ms, step_id);
    result.task_uuid = task->info->task_uuid;
    result.status = "error";
    result.error = StepError{"Handler not found: " + task->definition(index).handler.callable,
                             "handler_error", "HANDLER_NOT_FOUND", true, "{}"};
    result.correlation_id = task->info->correlation_id.str();
    result.started_ms = result.completed_ms = now_ms_;
    CompleteOp op;
    op.event = AttemptEvent::NoHandler;
    op.retryable = true;
    op.envelope = std::make_shared<const std::string>(to_envelope(result));
    fail(*task, index, op, step.fence);
}

}  // namespace tasker::host
