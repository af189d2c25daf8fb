#include "host/model/step_json.hpp"

#include <algorithm>
#include <string_view>
#include <vector>

#include "host/core/clock.hpp"
#include "host/core/json_text.hpp"

namespace tasker::host {

namespace {
// Appends members of one object; knows where a comma goes.
class Members {
  public:
    explicit Members(std::string& out) : out_(out) { out_ += '{'; }
    Members& raw(std::string_view key, std::string_view json) {
        if (!first_) out_ += ',';
        first_ = false;
        append_json_string(out_, key);
        out_ += ':';
        out_ += json;
        return *this;
    }
    Members& text(std::string_view key, std::string_view value) {
        raw(key, {});
        append_json_string(out_, value);
        return *this;
    }
    Members& text_or_null(std::string_view key, std::string_view value) {
        return value.empty() ? raw(key, "null") : text(key, value);
    }
    Members& number(std::string_view key, std::int64_t value) { return raw(key, std::to_string(value)); }
    void end() { out_ += '}'; }

  private:
    std::string& out_;
    bool first_ = true;
};

std::string_view text_or(const SharedText& text, std::string_view otherwise) {
    return text ? std::string_view(*text) : otherwise;
}

std::string optional_uuid(const std::optional<Uuid>& uuid) { return uuid ? uuid->str() : std::string{}; }

void add_task(Members& task, const TaskInfo& info) {
    task.text("task_uuid", info.task_uuid.str())
        .raw("context", text_or(info.context_json, "{}"))
        .text("correlation_id", info.correlation_id.str())
        .text_or_null("parent_correlation_id", optional_uuid(info.parent_correlation_id))
        .number("priority", info.priority)
        .text_or_null("initiator", info.initiator)
        .text_or_null("source_system", info.source_system)
        .text_or_null("reason", info.reason)
        .raw("tags", info.tags_json.empty() ? "[]" : std::string_view(info.tags_json));
}

std::string nested_task(const TaskSequenceStep& sequence) {
    std::string inner;
    Members task(inner);
    add_task(task, *sequence.task);
    task.raw("complete", "false")
        .text("created_at", rfc3339(sequence.task->created_ms))
        .text("requested_at", rfc3339(sequence.task->requested_ms));
    task.end();

    std::string out;
    Members wrapper(out);
    wrapper.raw("task", inner)
        .text("task_name", sequence.task_template->name)
        .text("task_version", sequence.task_template->version)
        .text("namespace_name", sequence.task_template->namespace_name);
    wrapper.end();
    return out;
}

std::string workflow_step(const StepEvent& event) {
    const WorkflowStep& step = event.task_sequence_step.workflow_step;
    std::string out;
    Members members(out);
    members.text("workflow_step_uuid", step.step_uuid.str())
        .text("task_uuid", event.task_uuid.str())
        .text("name", step.name)
        .text("template_step_name", step.template_step_name)
        .raw("retryable", step.retryable ? "true" : "false")
        .number("max_attempts", step.max_attempts)
        .number("attempts", step.attempts)
        .raw("in_process", "true")
        .raw("processed", "false")
        .raw("processed_at", "null")
        .raw("inputs", step.inputs_json.empty() ? "null" : std::string_view(step.inputs_json))
        .raw("results", text_or(step.previous_result, "null"))
        .raw("checkpoint", text_or(step.checkpoint_json, "null"));
    members.end();
    return out;
}

std::string step_definition(const StepTemplate& step) {
    if (!step.definition_json.empty()) return step.definition_json;
    std::string handler;
    Members members(handler);
    members.text("callable", step.handler.callable)
        .text_or_null("method", step.handler.method)
        .text_or_null("resolver", step.handler.resolver)
        .raw("initialization", step.handler.initialization_json);
    members.end();
    std::string out;
    Members definition(out);
    definition.text("name", step.name).text_or_null("description", step.description).raw("handler", handler);
    definition.end();
    return out;
}

std::string dependency_results(const TaskSequenceStep& sequence) {
    std::string out;
    Members members(out);
    for (const auto& dependency : sequence.dependency_results) {
        members.raw(dependency.step_name, text_or(dependency.envelope_json, "null"));
    }
    members.end();
    return out;
}
}  // namespace

std::string dependency_names_json(const StepEvent& event) {
    std::vector<std::string_view> names;
    for (const auto& dependency : event.task_sequence_step.dependency_results)
        names.push_back(dependency.step_name);
    std::sort(names.begin(), names.end());
    std::string out = "[";
    for (const auto name : names) {
        if (out.size() > 1) out += ',';
        append_json_string(out, name);
    }
    return out + "]";
}

std::string task_json(const StepEvent& event) {
    const TaskSequenceStep& sequence = event.task_sequence_step;
    std::string out;
    Members task(out);
    add_task(task, *sequence.task);
    task.text("task_name", sequence.task_template->name)
        .text("task_version", sequence.task_template->version)
        .text("namespace_name", sequence.task_template->namespace_name);
    task.end();
    return out;
}

std::string task_sequence_step_json(const StepEvent& event, bool with_dependencies) {
    const TaskSequenceStep& sequence = event.task_sequence_step;
    std::string out;
    Members members(out);
    members.raw("task", nested_task(sequence))
        .raw("workflow_step", workflow_step(event))
        .raw("step_definition", step_definition(sequence.step_definition()))
        .raw("dependency_results", with_dependencies ? dependency_results(sequence) : std::string("{}"));
    members.end();
    return out;
}

std::string step_event_json(const StepEvent& event) {
    const TaskSequenceStep& sequence = event.task_sequence_step;
    std::string out;
    Members top(out);
    top.text("event_id", event.event_id.str())
        .text("task_uuid", event.task_uuid.str())
        .text("step_uuid", event.step_uuid.str())
        .text("correlation_id", event.correlation_id.str())
        .text_or_null("parent_correlation_id", optional_uuid(sequence.task->parent_correlation_id))
        .raw("task_sequence_step", task_sequence_step_json(event));
    top.end();
    return out;
}

}  // namespace tasker::host
