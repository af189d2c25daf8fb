#pragma once
// What a submission must keep before it is let near the store. Pure.

#include <variant>

#include "host/engine/operations.hpp"
#include "host/model/task_request.hpp"
#include "host/model/template_catalog.hpp"

namespace tasker::host {

// The operation for a sound request (answer and ticket not set yet), or why it is refused. `request` must outlive it.
std::variant<SubmitOp, Refused> prepare_submission(const TaskRequest& request,
                                                   const TemplateCatalog& catalog);

// The answer to a submission whose identity is taken.
Refused duplicate_submission();

}  // namespace tasker::host
