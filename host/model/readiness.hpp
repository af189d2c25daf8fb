#pragma once
// The DAG questions, as pure functions: is a step ready, what state does a task come to rest in, what should be said of it.

#include <cstdint>
#include <optional>
#include <string_view>

#include "host/model/states.hpp"

namespace tasker::host {

struct StepReadiness {
    StepState state = StepState::Pending;
    int total_parents = 0;
    int completed_parents = 0;  // complete or resolved_manually
    int attempts = 0;
    int max_attempts = 3;
    bool retryable = true;
    bool processed = false;
    bool in_process = false;
    std::optional<std::int64_t> next_retry_ms;
};
bool dependencies_satisfied(const StepReadiness& step);
// The first attempt is always allowed, whatever the flags say.
bool retry_eligible(const StepReadiness& step);
bool ready_for_execution(const StepReadiness& step, std::int64_t now_ms);

struct TaskCounts {
    int total = 0;
    int done = 0;     // complete or resolved_manually
    int failed = 0;   // error
    int live = 0;     // enqueued or running
    int waiting = 0;  // waiting_for_retry
    int ready = 0;    // could run now but is not enqueued yet
    int cancelled = 0;
};
// The state a Tasker server would have come to rest in (orchestration.md 1.5). `promoted`: steps were enqueued by the
// same settlement. A task without steps is complete.
TaskState settle(const TaskCounts& counts, int promoted);

std::string_view execution_status(const TaskCounts& counts);
std::string_view recommended_action(const TaskCounts& counts);
std::string_view health_status(const TaskCounts& counts);
double completion_percentage(const TaskCounts& counts);  // rounded to two digits; 0 without steps

}  // namespace tasker::host
