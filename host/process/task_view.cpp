#include "host/process/task_view.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "host/core/error.hpp"
#include "host/model/states.hpp"

namespace tasker::host {

namespace {
using nlohmann::json;

std::string text(const json& object, const char* key) {
    const auto found = object.find(key);
    return found != object.end() && found->is_string() ? found->get<std::string>() : std::string{};
}
int number(const json& object, const char* key) {
    const auto found = object.find(key);
    return found != object.end() && found->is_number() ? found->get<int>() : 0;
}
bool flag(const json& object, const char* key) {
    const auto found = object.find(key);
    return found != object.end() && found->is_boolean() && found->get<bool>();
}

// What the stored envelope says of the last attempt.
void read_results(const json& envelope, StepRow& row) {
    if (!envelope.is_object()) return;
    if (const auto metadata = envelope.find("metadata");
        metadata != envelope.end() && metadata->is_object()) {
        if (const auto ms = metadata->find("execution_time_ms"); ms != metadata->end() && ms->is_number()) {
            row.execution_ms = ms->get<std::int64_t>();
        }
    }
    if (const auto error = envelope.find("error"); error != envelope.end() && error->is_object())
        row.error = text(*error, "message");
    const auto result = envelope.find("result");
    if (flag(envelope, "success") && result != envelope.end()) row.result = result->dump();
}

StepRow read_step(const json& object) {
    StepRow row;
    row.uuid = text(object, "workflow_step_uuid");
    row.name = text(object, "name");
    row.state = text(object, "current_state");
    row.attempts = number(object, "attempts");
    row.max_attempts = number(object, "max_attempts");
    row.dependencies_satisfied = flag(object, "dependencies_satisfied");
    row.retry_eligible = flag(object, "retry_eligible");
    if (const auto list = object.find("dependencies"); list != object.end() && list->is_array()) {
        for (const auto& name : *list) row.dependencies.push_back(name.get<std::string>());
    }
    if (const auto results = object.find("results"); results != object.end()) read_results(*results, row);
    return row;
}

json parsed(std::string_view document) {
    json out = json::parse(document, nullptr, false);
    if (out.is_discarded()) throw Error("the answer is not JSON");
    return out;
}
}  // namespace

TaskRow read_task(std::string_view document) {
    const json object = parsed(document);
    TaskRow row;
    row.uuid = text(object, "task_uuid");
    row.name = text(object, "name");
    row.namespace_name = text(object, "namespace");
    row.version = text(object, "version");
    row.status = text(object, "status");
    row.created_at = text(object, "created_at");
    row.updated_at = text(object, "updated_at");
    row.completed_at = text(object, "completed_at");
    row.health = text(object, "health_status");
    row.recommended_action = text(object, "recommended_action");
    row.correlation_id = text(object, "correlation_id");
    row.priority = number(object, "priority");
    row.total_steps = number(object, "total_steps");
    row.completed_steps = number(object, "completed_steps");
    if (const auto part = object.find("completion_percentage"); part != object.end() && part->is_number())
        row.percentage = *part;
    if (const auto steps = object.find("steps"); steps != object.end() && steps->is_array()) {
        for (const auto& step : *steps) row.steps.push_back(read_step(step));
    }
    return row;
}

std::vector<StepRow> read_steps(std::string_view document) {
    std::vector<StepRow> rows;
    for (const auto& step : parsed(document)) rows.push_back(read_step(step));
    return rows;
}

bool settled(const TaskRow& task) {
    const auto state = task_state(task.status);
    if (!state) return false;
    if (is_terminal(*state)) return true;
    return *state == TaskState::BlockedByFailures &&
           std::none_of(task.steps.begin(), task.steps.end(), [](const StepRow& step) {
               const auto step_is = step_state(step.state);
               return step_is && is_live(*step_is);
           });
}

ExitCode outcome_of(const TaskRow& task) {
    const auto state = task_state(task.status);
    return state == TaskState::Complete || state == TaskState::ResolvedManually ? ExitCode::Done
                                                                                : ExitCode::Failed;
}

}  // namespace tasker::host
