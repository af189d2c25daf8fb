#include "host/model/staleness.hpp"

#include <algorithm>

namespace tasker::host {

namespace {
constexpr std::int64_t kMinuteMs = 60'000;
constexpr std::int64_t kDependenciesMinutes = 60, kRetryMinutes = 30, kInProcessMinutes = 30;
constexpr std::int64_t kAgeMinutes = 24 * 60;
// So that no product of minutes and milliseconds overflows, whatever a template says.
constexpr std::int64_t kMostMinutes = std::int64_t{1} << 40U;

std::int64_t longest_step_minutes(const TaskTemplate& definition) {
    std::int64_t longest = 0;
    for (const StepTemplate& step : definition.steps)
        longest = std::max(longest, step.timeout_ms.value_or(0));
    return longest / kMinuteMs + 1;
}

// What the template says of the state.
std::optional<std::int64_t> own_minutes(const Lifecycle& lifecycle, TaskState state) {
    if (state == TaskState::WaitingForDependencies) return lifecycle.max_waiting_for_dependencies;
    if (state == TaskState::WaitingForRetry) return lifecycle.max_waiting_for_retry;
    return lifecycle.max_steps_in_process;
}

std::int64_t default_minutes(const TaskTemplate& definition, TaskState state) {
    if (state == TaskState::WaitingForDependencies) return kDependenciesMinutes;
    if (state == TaskState::WaitingForRetry) return kRetryMinutes;
    return std::max(kInProcessMinutes, longest_step_minutes(definition));
}
}  // namespace

StalenessRule staleness_rule(const TaskTemplate& definition, TaskState state) {
    StalenessRule rule;
    const auto own = own_minutes(definition.lifecycle, state);
    rule.by_default = !own;
    rule.in_state_minutes =
        std::clamp<std::int64_t>(own.value_or(default_minutes(definition, state)), 0, kMostMinutes);
    // A template that lets a state last longer than a day means it.
    rule.age_minutes = std::clamp<std::int64_t>(
        definition.lifecycle.max_duration.value_or(std::max(kAgeMinutes, rule.in_state_minutes)), 0,
        kMostMinutes);
    const std::string& action = definition.lifecycle.staleness_action;
    rule.action = action == "none"    ? StalenessAction::None
                  : action == "error" ? StalenessAction::Error
                                      : StalenessAction::Dlq;
    return rule;
}

std::optional<std::int64_t> crossed(const StalenessRule& rule, std::int64_t in_state_ms,
                                    std::int64_t age_ms) {
    if (in_state_ms >= rule.in_state_minutes * kMinuteMs) return rule.in_state_minutes;
    if (age_ms >= rule.age_minutes * kMinuteMs) return rule.age_minutes;
    return std::nullopt;
}

}  // namespace tasker::host
