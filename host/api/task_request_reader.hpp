#pragma once
// A submission as it comes in: JSON text to a TaskRequest. Pure.

#include <string>
#include <string_view>
#include <variant>

#include "host/model/task_request.hpp"

namespace tasker::host {

// What is wrong is a Refused of kind Invalid that names the field. Precondition of neither: any bytes may
// come.
std::variant<TaskRequest, Refused> read_task_request(std::string_view json);

// The first key that an object holds twice, at any depth; empty when there is none. Precondition: valid JSON.
std::string duplicate_key(std::string_view json);

}  // namespace tasker::host
