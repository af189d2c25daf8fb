#pragma once
// A claimed step with everything a handler needs: the seed's step event. Copies are cheap: big texts are shared.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "host/core/uuid.hpp"
#include "host/model/task_template.hpp"

namespace tasker::host {

using SharedText = std::shared_ptr<const std::string>;  // never null where it says so

struct TaskInfo {
    Uuid task_uuid;
    SharedText context_json;  // the task's input, an object; never null
    Uuid correlation_id;
    std::optional<Uuid> parent_correlation_id;
    int priority = 0;
    std::string initiator, source_system, reason, tags_json = "[]", traceparent;
    std::int64_t created_ms = 0;
    std::int64_t requested_ms = 0;
};

struct WorkflowStep {
    Uuid step_uuid;
    std::string name;
    std::string template_step_name;
    int attempts = 0;  // before the claim's increment: 0 on the first run
    int max_attempts = 3;
    bool retryable = true;
    std::string inputs_json;     // workflow_step.inputs; empty when there is none
    SharedText previous_result;  // envelope of the last failed attempt; null on the first run
    SharedText checkpoint_json;  // null when there is none
};

struct DependencyResult {
    std::string_view step_name;  // lives as long as the event
    SharedText envelope_json;    // the ancestor's stored envelope; never null
};

struct TaskSequenceStep {
    std::shared_ptr<const TaskInfo> task;  // never null
    WorkflowStep workflow_step;
    std::vector<DependencyResult> dependency_results;  // all transitive ancestors with a result, by step name
    // Keep alive what dependency_results refers to without owning it. Null where it owns everything.
    std::shared_ptr<const void> results_owner;
    std::shared_ptr<const TaskTemplate> task_template;  // the pinned definition; never null
    std::size_t step_index = 0;                         // of step_definition() in the template

    const StepTemplate& step_definition() const { return task_template->steps[step_index]; }
};

struct StepEvent {
    Uuid event_id;  // fresh for each dispatch
    Uuid task_uuid;
    Uuid step_uuid;
    Uuid correlation_id;
    TaskSequenceStep task_sequence_step;
    std::int64_t claimed_ms = 0;  // wall clock
    std::int64_t timeout_ms = 0;  // from start of the handler; 0: none
    bool first_delivery = true;   // false after a lost attempt

    std::string_view callable() const { return task_sequence_step.step_definition().handler.callable; }
};

}  // namespace tasker::host
