#include "host/model/states.hpp"

#include <array>
#include <cstddef>

namespace tasker::host {

namespace {

// Indexed by the enumerator's value; the only place where the names are spelled.
constexpr std::array<std::string_view, 12> kTaskNames{
    "pending",
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
    "resolved_manually",
};
constexpr std::array<std::string_view, 10> kStepNames{
    "pending",
    "enqueued",
    "in_progress",
    "enqueued_for_orchestration",
    "enqueued_as_error_for_orchestration",
    "waiting_for_retry",
    "complete",
    "error",
    "cancelled",
    "resolved_manually",
};
constexpr std::string_view kLegacyTaskName = "in_progress";

static_assert(kTaskNames.size() == static_cast<std::size_t>(TaskState::ResolvedManually) + 1);
static_assert(kStepNames.size() == static_cast<std::size_t>(StepState::ResolvedManually) + 1);

constexpr bool all_named(const auto& names) {
    for (std::size_t i = 0; i < names.size(); ++i) {
        if (names[i].empty()) return false;
        for (std::size_t j = 0; j < i; ++j) {
            if (names[i] == names[j]) return false;
        }
    }
    return true;
}
static_assert(all_named(kTaskNames) && all_named(kStepNames));

constexpr unsigned bit(StepState state) { return 1U << static_cast<unsigned>(state); }
constexpr unsigned kAny = (1U << kStepNames.size()) - 1U;

struct Move {
    StepEventKind event;
    unsigned from;  // set of states
    StepState to;
};

using S = StepState;
using E = StepEventKind;
constexpr std::array<Move, 11> kMoves{{
    {E::Enqueue, bit(S::Pending) | bit(S::WaitingForRetry), S::Enqueued},
    {E::Start, bit(S::Enqueued), S::InProgress},
    {E::Succeed, bit(S::InProgress), S::Complete},
    {E::FailRetryably, bit(S::InProgress), S::WaitingForRetry},
    {E::Fail, bit(S::Pending) | bit(S::Enqueued) | bit(S::InProgress) | bit(S::WaitingForRetry), S::Error},
    {E::Retry, bit(S::WaitingForRetry), S::Pending},
    {E::HandBack, bit(S::InProgress), S::Enqueued},
    {E::Cancel, kAny & ~(bit(S::Complete) | bit(S::Cancelled) | bit(S::ResolvedManually)), S::Cancelled},
    {E::ResetForRetry, bit(S::Error), S::Pending},
    {E::ResolveManually, kAny, S::ResolvedManually},
    {E::CompleteManually, kAny, S::Complete},
}};

constexpr bool in_enum_order() {
    for (std::size_t i = 0; i < kMoves.size(); ++i) {
        if (static_cast<std::size_t>(kMoves[i].event) != i) return false;
    }
    return true;
}
static_assert(in_enum_order(), "kMoves is indexed by the event");

template <class State, std::size_t N>
std::optional<State> find(const std::array<std::string_view, N>& names, std::string_view name) {
    for (std::size_t i = 0; i < N; ++i) {
        if (names[i] == name) return static_cast<State>(i);
    }
    return std::nullopt;
}

template <std::size_t N>
std::string_view at(const std::array<std::string_view, N>& names, std::size_t value) {
    // A value read from a damaged store must not read past the table.
    return value < N ? names[value] : std::string_view{"unknown"};
}

}  // namespace

std::string_view name(TaskState state) { return at(kTaskNames, static_cast<std::size_t>(state)); }

std::string_view name(StepState state) { return at(kStepNames, static_cast<std::size_t>(state)); }

std::optional<TaskState> task_state(std::string_view name) {
    if (name == kLegacyTaskName) return TaskState::StepsInProcess;
    return find<TaskState>(kTaskNames, name);
}

std::optional<StepState> step_state(std::string_view name) { return find<StepState>(kStepNames, name); }

std::optional<StepState> next(StepState from, StepEventKind event) {
    const Move& move = kMoves[static_cast<std::size_t>(event)];
    if ((move.from & bit(from)) == 0) return std::nullopt;
    return move.to;
}

}  // namespace tasker::host
