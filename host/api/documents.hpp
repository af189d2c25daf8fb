#pragma once
// The documents of the API as text: every field is present, null when there is nothing to say, times in RFC 3339. They
// have every field of tasker-server 0.1.8 in the types that its clients read, and some of our own. Pure.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "host/engine/engine.hpp"
#include "host/model/readiness.hpp"
#include "host/model/task_request.hpp"
#include "host/model/task_template.hpp"
#include "host/model/template_catalog.hpp"
#include "host/model/worker_status.hpp"

namespace tasker::host {

// Fields beyond what tasker-server answers; asked for with ?include=results,dependencies.
struct StepExtras {
    bool results = false;
    bool dependencies = false;
};

std::string task_document(const TaskView& task, StepExtras extras = {});
std::string task_list_document(const TaskPage& page);
// A step inside of its task: the server's readiness row.
std::string readiness_document(const StepView& step, StepExtras extras = {});
// A step by itself, with its result and its own times; a list of them.
std::string step_document(const StepView& step);
std::string steps_document(const std::vector<StepView>& steps);
// The newest record first.
std::string audit_document(const std::vector<StepAuditRecord>& records);
// `namespace_name` empty: all of them. Counts are those of the whole catalogue.
std::string template_list_document(const TemplateCatalog& catalog, std::string_view namespace_name = {});
std::string template_document(const TaskTemplate& task_template);
// Whether that worker can run all of its steps, and why not.
std::string validation_document(const TaskTemplate& task_template, const WorkerStatus& worker);
std::string store_document(const StoreInfo& info);
std::string error_document(std::string_view code, std::string_view message, std::string_view hint = {});

// The numbers from which a task's execution status and health follow.
TaskCounts counts_of(const TaskView& task);

// The REST code of a refusal ("CONFLICT") and its status (409).
std::string_view refusal_code(Refusal why);
int refusal_status(Refusal why);

}  // namespace tasker::host
