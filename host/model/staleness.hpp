#pragma once
// When a task that does not get on counts as stale, and what is to be done then. Pure.

#include <cstdint>
#include <optional>
#include <string_view>

#include "host/model/states.hpp"
#include "host/model/task_template.hpp"

namespace tasker::host {

enum class StalenessAction : std::uint8_t { Dlq, Error, None };

struct StalenessRule {
    std::int64_t in_state_minutes = 0;  // at least this long in the state
    std::int64_t age_minutes = 0;       // or as old as this
    StalenessAction action = StalenessAction::Dlq;
    bool by_default = true;  // the template does not say how long a task may be in this state
};

// The states that can be stale. `blocked_by_failures` is not one of them: such a task waits for a person.
constexpr bool can_be_stale(TaskState state) {
    return state == TaskState::StepsInProcess || state == TaskState::WaitingForDependencies ||
           state == TaskState::WaitingForRetry;
}

// What holds for tasks of this template in this state: its `lifecycle`, else Tasker's defaults (60, 30 and 30 minutes, a
// day of age). The default for steps in process is never shorter than the longest timeout_seconds of a step: a step
// that keeps its own limit is not what makes a task stale.
// Precondition: can_be_stale(state).
StalenessRule staleness_rule(const TaskTemplate& definition, TaskState state);

// The threshold that was crossed, in minutes; nothing when none was.
std::optional<std::int64_t> crossed(const StalenessRule& rule, std::int64_t in_state_ms, std::int64_t age_ms);

}  // namespace tasker::host
