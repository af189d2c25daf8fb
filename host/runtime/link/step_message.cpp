#include "host/runtime/link/step_message.hpp"

#include <utility>

namespace tasker::host {

namespace {
void put_shared(FieldWriter& out, const SharedText& text) {
    out.flag(text != nullptr);
    if (text) out.text(*text);
}

SharedText read_text(FieldReader& in) { return std::make_shared<const std::string>(in.text()); }

SharedText read_shared(FieldReader& in) { return in.flag() ? read_text(in) : nullptr; }

void put_task(FieldWriter& out, const TaskInfo& task) {
    out.text(*task.context_json);
    out.flag(task.parent_correlation_id.has_value());
    if (task.parent_correlation_id) out.uuid(*task.parent_correlation_id);
    out.number(std::int32_t{task.priority});
    out.text(task.initiator);
    out.text(task.source_system);
    out.text(task.reason);
    out.text(task.tags_json);
    out.text(task.traceparent);
    out.number(task.created_ms);
    out.number(task.requested_ms);
}

std::shared_ptr<const TaskInfo> read_task(FieldReader& in, const StepEvent& event) {
    auto task = std::make_shared<TaskInfo>();
    task->task_uuid = event.task_uuid;
    task->correlation_id = event.correlation_id;
    task->context_json = read_text(in);
    if (in.flag()) task->parent_correlation_id = in.uuid();
    task->priority = in.number<std::int32_t>();
    task->initiator = in.string();
    task->source_system = in.string();
    task->reason = in.string();
    task->tags_json = in.string();
    task->traceparent = in.string();
    task->created_ms = in.number<std::int64_t>();
    task->requested_ms = in.number<std::int64_t>();
    return task;
}

// What the dependencies of one step refer to: one allocation for its texts' owners, not one each.
struct Texts {
    std::vector<std::string> texts;  // name, envelope, name, envelope, ...
};
}  // namespace

void put_step(FieldWriter& out, const StepEvent& event, std::uint32_t template_id) {
    const TaskSequenceStep& sequence = event.task_sequence_step;
    out.number(template_id);
    out.number(static_cast<std::uint32_t>(sequence.step_index));
    out.uuid(event.task_uuid);
    out.uuid(event.step_uuid);
    out.uuid(event.correlation_id);
    out.number(event.claimed_ms);
    out.number(event.timeout_ms);
    out.flag(event.first_delivery);
    put_task(out, *sequence.task);
    const WorkflowStep& step = sequence.workflow_step;
    out.text(step.name);
    out.text(step.template_step_name);
    out.number(std::int32_t{step.attempts});
    out.number(std::int32_t{step.max_attempts});
    out.flag(step.retryable);
    out.text(step.inputs_json);
    put_shared(out, step.previous_result);
    put_shared(out, step.checkpoint_json);
    out.count(sequence.dependency_results.size());
    for (const DependencyResult& result : sequence.dependency_results) {
        out.text(result.step_name);
        out.text(*result.envelope_json);
    }
}

StepEvent step_from(const Uuid& event_id, std::string_view payload, const FindTemplate& find) {
    FieldReader in(payload);
    StepEvent event;
    event.event_id = event_id;
    TaskSequenceStep& sequence = event.task_sequence_step;
    const auto template_id = in.number<std::uint32_t>();
    sequence.task_template = find(template_id);
    if (!sequence.task_template)
        throw LinkFault("a step is of template " + std::to_string(template_id) + ", which was not sent");
    sequence.step_index = in.number<std::uint32_t>();
    if (sequence.step_index >= sequence.task_template->steps.size())
        throw LinkFault("a step is number " + std::to_string(sequence.step_index) + " of template '" +
                        sequence.task_template->id() + "'");
    event.task_uuid = in.uuid();
    event.step_uuid = in.uuid();
    event.correlation_id = in.uuid();
    event.claimed_ms = in.number<std::int64_t>();
    event.timeout_ms = in.number<std::int64_t>();
    event.first_delivery = in.flag();
    sequence.task = read_task(in, event);
    WorkflowStep& step = sequence.workflow_step;
    step.step_uuid = event.step_uuid;
    step.name = in.string();
    step.template_step_name = in.string();
    step.attempts = in.number<std::int32_t>();
    step.max_attempts = in.number<std::int32_t>();
    step.retryable = in.flag();
    step.inputs_json = in.string();
    step.previous_result = read_shared(in);
    step.checkpoint_json = read_shared(in);
    const std::size_t count = in.count(8);
    if (count > 0) {
        auto owner = std::make_shared<Texts>();
        owner->texts.reserve(count * 2);
        sequence.dependency_results.reserve(count);
        for (std::size_t i = 0; i < count; ++i) {
            const std::string& name = owner->texts.emplace_back(in.text());
            const std::string& envelope = owner->texts.emplace_back(in.text());
            sequence.dependency_results.push_back({name, SharedText(owner, &envelope)});
        }
        sequence.results_owner = std::move(owner);
    }
    in.end();
    return event;
}

}  // namespace tasker::host
