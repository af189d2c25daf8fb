#include "host/api/summary_document.hpp"

#include "host/api/documents.hpp"
#include "host/api/json_list.hpp"
#include "host/api/json_writer.hpp"
#include "host/core/json_text.hpp"
#include "host/core/json_view.hpp"

namespace tasker::host {

namespace {
std::string task_part(const TaskView& task) {
    const TaskCounts counts = counts_of(task);
    std::string out;
    JsonObject object(out);
    object.text("task_uuid", task.task_uuid.str())
        .text("name", task.name)
        .text("namespace", task.namespace_name)
        .text("version", task.version)
        .text("status", name(task.state))
        .time("created_at", task.created_ms)
        .time("updated_at", task.updated_ms)
        .time("completed_at", task.completed_ms)
        .text("initiator", task.initiator)
        .text("source_system", task.source_system)
        .text("reason", task.reason)
        .text("correlation_id", task.correlation_id.str())
        .number("total_steps", task.total_steps)
        .number("pending_steps", task.pending_steps)
        .number("in_progress_steps", task.in_progress_steps)
        .number("completed_steps", task.completed_steps)
        .number("failed_steps", task.failed_steps)
        .fraction("completion_percentage", completion_percentage(counts))
        .text("health_status", health_status(counts))
        .text("execution_status", execution_status(counts))
        .text("recommended_action", recommended_action(counts));
    object.end();
    return out;
}

std::string names(const std::vector<std::string>& list) {
    return json_list(list, [](const std::string& one) { return json_string(one); });
}

std::string template_step(std::string_view name, std::string_view type, std::string_view handler,
                          const std::vector<std::string>& dependencies, bool retryable, int max_attempts) {
    std::string out;
    JsonObject object(out);
    object.text("name", name)
        .text("step_type", type)
        .text("handler", handler)
        .raw("dependencies", names(dependencies))
        .boolean("retryable", retryable)
        .number("max_attempts", max_attempts);
    object.end();
    return out;
}

std::string template_part(const TaskView& task, const TaskTemplate* task_template) {
    const std::string steps =
        task_template != nullptr
            ? json_list(task_template->steps,
                        [](const StepTemplate& step) {
                            return template_step(step.name, name(step.type), step.handler.callable,
                                                 step.dependencies, step.retry.retryable,
                                                 step.retry.max_attempts);
                        })
            : json_list(task.steps, [](const StepView& step) {
                  return template_step(step.name, name(StepType::Standard), "", step.dependencies,
                                       step.max_attempts > 1, step.max_attempts);
              });
    return "{\"steps\":" + steps + "}";
}

// The stored envelope's error; null while there is none.
std::string error_part(const StepView& step) {
    const auto error = json_member(step.results_json, "error");
    if (!error || !json_is_object(*error)) return {};
    std::string type = json_string_member(*error, "error_type").value_or("");
    if (type.empty()) type = json_string_member(*error, "type").value_or("");
    const std::string_view code = json_member(*error, "status_code").value_or("");
    const bool number =
        !code.empty() && code.size() <= 3 && code.find_first_not_of("0123456789") == std::string_view::npos;
    std::string out;
    JsonObject object(out);
    object.maybe_text("error_type", type)
        .boolean("retryable", json_member(*error, "retryable") == "true")
        .raw("status_code", number ? code : "");
    object.end();
    return out;
}

std::string dlq_part(const std::optional<DlqEntry>& entry) {
    const bool pending = entry && entry->status == DlqStatus::Pending;
    std::string out;
    JsonObject object(out);
    object.boolean("in_dlq", pending)
        .maybe_text("dlq_reason", pending ? name(entry->reason) : "")
        .maybe_text("resolution_status", pending ? name(entry->status) : "");
    object.end();
    return out;
}

std::string step_part(const StepView& step) {
    std::string out;
    JsonObject object(out);
    object.text("step_uuid", step.step_uuid.str())
        .text("name", step.name)
        .text("current_state", name(step.state))
        .time("created_at", step.created_ms)
        .time("completed_at", step.processed_ms)
        .time("last_attempted_at", step.last_attempted_ms)
        .number("attempts", step.attempts)
        .number("max_attempts", step.max_attempts)
        .boolean("dependencies_satisfied", step.dependencies_satisfied)
        .boolean("retry_eligible", step.retry_eligible)
        .raw("error", error_part(step));
    object.end();
    return out;
}
}  // namespace

std::string summary_document(const TaskView& task, const TaskTemplate* task_template,
                             const std::optional<DlqEntry>& entry) {
    const std::string place = "/v1/tasks/" + task.task_uuid.str();
    std::string links;
    JsonObject places(links);
    places.text("task", place).text("steps", place + "/workflow_steps").text("dlq", "/v1/dlq");
    places.end();
    std::string out;
    JsonObject object(out);
    object.raw("task", task_part(task))
        .raw("template", template_part(task, task_template))
        .raw("steps", json_list(task.steps, step_part))
        .raw("dlq", dlq_part(entry))
        .raw("links", links);
    object.end();
    return out;
}

}  // namespace tasker::host
