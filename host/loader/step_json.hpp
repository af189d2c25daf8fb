#pragma once
// The step event as JSON, in the nested shape of the seed. Built only for a handler that asks for it. Pure.

#include <string>

#include "host/model/step_event.hpp"

namespace tasker::host {

std::string dependency_names_json(const StepEvent& event);  // sorted
std::string task_json(const StepEvent& event);
std::string step_event_json(const StepEvent& event);

}  // namespace tasker::host
