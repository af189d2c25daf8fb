#include "host/model/staleness.hpp"

#include <doctest/doctest.h>

#include "host/model/dlq.hpp"
#include "host/model/manual_result.hpp"

using namespace tasker::host;

namespace {
constexpr std::int64_t kMinute = 60'000;

TaskTemplate with_lifecycle(Lifecycle lifecycle) {
    TaskTemplate definition;
    definition.lifecycle = std::move(lifecycle);
    return definition;
}
}  // namespace

TEST_CASE("the thresholds are Tasker's, and a template's own win") {
    const TaskTemplate plain;
    CHECK(staleness_rule(plain, TaskState::WaitingForDependencies).in_state_minutes == 60);
    CHECK(staleness_rule(plain, TaskState::WaitingForRetry).in_state_minutes == 30);
    CHECK(staleness_rule(plain, TaskState::StepsInProcess).in_state_minutes == 30);
    CHECK(staleness_rule(plain, TaskState::StepsInProcess).age_minutes == 24 * 60);
    CHECK(staleness_rule(plain, TaskState::StepsInProcess).action == StalenessAction::Dlq);

    Lifecycle own;
    own.max_steps_in_process = 5;
    own.max_waiting_for_dependencies = 2880;
    own.max_waiting_for_retry = 7;
    const TaskTemplate other = with_lifecycle(own);
    CHECK(staleness_rule(other, TaskState::StepsInProcess).in_state_minutes == 5);
    CHECK(staleness_rule(other, TaskState::WaitingForDependencies).in_state_minutes == 2880);
    CHECK(staleness_rule(other, TaskState::WaitingForDependencies).age_minutes == 2880);
    CHECK(staleness_rule(other, TaskState::WaitingForRetry).in_state_minutes == 7);
    own.max_duration = 90;
    CHECK(staleness_rule(with_lifecycle(own), TaskState::StepsInProcess).age_minutes == 90);
}

TEST_CASE("a step that keeps its own long limit does not make its task stale") {
    TaskTemplate definition;
    definition.steps.resize(2);
    definition.steps[1].timeout_ms = 120 * kMinute;
    CHECK(staleness_rule(definition, TaskState::StepsInProcess).in_state_minutes == 121);
    definition.lifecycle.max_steps_in_process = 10;
    CHECK(staleness_rule(definition, TaskState::StepsInProcess).in_state_minutes == 10);
}

TEST_CASE("what is done about it is the template's choice") {
    Lifecycle lifecycle;
    lifecycle.staleness_action = "none";
    CHECK(staleness_rule(with_lifecycle(lifecycle), TaskState::StepsInProcess).action ==
          StalenessAction::None);
    lifecycle.staleness_action = "error";
    CHECK(staleness_rule(with_lifecycle(lifecycle), TaskState::StepsInProcess).action ==
          StalenessAction::Error);
}

TEST_CASE("a threshold is crossed at its minute, in the state or in all") {
    const StalenessRule rule{.in_state_minutes = 30, .age_minutes = 60, .action = StalenessAction::Dlq};
    CHECK_FALSE(crossed(rule, 30 * kMinute - 1, 0));
    CHECK(crossed(rule, 30 * kMinute, 0) == 30);
    CHECK_FALSE(crossed(rule, 0, 60 * kMinute - 1));
    CHECK(crossed(rule, 0, 60 * kMinute) == 60);
    Lifecycle huge;
    huge.max_steps_in_process = INT64_MAX;
    huge.max_duration = INT64_MAX;
    CHECK_FALSE(
        crossed(staleness_rule(with_lifecycle(huge), TaskState::StepsInProcess), 1LL << 40, 1LL << 40));
}

TEST_CASE("only tasks that somebody should be working on can be stale") {
    CHECK(can_be_stale(TaskState::StepsInProcess));
    CHECK(can_be_stale(TaskState::WaitingForDependencies));
    CHECK(can_be_stale(TaskState::WaitingForRetry));
    CHECK_FALSE(can_be_stale(TaskState::BlockedByFailures));
    CHECK_FALSE(can_be_stale(TaskState::EvaluatingResults));
    CHECK_FALSE(can_be_stale(TaskState::Error));
}

TEST_CASE("resolution statuses are read in both spellings") {
    for (const DlqStatus status : {DlqStatus::Pending, DlqStatus::ManuallyResolved,
                                   DlqStatus::PermanentlyFailed, DlqStatus::Cancelled}) {
        CHECK(dlq_status(name(status)) == status);
        CHECK(dlq_status(wire_name(status)) == status);
    }
    CHECK_FALSE(dlq_status("open"));
    CHECK(name(static_cast<DlqStatus>(77)) == "unknown");
    CHECK(wire_name(DlqReason::StalenessTimeout) == "StalenessTimeout");
}

TEST_CASE("a result given by hand says so, also when its author says otherwise") {
    StepAction action;
    action.kind = StepAction::Kind::CompleteManually;
    action.reason = "it \"was\" paid";
    action.by = "ann";
    action.metadata_json = R"({"k":[1,2],"manually_completed":false,"completed_by":"eve"})";
    CHECK(
        manual_metadata(action) ==
        R"({"k":[1,2],"manually_completed":true,"completed_by":"ann","completion_reason":"it \"was\" paid"})");
    action.metadata_json = "{}";
    CHECK(manual_metadata(action) ==
          R"({"manually_completed":true,"completed_by":"ann","completion_reason":"it \"was\" paid"})");
}

TEST_CASE("an action without a reason or an author, or with a result that cannot be stored, is refused") {
    StepAction action;
    CHECK(step_action_fault(action));
    action.reason = "r";
    CHECK(step_action_fault(action));
    action.by = "a";
    CHECK_FALSE(step_action_fault(action));
    action.kind = StepAction::Kind::CompleteManually;
    CHECK_FALSE(step_action_fault(action));
    action.result_json = "{";
    CHECK(step_action_fault(action).value().find("result") != std::string::npos);
    action.result_json = "3";
    action.metadata_json = "[]";
    CHECK(step_action_fault(action).value().find("metadata") != std::string::npos);
    action.metadata_json = "{}";
    action.reason = std::string(5000, 'x');
    CHECK(step_action_fault(action).value().find("reason") != std::string::npos);
}
