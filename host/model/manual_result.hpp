#pragma once
// What an operator says when a step is acted on: its limits, and the metadata of a result that was given by hand. Pure.

#include <optional>
#include <string>

#include "host/model/task_request.hpp"

namespace tasker::host {

// Why the action cannot be taken at all, whatever the step's state; nothing when it can.
std::optional<std::string> step_action_fault(const StepAction& action);

// The operator's own metadata, with manually_completed, completed_by and completion_reason. Precondition: no fault.
std::string manual_metadata(const StepAction& action);

}  // namespace tasker::host
