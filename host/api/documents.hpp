#pragma once
// The documents of the API as text: every field is present, null when there is nothing to say, times in RFC
// 3339. Pure.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "host/engine/engine.hpp"
#include "host/model/task_request.hpp"
#include "host/model/task_template.hpp"
#include "host/model/template_catalog.hpp"

namespace tasker::host {

// Fields beyond what tasker-server answers; asked for with ?include=results,dependencies.
struct StepExtras {
    bool results = false;
    bool dependencies = false;
};

std::string task_document(const TaskView& task, StepExtras extras = {});
std::string task_list_document(const TaskPage& page);
std::string step_document(const StepView& step, StepExtras extras = {});
// One step with its result and its own times.
std::string single_step_document(const StepView& step);
std::string steps_document(const std::vector<StepView>& steps, StepExtras extras);
std::string audit_document(const std::vector<StepAuditRecord>& records);
std::string template_list_document(const TemplateCatalog& catalog);
std::string template_document(const TaskTemplate& task_template);
std::string store_document(const StoreInfo& info);
std::string error_document(std::string_view code, std::string_view message, std::string_view hint = {});

// The REST code of a refusal ("CONFLICT") and its status (409).
std::string_view refusal_code(Refusal why);
int refusal_status(Refusal why);

}  // namespace tasker::host
