#pragma once
// Task and step states as Tasker names them, and which moves are legal. Names are spelled only in states.cpp.

#include <cstdint>
#include <optional>
#include <string_view>

namespace tasker::host {

// Values are stored: append only. States below kFirstTerminalTask are open.
enum class TaskState : std::uint8_t {
    Pending = 0,
    Initializing = 1,
    EnqueuingSteps = 2,
    StepsInProcess = 3,
    EvaluatingResults = 4,
    WaitingForDependencies = 5,
    WaitingForRetry = 6,
    BlockedByFailures = 7,
    Complete = 8,
    Error = 9,
    Cancelled = 10,
    ResolvedManually = 11,
};
inline constexpr TaskState kFirstTerminalTask = TaskState::Complete;

// Values are stored: append only.
enum class StepState : std::uint8_t {
    Pending = 0,
    Enqueued = 1,
    InProgress = 2,
    EnqueuedForOrchestration = 3,
    EnqueuedAsErrorForOrchestration = 4,
    WaitingForRetry = 5,
    Complete = 6,
    Error = 7,
    Cancelled = 8,
    ResolvedManually = 9,
};

std::string_view name(TaskState state);
std::string_view name(StepState state);
std::optional<TaskState> task_state(std::string_view name);  // also the legacy "in_progress"
std::optional<StepState> step_state(std::string_view name);

constexpr bool is_terminal(TaskState state) { return state >= kFirstTerminalTask; }
// `error` is not terminal for a step: an operator may reset it.
constexpr bool is_terminal(StepState state) {
    return state == StepState::Complete || state == StepState::Cancelled ||
           state == StepState::ResolvedManually;
}
constexpr bool satisfies_children(StepState state) {
    return state == StepState::Complete || state == StepState::ResolvedManually;
}
// Enqueued or running, in whatever stage.
constexpr bool is_live(StepState state) {
    return state == StepState::Enqueued || state == StepState::InProgress ||
           state == StepState::EnqueuedForOrchestration ||
           state == StepState::EnqueuedAsErrorForOrchestration;
}

enum class StepEventKind : std::uint8_t {
    Enqueue,
    Start,
    Succeed,
    FailRetryably,
    Fail,
    Retry,
    HandBack,
    Cancel,
    ResetForRetry,
    ResolveManually,
    CompleteManually,
};

// The state after the event, or nothing when the move is not legal. The embedded engine's condensed form of
// Tasker's table: Succeed stands for in_progress -> enqueued_for_orchestration -> complete, and so on.
std::optional<StepState> next(StepState from, StepEventKind event);

}  // namespace tasker::host
