#include "host/model/readiness.hpp"

#include <cmath>

namespace tasker::host {

bool dependencies_satisfied(const StepReadiness& step) {
    return step.total_parents == 0 || step.completed_parents == step.total_parents;
}

bool retry_eligible(const StepReadiness& step) {
    return step.attempts == 0 || (step.retryable && step.attempts < step.max_attempts);
}

bool ready_for_execution(const StepReadiness& step, std::int64_t now_ms) {
    const bool startable = step.state == StepState::Pending || step.state == StepState::WaitingForRetry;
    const bool due = !step.next_retry_ms || *step.next_retry_ms <= now_ms;
    return startable && !step.processed && !step.in_process && dependencies_satisfied(step) &&
           retry_eligible(step) && due;
}

// A permanent failure outranks ready siblings, and a task that only waits for a retry timer shows as waiting
// for dependencies: both are what a Tasker server rests in.
TaskState settle(const TaskCounts& counts, int promoted) {
    if (counts.failed > 0) return TaskState::BlockedByFailures;
    if (promoted > 0) return TaskState::StepsInProcess;
    if (counts.live > 0) return TaskState::EvaluatingResults;
    if (counts.done == counts.total) return TaskState::Complete;
    return TaskState::WaitingForDependencies;
}

namespace {
struct Advice {
    std::string_view status;
    std::string_view action;
};

Advice advise(const TaskCounts& counts) {
    if (counts.failed > 0) return {"blocked_by_failures", "handle_failures"};
    if (counts.ready > 0) return {"has_ready_steps", "execute_ready_steps"};
    if (counts.live > 0) return {"processing", "wait_for_completion"};
    if (counts.done == counts.total && counts.total > 0) return {"all_complete", "finalize_task"};
    return {"waiting_for_dependencies", "wait_for_dependencies"};
}
}  // namespace

std::string_view execution_status(const TaskCounts& counts) { return advise(counts).status; }

std::string_view recommended_action(const TaskCounts& counts) { return advise(counts).action; }

std::string_view health_status(const TaskCounts& counts) { return counts.failed > 0 ? "blocked" : "healthy"; }

double completion_percentage(const TaskCounts& counts) {
    if (counts.total <= 0) return 0.0;
    return std::round(10'000.0 * counts.done / counts.total) / 100.0;
}

}  // namespace tasker::host
