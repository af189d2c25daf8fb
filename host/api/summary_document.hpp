#pragma once
// What tasker-server answers to /v1/tasks/{uuid}/summary: a task, the steps of its template and what became of them, for
// whoever draws it. Pure.

#include <optional>
#include <string>

#include "host/model/dlq.hpp"
#include "host/model/task_request.hpp"
#include "host/model/task_template.hpp"

namespace tasker::host {

// `task_template`: as it is loaded now; null when it is not any more, then its steps are told as the task knows them.
// `entry`: the newest of the dead letter queue; it counts while it is pending.
std::string summary_document(const TaskView& task, const TaskTemplate* task_template,
                             const std::optional<DlqEntry>& entry = {});

}  // namespace tasker::host
