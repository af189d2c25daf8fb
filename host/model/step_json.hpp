#pragma once
// The step event as JSON, in the nested shape of the seed. Built only where somebody asks for it. Pure.

#include <string>

#include "host/model/step_event.hpp"

namespace tasker::host {

std::string dependency_names_json(const StepEvent& event);  // sorted
std::string task_json(const StepEvent& event);
std::string step_event_json(const StepEvent& event);
// Its member `task_sequence_step`. The results of the ancestors may be large: without them, they are {}.
std::string task_sequence_step_json(const StepEvent& event, bool with_dependencies = true);

}  // namespace tasker::host
