#include "host/loader/step_view.hpp"

#include <algorithm>

#include "host/core/json_text.hpp"
#include "host/core/json_view.hpp"
#include "host/model/step_json.hpp"

namespace tasker::host {

namespace {
constexpr std::size_t kKeptCapacity = std::size_t{64} << 10U;

tasker_str str(std::string_view text) { return {text.data(), text.size()}; }
tasker_str str(const SharedText& text) { return text ? str(std::string_view(*text)) : tasker_str{}; }

tasker_str write_uuid(const Uuid& uuid, std::array<char, 36>& out) {
    constexpr char kHex[] = "0123456789abcdef";
    std::size_t at = 0;
    for (std::size_t i = 0; i < uuid.bytes.size(); ++i) {
        if (i == 4 || i == 6 || i == 8 || i == 10) out[at++] = '-';
        out[at++] = kHex[uuid.bytes[i] >> 4U];
        out[at++] = kHex[uuid.bytes[i] & 0xFU];
    }
    return {out.data(), out.size()};
}

std::uint32_t flags_of(const StepEvent& event) {
    std::uint32_t flags = 0;
    if (event.task_sequence_step.workflow_step.retryable) flags |= TASKER_STEP_RETRYABLE;
    if (!event.first_delivery) flags |= TASKER_STEP_REDELIVERED;
    const std::string& inputs = event.task_sequence_step.workflow_step.inputs_json;
    if (!inputs.empty() && json_member(inputs, "is_no_op") == "true") flags |= TASKER_STEP_NO_OP;
    return flags;
}

// The object that a batch worker is given as its part of the work.
std::string_view cursor_of(std::string_view inputs) {
    if (inputs.empty()) return {};
    const auto cursor = json_member(inputs, "cursor");
    return cursor && json_is_object(*cursor) ? *cursor : std::string_view{};
}
}  // namespace

void LentStep::show(const StepEvent& event, std::int64_t deadline_unix_ms, const tasker_call_api_v0* api) {
    event_ = &event;
    const TaskSequenceStep& sequence = event.task_sequence_step;
    const WorkflowStep& step = sequence.workflow_step;
    const StepTemplate& definition = sequence.step_definition();
    table_ = tasker_step_v0{};
    table_.struct_size = sizeof(tasker_step_v0);
    table_.attempt = static_cast<std::uint32_t>(std::max(step.attempts, 0)) + 1;
    table_.max_attempts = static_cast<std::uint32_t>(std::max(step.max_attempts, 0));
    table_.flags = flags_of(event);
    table_.event_id = write_uuid(event.event_id, event_id_);
    table_.step_uuid = write_uuid(event.step_uuid, step_uuid_);
    table_.task_uuid = write_uuid(event.task_uuid, task_uuid_);
    table_.correlation_id = write_uuid(event.correlation_id, correlation_id_);
    if (const auto& parent = sequence.task->parent_correlation_id) {
        table_.parent_correlation_id = write_uuid(*parent, parent_correlation_id_);
    }
    table_.traceparent = str(sequence.task->traceparent);
    table_.namespace_ = str(sequence.task_template->namespace_name);
    table_.task_name = str(sequence.task_template->name);
    table_.task_version = str(sequence.task_template->version);
    table_.step_name = str(step.name);
    table_.template_step_name =
        str(step.template_step_name.empty() ? definition.name : step.template_step_name);
    table_.callable = str(definition.handler.callable);
    table_.method = str(definition.handler.method);
    table_.idempotency_key = table_.step_uuid;
    table_.context_json =
        sequence.task->context_json ? str(sequence.task->context_json) : str(std::string_view("{}"));
    table_.inputs_json = str(step.inputs_json);
    table_.config_json = str(definition.handler.initialization_json);
    table_.batch_json = str(cursor_of(step.inputs_json));
    table_.checkpoint_json = str(step.checkpoint_json);
    table_.deadline_unix_ms = deadline_unix_ms;
    table_.api = api;
}

void LentStep::clear() {
    event_ = nullptr;
    for (Made* slot : {&dep_names_, &task_, &nested_event_}) {
        slot->valid = false;
        if (slot->text.capacity() > kKeptCapacity) slot->text = std::string{};
    }
}

template <class Build>
std::string_view LentStep::made(Made& slot, Build build) {
    if (!slot.valid) {
        slot.text = build(*event_);
        slot.valid = true;
    }
    return slot.text;
}

std::optional<std::string_view> LentStep::get(std::string_view key) {
    constexpr std::string_view kDependency = "dep.";
    const TaskSequenceStep& sequence = event_->task_sequence_step;
    const auto present = [](const SharedText& text) -> std::optional<std::string_view> {
        if (!text) return std::nullopt;
        return std::string_view(*text);
    };
    if (key.starts_with(kDependency)) {
        key.remove_prefix(kDependency.size());
        for (const auto& dependency : sequence.dependency_results) {
            if (dependency.step_name == key) return present(dependency.envelope_json);
        }
        return std::nullopt;
    }
    if (key == "context") return std::string_view(table_.context_json.ptr, table_.context_json.len);
    if (key == "dep_names") return made(dep_names_, dependency_names_json);
    if (key == "task") return made(task_, task_json);
    if (key == "event") return made(nested_event_, step_event_json);
    if (key == "previous_result") return present(sequence.workflow_step.previous_result);
    if (key == "inputs" && !sequence.workflow_step.inputs_json.empty()) {
        return std::string_view(sequence.workflow_step.inputs_json);
    }
    return std::nullopt;
}

}  // namespace tasker::host
