#include "host/model/states.hpp"

#include <doctest/doctest.h>

#include <set>
#include <string>
#include <vector>

using namespace tasker::host;

namespace {
using S = StepState;
using E = StepEventKind;

std::set<S> sources_of(E event) {
    std::set<S> from;
    for (int value = 0; value < 10; ++value) {
        if (next(static_cast<S>(value), event)) from.insert(static_cast<S>(value));
    }
    return from;
}

// Spelt here once more, on purpose: the names are a wire contract.
const std::vector<std::string> kTaskNames{"pending",
                                          "initializing",
                                          "enqueuing_steps",
                                          "steps_in_process",
                                          "evaluating_results",
                                          "waiting_for_dependencies",
                                          "waiting_for_retry",
                                          "blocked_by_failures",
                                          "complete",
                                          "error",
                                          "cancelled",
                                          "resolved_manually"};
const std::vector<std::string> kStepNames{"pending",
                                          "enqueued",
                                          "in_progress",
                                          "enqueued_for_orchestration",
                                          "enqueued_as_error_for_orchestration",
                                          "waiting_for_retry",
                                          "complete",
                                          "error",
                                          "cancelled",
                                          "resolved_manually"};
}  // namespace

TEST_CASE("States: every name reads back, in the stored order") {
    for (std::size_t i = 0; i < kTaskNames.size(); ++i) {
        CHECK(name(static_cast<TaskState>(i)) == kTaskNames[i]);
        CHECK(task_state(kTaskNames[i]) == static_cast<TaskState>(i));
    }
    for (std::size_t i = 0; i < kStepNames.size(); ++i) {
        CHECK(name(static_cast<StepState>(i)) == kStepNames[i]);
        CHECK(step_state(kStepNames[i]) == static_cast<StepState>(i));
    }
}

TEST_CASE("States: the legacy task name is read but never written, unknown names are not taken") {
    CHECK(task_state(kStepNames[2]) == TaskState::StepsInProcess);
    CHECK(name(TaskState::StepsInProcess) == kTaskNames[3]);
    CHECK_FALSE(task_state("Complete"));
    CHECK_FALSE(task_state(""));
    CHECK_FALSE(step_state("initializing"));
}

TEST_CASE("States: a value from a damaged store has a name too") {
    CHECK(name(static_cast<TaskState>(200)) == "unknown");
    CHECK(name(static_cast<StepState>(200)) == "unknown");
}

TEST_CASE("States: an errored step is not terminal, a resolved one satisfies its children") {
    CHECK_FALSE(is_terminal(S::Error));
    CHECK(is_terminal(S::Complete));
    CHECK(is_terminal(S::Cancelled));
    CHECK(satisfies_children(S::ResolvedManually));
    CHECK_FALSE(satisfies_children(S::Cancelled));
    CHECK(is_live(S::EnqueuedForOrchestration));
    CHECK_FALSE(is_live(S::WaitingForRetry));
    CHECK_FALSE(is_terminal(TaskState::BlockedByFailures));
    CHECK(is_terminal(TaskState::Error));
}

TEST_CASE("States: the legal moves of a step") {
    CHECK(sources_of(E::Enqueue) == std::set<S>{S::Pending, S::WaitingForRetry});
    CHECK(sources_of(E::Start) == std::set<S>{S::Enqueued});
    CHECK(sources_of(E::Succeed) == std::set<S>{S::InProgress});
    CHECK(sources_of(E::FailRetryably) == std::set<S>{S::InProgress});
    CHECK(sources_of(E::Fail) == std::set<S>{S::Pending, S::Enqueued, S::InProgress, S::WaitingForRetry});
    CHECK(sources_of(E::Retry) == std::set<S>{S::WaitingForRetry});
    CHECK(sources_of(E::HandBack) == std::set<S>{S::InProgress});
    CHECK(sources_of(E::ResetForRetry) == std::set<S>{S::Error});
    CHECK(sources_of(E::Cancel) ==
          std::set<S>{S::Pending, S::Enqueued, S::InProgress, S::EnqueuedForOrchestration,
                      S::EnqueuedAsErrorForOrchestration, S::WaitingForRetry, S::Error});
    CHECK(sources_of(E::ResolveManually).size() == 10);
    CHECK(sources_of(E::CompleteManually).size() == 10);
}

TEST_CASE("States: where each move leads") {
    CHECK(next(S::Pending, E::Enqueue) == S::Enqueued);
    CHECK(next(S::Enqueued, E::Start) == S::InProgress);
    CHECK(next(S::InProgress, E::Succeed) == S::Complete);
    CHECK(next(S::InProgress, E::FailRetryably) == S::WaitingForRetry);
    CHECK(next(S::InProgress, E::Fail) == S::Error);
    CHECK(next(S::WaitingForRetry, E::Retry) == S::Pending);
    CHECK(next(S::InProgress, E::HandBack) == S::Enqueued);
    CHECK(next(S::Error, E::Cancel) == S::Cancelled);
    CHECK(next(S::Error, E::ResetForRetry) == S::Pending);
    CHECK(next(S::Complete, E::ResolveManually) == S::ResolvedManually);
    CHECK(next(S::Cancelled, E::CompleteManually) == S::Complete);
}
