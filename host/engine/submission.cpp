// A submission inside the transaction: identity, task, document, steps; the roots are ready at once.

#include "host/core/failpoint.hpp"
#include "host/engine/orchestrator.hpp"
#include "host/engine/submission_rules.hpp"

namespace tasker::host {

namespace {
std::string_view bytes_of(const Uuid& uuid) {
    return {reinterpret_cast<const char*>(uuid.bytes.data()), uuid.bytes.size()};
}

std::optional<Blob> blob_of(const std::optional<Uuid>& uuid) {
    if (!uuid) return std::nullopt;
    return Blob{bytes_of(*uuid)};
}

// Missing texts are NULL: most tasks have none of them.
std::optional<std::string_view> text_or_null(std::string_view text) {
    if (text.empty()) return std::nullopt;
    return text;
}

std::shared_ptr<TaskInfo> info_of(const SubmitOp& op, const Uuid& task_uuid, const Uuid& own_correlation,
                                  std::int64_t now_ms) {
    const TaskRequest& request = *op.request;
    auto info = std::make_shared<TaskInfo>();
    info->task_uuid = task_uuid;
    info->context_json = op.context;
    info->correlation_id = request.correlation_id.value_or(own_correlation);
    info->parent_correlation_id = request.parent_correlation_id;
    info->priority = request.priority;
    info->initiator = request.initiator;
    info->source_system = request.source_system;
    info->reason = request.reason;
    if (!op.tags_json.empty()) info->tags_json = op.tags_json;
    info->traceparent = request.traceparent;
    info->created_ms = info->requested_ms = now_ms;
    return info;
}
}  // namespace

SubmitOutcome Orchestrator::submit(const SubmitOp& op) {
    const auto pinned = pinned_->find(*op.definition);
    if (!pinned) throw Error("template " + op.definition->id() + " was not pinned");
    std::optional<std::int64_t> prefix;
    std::optional<Blob> identity;
    if (op.identity) {
        prefix = identity_prefix(*op.identity);
        identity = Blob{*op.identity};
        if (identities_->contains(*prefix, *op.identity)) {
            return duplicate_submission();
        }
    }
    const TaskRequest& request = *op.request;
    OpenTask task;
    task.id = next_task_++;
    task.first_step = next_step_;
    if (pinned->makes_steps)
        task.graph = std::make_unique<TaskGraph>(*pinned->definition, pinned->initial, task.first_step);
    const std::size_t count = task.graph ? task.graph->size() : pinned->definition->steps.size();
    next_step_ += static_cast<std::int64_t>(count);
    task.created_ms = now_ms_;
    task.neg_prio = -std::int64_t{request.priority};
    task.pinned = pinned;
    task.state = TaskState::StepsInProcess;
    const Uuid task_uuid = ids_.make(RowKind::Task, now_ms_, task.id);
    task.info = info_of(op, task_uuid, ids_.make(RowKind::Correlation, now_ms_, task.id), now_ms_);
    sql_.add_task.run(task.id, pinned->id, task.first_step, task.state, now_ms_, now_ms_, request.priority,
                      prefix, identity, blob_of(request.correlation_id),
                      blob_of(request.parent_correlation_id), text_or_null(request.traceparent),
                      text_or_null(op.tags_json));
    if (prefix) identities_->add(*prefix, task.id);
    sql_.add_document.run(task.id, *op.context, text_or_null(request.initiator),
                          text_or_null(request.source_system), text_or_null(request.reason));
    task.steps.resize(count);
    for (std::size_t i = 0; i < count; ++i) {
        OpenStep& step = task.steps[i];
        // All dependencies of a step that is made now are made now.
        step.parents_left = static_cast<int>(task.definition(i).dependency_ids.size());
        const LaneId lane = task.lane(i);
        const bool root = step.parents_left == 0;
        step.state = root ? StepState::Enqueued : StepState::Pending;
        std::optional<std::int64_t> sequence;
        if (root) sequence = next_ready_seq();
        sql_.add_step.run(task.step_id(i), task.id, static_cast<std::int64_t>(i), step.state, lane,
                          task.neg_prio, step.parents_left, sequence);
        ++task.counts[static_cast<std::size_t>(step.state)];
        if (root) lanes_.add_ready(lane, task.neg_prio);
    }
    effects_.changed = true;
    if (OpenTask* kept = cache_.put_if_room(std::move(task))) touch(*kept, false);
    return task_uuid;
}

}  // namespace tasker::host
