// One step: what it is, what became of its attempts, and what an operator does to it.

#include <nlohmann/json.hpp>

#include "host/api/json_writer.hpp"
#include "host/core/nearest.hpp"
#include "host/core/uuid.hpp"
#include "host/process/connection.hpp"
#include "host/process/report.hpp"
#include "host/process/submission.hpp"

namespace tasker::host {

namespace {
using nlohmann::json;

std::string text(const json& object, const char* key) {
    const auto found = object.find(key);
    if (found == object.end() || found->is_null()) return {};
    return found->is_string() ? found->get<std::string>() : found->dump();
}
std::string yes_or_no(const json& object, const char* key) { return object.value(key, false) ? "yes" : "no"; }

// The step's place in the API: /v1/tasks/T/workflow_steps/S. A name is looked up in the task.
std::string step_place(const Command& command, ApiClient& client) {
    const std::string place = "/v1/tasks/" + task_argument(command);
    const std::string said = *command.line.get("STEP");
    if (const auto uuid = Uuid::parse(said)) return place + "/workflow_steps/" + uuid->str();
    std::vector<std::string> names;
    std::string all;
    const json task = json::parse(expect_document(client.request("GET", place)));
    for (const json& step : task["steps"]) {
        const std::string name = step.value("name", "");
        if (name == said) return place + "/workflow_steps/" + step.value("workflow_step_uuid", "");
        names.push_back(name);
        all += (all.empty() ? "" : ", ") + name;
    }
    throw CommandFailure(ExitCode::NotFound, "NOT_FOUND",
                         "the task has no step '" + said + "'" + did_you_mean(said, names),
                         "its steps: " + all);
}

// A verb that changes a step: what is sent, and how it is told.
struct Action {
    const char* type;       // reset_for_retry
    const char* by_member;  // reset_by
    const char* by_option;  // reset-by
    const char* done;       // "Step reset successfully!"
    const char* by_label;   // "Reset by"
};

std::string action_document(const Command& command, const Action& action, const std::string& who) {
    std::string out;
    JsonObject object(out);
    object.text("action_type", action.type)
        .text("reason", *command.line.get("reason"))
        .text(action.by_member, who);
    if (std::string_view{action.type} == "complete_manually") {
        std::string data;
        JsonObject members(data);
        members.raw("result", read_json_option(command, "result", "{}"));
        if (command.line.has("metadata"))
            members.raw("metadata", read_json_option(command, "metadata", "{}", true));
        members.end();
        object.raw("completion_data", data);
    }
    object.end();
    return out;
}

ExitCode act(Command& command, const Action& action) {
    const std::string who = command.line.get(action.by_option).value_or(submitting_user(command));
    if (command.line.get("reason")->empty())
        throw CommandFailure(ExitCode::Usage, "USAGE", "--reason is empty",
                             "say why; it is kept in the audit");
    const std::string body = action_document(command, action, who);
    const Config config = configure(command).config;
    const auto connection = connect(config, StoreUse::Existing);
    const std::string place = step_place(command, connection->client());
    const std::string document = expect_allowed(connection->client().request("PATCH", place, body));
    if (command.line.json) {
        command.document(document);
        return ExitCode::Done;
    }
    const json step = json::parse(document);
    command.out.write(command.report()
                          .success(action.done)
                          .state("New state", text(step, "current_state"))
                          .label("Reason", *command.line.get("reason"))
                          .label(action.by_label, who)
                          .str());
    return ExitCode::Done;
}

void tell_record(Report& report, std::size_t number, const json& record) {
    report.blank()
        .header("  Audit Record #" + std::to_string(number))
        .label("UUID", text(record, "audit_uuid"), 2)
        .label("Step", text(record, "step_name") + " (" + text(record, "workflow_step_uuid") + ")", 2)
        .verdict(record.value("success", false),
                 std::string{"Success: "} + (record.value("success", false) ? "Yes" : "No"), 2)
        .label("Event", text(record, "event"), 2)
        .label("Attempt", text(record, "attempt"), 2)
        .label("Recorded at", text(record, "recorded_at"), 2);
    const std::string from = text(record, "from_state");
    report.label("Transition", (from.empty() ? "(none)" : from) + " -> " + text(record, "to_state"), 2)
        .label("Worker", text(record, "worker_id"), 2)
        .label("Worker UUID", text(record, "worker_uuid"), 2)
        .label("By", text(record, "actor"), 2)
        .label("Reason", text(record, "note"), 2)
        .label("Correlation ID", text(record, "correlation_id"), 2)
        .label("Execution time", text(record, "execution_time_ms") + "ms", 2)
        .label("Error", text(record, "error_message"), 2);
}
}  // namespace

ExitCode task_step(Command& command) {
    const Config config = configure(command).config;
    const auto connection = connect(config, StoreUse::Existing);
    const std::string place = step_place(command, connection->client());
    const std::string document = expect_document(connection->client().request("GET", place));
    if (command.line.json) {
        command.document(document);
        return ExitCode::Done;
    }
    const json step = json::parse(document);
    Report report = command.report();
    report.header("Step Details")
        .label("UUID", text(step, "step_uuid"))
        .label("Name", text(step, "name"))
        .state("State", text(step, "current_state"))
        .label("Dependencies satisfied", yes_or_no(step, "dependencies_satisfied"))
        .label("Ready for execution", yes_or_no(step, "ready_for_execution"))
        .label("Retry eligible", yes_or_no(step, "retry_eligible"))
        .label("Attempts", text(step, "attempts") + "/" + text(step, "max_attempts"))
        .label("Last attempt", text(step, "last_attempted_at"))
        .label("Last failure", text(step, "last_failure_at"))
        .label("Next retry", text(step, "next_retry_at"))
        .label("Completed", text(step, "completed_at"));
    if (step.contains("crashes")) report.label("Crashes of its worker", text(step, "crashes"));
    if (const auto results = step.find("results"); results != step.end() && results->is_object()) {
        report.label("Result", text(*results, "result"));
        if (const auto error = results->find("error"); error != results->end() && error->is_object())
            report.label("Error", text(*error, "message"));
    }
    command.out.write(report.str());
    return ExitCode::Done;
}

ExitCode task_step_audit(Command& command) {
    const Config config = configure(command).config;
    const auto connection = connect(config, StoreUse::Existing);
    const std::string place = step_place(command, connection->client());
    const std::string document = expect_document(connection->client().request("GET", place + "/audit"));
    if (command.line.json) {
        command.document(document);
        return ExitCode::Done;
    }
    const json records = json::parse(document);
    Report report = command.report();
    if (records.empty()) {
        report.warning("No audit records found for this step");
    } else {
        report.success("Found " + std::to_string(records.size()) + " audit record(s):");
    }
    std::size_t number = 0;
    for (const json& record : records) tell_record(report, ++number, record);
    command.out.write(report.str());
    return ExitCode::Done;
}

ExitCode task_reset_step(Command& command) {
    return act(command, {"reset_for_retry", "reset_by", "reset-by", "Step reset successfully!", "Reset by"});
}
ExitCode task_resolve_step(Command& command) {
    return act(command,
               {"resolve_manually", "resolved_by", "resolved-by", "Step resolved manually!", "Resolved by"});
}
ExitCode task_complete_step(Command& command) {
    return act(command, {"complete_manually", "completed_by", "completed-by",
                         "Step completed manually with results!", "Completed by"});
}

}  // namespace tasker::host
