#include "host/api/documents.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "host/api/json_list.hpp"
#include "host/api/json_writer.hpp"
#include "host/core/clock.hpp"
#include "host/core/json_text.hpp"
#include "host/core/json_view.hpp"
#include "host/core/sha256.hpp"
#include "host/model/readiness.hpp"

namespace tasker::host {

namespace {
std::string optional_uuid(const std::optional<Uuid>& uuid) { return uuid ? uuid->str() : std::string{}; }

// The UUID of something that has a name only, made of the name: steps of one name share it, as on a server.
Uuid name_uuid(std::string_view kind, std::string_view name) {
    const Sha256Digest digest = sha256(std::string(kind) + "\n" + std::string(name));
    Uuid uuid;
    std::copy_n(digest.begin(), uuid.bytes.size(), uuid.bytes.begin());
    uuid.bytes[6] = static_cast<std::uint8_t>(0x80U | (uuid.bytes[6] & 0x0fU));  // version 8
    uuid.bytes[8] = static_cast<std::uint8_t>(0x80U | (uuid.bytes[8] & 0x3fU));
    return uuid;
}

// Workers have names here and UUIDs on a server.
std::string worker_uuid(const std::string& worker_id) {
    if (worker_id.empty()) return {};
    const auto given = Uuid::parse(worker_id);
    return (given ? *given : name_uuid("worker", worker_id)).str();
}

std::string names_document(const std::vector<std::string>& names) {
    return json_list(names, [](const std::string& name) { return json_string(name); });
}

// A failure that was put off keeps its delay in whole seconds, rounded up: never earlier than it is due.
std::string backoff_seconds(const StepView& step) {
    return step.backoff_ms ? std::to_string((*step.backoff_ms + 999) / 1000) : std::string{};
}

// The readiness rows inside a task have their times without a zone, as the server's clients read them there; the step
// documents have them with it.
enum class Zone : std::uint8_t { None, Utc };

void step_members(JsonObject& object, const StepView& step, Zone zone) {
    const auto time = [&](std::string_view key, std::optional<std::int64_t> unix_ms) {
        if (!unix_ms || zone == Zone::Utc) {
            object.time(key, unix_ms);
            return;
        }
        std::string text = rfc3339(*unix_ms);
        text.pop_back();
        object.text(key, text);
    };

    object.text("workflow_step_uuid", step.step_uuid.str())
        .text("task_uuid", step.task_uuid.str())
        .text("named_step_uuid", name_uuid("named_step", step.name).str())
        .text("name", step.name)
        .text("current_state", name(step.state))
        .boolean("dependencies_satisfied", step.dependencies_satisfied)
        .boolean("retry_eligible", step.retry_eligible)
        .boolean("ready_for_execution", step.ready_for_execution);
    time("last_failure_at", step.last_failure_ms);
    time("next_retry_at", step.next_retry_ms);
    object.number("total_parents", step.total_parents)
        .number("completed_parents", step.completed_parents)
        .number("attempts", step.attempts)
        .number("max_attempts", step.max_attempts);
    // Ours, and of few steps: how often it ended its worker's process.
    if (step.crashes > 0) object.number("crashes", step.crashes);
    object.raw("backoff_request_seconds", backoff_seconds(step));
    time("last_attempted_at", step.last_attempted_ms);
}

}  // namespace

TaskCounts counts_of(const TaskView& task) {
    TaskCounts counts;
    counts.total = task.total_steps;
    counts.done = task.completed_steps;
    counts.failed = task.failed_steps;
    counts.live = task.in_progress_steps + task.enqueued_steps;
    counts.ready = task.ready_steps;
    return counts;
}

std::string readiness_document(const StepView& step, StepExtras extras) {
    std::string out;
    JsonObject object(out);
    step_members(object, step, Zone::None);
    if (extras.results) object.raw("results", step.results_json);
    if (extras.dependencies) {
        object.raw("dependencies", names_document(step.dependencies));
        object.time("completed_at", step.processed_ms);
    }
    object.end();
    return out;
}

std::string step_document(const StepView& step) {
    std::string out;
    JsonObject object(out);
    object.text("step_uuid", step.step_uuid.str());
    step_members(object, step, Zone::Utc);
    const auto updated =
        std::max({step.created_ms, step.last_attempted_ms, step.last_failure_ms, step.processed_ms});
    // Clients want a time there, whatever the store has kept.
    object.time("created_at", step.created_ms.value_or(0))
        .time("updated_at", updated.value_or(0))
        .time("completed_at", step.processed_ms)
        .raw("dependencies", names_document(step.dependencies))
        .raw("results", step.results_json);
    object.end();
    return out;
}

std::string steps_document(const std::vector<StepView>& steps) {
    return json_list(steps, [](const StepView& step) { return step_document(step); });
}

std::string task_document(const TaskView& task, StepExtras extras) {
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
        .raw("context", task.context_json, "{}")
        .text("initiator", task.initiator)
        .text("source_system", task.source_system)
        .text("reason", task.reason)
        .number("priority", task.priority)
        .raw("tags", task.tags_json, "[]")
        .text("correlation_id", task.correlation_id.str())
        .maybe_text("parent_correlation_id", optional_uuid(task.parent_correlation_id))
        .number("total_steps", task.total_steps)
        .number("pending_steps", task.pending_steps)
        .number("in_progress_steps", task.in_progress_steps)
        .number("completed_steps", task.completed_steps)
        .number("failed_steps", task.failed_steps)
        .number("ready_steps", task.ready_steps)
        .text("execution_status", execution_status(counts))
        .text("recommended_action", recommended_action(counts))
        .fraction("completion_percentage", completion_percentage(counts))
        .text("health_status", health_status(counts))
        .raw("steps",
             json_list(task.steps, [&](const StepView& step) { return readiness_document(step, extras); }));
    object.end();
    return out;
}

std::string task_list_document(const TaskPage& page) {
    const std::int64_t size = std::max(page.per_page, 1);
    const std::int64_t pages = (page.total + size - 1) / size;
    std::string pagination;
    JsonObject numbers(pagination);
    numbers.number("page", page.page)
        .number("per_page", page.per_page)
        .number("total_count", page.total)
        .number("total_pages", pages)
        .boolean("has_next", page.page < pages)
        .boolean("has_previous", page.page > 1);
    numbers.end();
    std::string out;
    JsonObject object(out);
    object.raw("tasks", json_list(page.tasks, [](const TaskView& task) { return task_document(task); }))
        .raw("pagination", pagination);
    object.end();
    return out;
}

std::string audit_document(const std::vector<StepAuditRecord>& records) {
    // The newest first, as on a server.
    const std::vector<StepAuditRecord> newest(records.rbegin(), records.rend());
    return json_list(newest, [](const StepAuditRecord& record) {
        const std::string place = record.step_uuid.str() + "\n" + std::to_string(record.sequence);
        std::string out;
        JsonObject object(out);
        object.text("audit_uuid", name_uuid("audit", place).str())
            .text("transition_uuid", name_uuid("transition", place).str())
            .number("sequence", record.sequence)
            .text("workflow_step_uuid", record.step_uuid.str())
            .text("task_uuid", record.task_uuid.str())
            .text("step_name", record.step_name)
            .number("attempt", record.attempt)
            .text("event", record.event)
            .boolean("success", record.success)
            .maybe_text("from_state", record.from_state)
            .text("to_state", record.to_state)
            .time("recorded_at", record.recorded_ms)
            .time("claimed_at", record.claimed_ms > 0 ? std::optional{record.claimed_ms} : std::nullopt)
            .number("execution_time_ms", record.execution_time_ms)
            .maybe_text("worker_id", record.worker_id)
            .maybe_text("worker_uuid", worker_uuid(record.worker_id))
            .maybe_text("correlation_id", record.correlation_id)
            .maybe_text("error_type", record.error_type)
            .maybe_text("error_message", record.error_message)
            .maybe_text("actor", record.actor)
            .maybe_text("note", record.note)
            .raw("result", record.result_json);
        object.end();
        return out;
    });
}

std::string template_list_document(const TemplateCatalog& catalog, std::string_view namespace_name) {
    std::map<std::string, std::int64_t> counts;
    std::vector<std::shared_ptr<const TaskTemplate>> shown;
    for (const auto& one : catalog.all()) {
        ++counts[one->namespace_name];
        if (namespace_name.empty() || one->namespace_name == namespace_name) shown.push_back(one);
    }
    std::vector<std::string> namespaces;
    for (const auto& [name, count] : counts) namespaces.push_back(name);
    const auto space = [](const auto& entry) {
        std::string out;
        JsonObject object(out);
        object.text("name", entry.first).raw("description", {}).number("template_count", entry.second);
        object.end();
        return out;
    };
    const auto summary = [](const std::shared_ptr<const TaskTemplate>& one) {
        std::string out;
        JsonObject object(out);
        object.text("name", one->name)
            .text("namespace", one->namespace_name)
            .text("version", one->version)
            .maybe_text("description", one->description)
            .number("step_count", static_cast<std::int64_t>(one->steps.size()));
        object.end();
        return out;
    };
    std::string out;
    JsonObject object(out);
    object.raw("namespaces", json_list(counts, space))
        .raw("templates", json_list(shown, summary))
        .number("total_count", static_cast<std::int64_t>(catalog.all().size()))
        // What a Tasker worker answers at the same place.
        .raw("supported_namespaces", names_document(namespaces))
        .number("template_count", static_cast<std::int64_t>(catalog.all().size()))
        .raw("cache_stats", {})
        .raw("worker_capabilities", R"(["embedded_engine","native_plugins"])");
    object.end();
    return out;
}

std::string template_document(const TaskTemplate& task_template) {
    const auto step = [](const StepTemplate& one) {
        std::string out;
        JsonObject object(out);
        object.text("name", one.name)
            .maybe_text("description", one.description)
            .boolean("default_retryable", one.retry.retryable)
            .number("default_max_attempts", one.retry.max_attempts)
            .raw("result_schema", std::string(json_member(one.definition_json, "result_schema").value_or("")))
            .text("type", name(one.type))
            .text("callable", one.handler.callable)
            .raw("dependencies", names_document(one.dependencies));
        object.end();
        return out;
    };
    std::string out;
    JsonObject object(out);
    object.text("name", task_template.name)
        .text("namespace", task_template.namespace_name)
        .text("version", task_template.version)
        .maybe_text("description", task_template.description)
        .raw("configuration", task_template.definition_json)
        .raw("steps", json_list(task_template.steps, step))
        .maybe_text("source_path", task_template.source_path);
    object.end();
    return out;
}

std::string validation_document(const TaskTemplate& task_template, const WorkerStatus& worker) {
    const auto is_in = [](const std::vector<std::string>& all, const std::string& one) {
        return std::find(all.begin(), all.end(), one) != all.end();
    };
    std::set<std::string> callables;
    for (const StepTemplate& step : task_template.steps) callables.insert(step.handler.callable);
    std::vector<std::string> errors;
    if (!is_in(worker.supported_namespaces, task_template.namespace_name))
        errors.push_back("this worker does not serve the namespace '" + task_template.namespace_name + "'");
    for (const std::string& one : callables) {
        if (is_in(worker.missing_callables, one)) errors.push_back("no plugin offers '" + one + "'");
    }
    std::string out;
    JsonObject object(out);
    object.boolean("valid", errors.empty())
        .raw("errors", names_document(errors))
        .raw("required_capabilities", "[]")
        .raw("step_handlers", names_document({callables.begin(), callables.end()}));
    object.end();
    return out;
}

std::string store_document(const StoreInfo& info) {
    std::string out;
    JsonObject object(out);
    object.text("path", info.path)
        .number("schema_version", info.schema_version)
        .text("durability", info.durability)
        .text("sqlite_version", info.sqlite_version)
        .number("bytes", static_cast<std::int64_t>(info.bytes))
        .number("wal_bytes", static_cast<std::int64_t>(info.wal_bytes))
        .number("tasks", info.tasks)
        .number("open_tasks", info.open_tasks)
        .number("steps", info.steps)
        .number("templates", info.templates)
        .number("ready_steps", info.ready_steps)
        .number("running_steps", info.running_steps)
        .number("waiting_steps", info.waiting_steps)
        .number("oldest_ready_ms", info.oldest_ready_ms);
    object.end();
    return out;
}

std::string error_document(std::string_view code, std::string_view message, std::string_view hint) {
    std::string inner;
    JsonObject members(inner);
    members.text("code", code).text("message", message).maybe_text("hint", hint);
    members.end();
    return "{\"error\":" + inner + "}";
}

std::string_view refusal_code(Refusal why) {
    switch (why) {
        case Refusal::Invalid:
            return "BAD_REQUEST";
        case Refusal::NotFound:
            return "NOT_FOUND";
        case Refusal::Duplicate:
            return "CONFLICT";
        case Refusal::Unavailable:
            return "SERVICE_UNAVAILABLE";
    }
    return "INTERNAL_ERROR";
}

int refusal_status(Refusal why) {
    switch (why) {
        case Refusal::Invalid:
            return 400;
        case Refusal::NotFound:
            return 404;
        case Refusal::Duplicate:
            return 409;
        case Refusal::Unavailable:
            return 503;
    }
    return 500;
}

}  // namespace tasker::host
