// Open tasks in memory: found in the cache, read back from the store, marked as touched.

#include <utility>

#include "host/engine/orchestrator.hpp"

namespace tasker::host {

namespace {
Uuid uuid_of(std::string_view bytes, const Uuid& otherwise) {
    if (bytes.size() != otherwise.bytes.size()) return otherwise;
    Uuid uuid;
    for (std::size_t i = 0; i < bytes.size(); ++i) uuid.bytes[i] = static_cast<std::uint8_t>(bytes[i]);
    return uuid;
}
}  // namespace

OpenTask* Orchestrator::find_task(std::int64_t task_id) {
    current_task_ = task_id;
    if (OpenTask* cached = cache_.find(task_id)) return cached;
    return &cache_.put(load_task(task_id));
}

OpenTask Orchestrator::load_task(std::int64_t task_id) {
    OpenTask task;
    std::int64_t template_id = 0;
    {
        auto rows = sql_.load_task.query(task_id);
        if (!rows.next()) throw Error("task row " + std::to_string(task_id) + " is missing in the store");
        task.id = task_id;
        template_id = rows.integer(0);
        task.first_step = rows.integer(1);
        task.state = static_cast<TaskState>(rows.integer(2));
        task.created_ms = rows.integer(3);
        task.neg_prio = -rows.integer(4);
        auto info = std::make_shared<TaskInfo>();
        info->task_uuid = ids_.make(RowKind::Task, task.created_ms, task_id);
        info->correlation_id =
            uuid_of(rows.text(5), ids_.make(RowKind::Correlation, task.created_ms, task_id));
        if (!rows.is_null(6)) info->parent_correlation_id = uuid_of(rows.text(6), Uuid{});
        info->priority = static_cast<int>(rows.integer(4));
        info->traceparent = rows.text(7);
        if (!rows.is_null(8)) info->tags_json = rows.text(8);
        info->context_json = std::make_shared<const std::string>(rows.text(9));
        info->initiator = rows.text(10);
        info->source_system = rows.text(11);
        info->reason = rows.text(12);
        info->created_ms = info->requested_ms = task.created_ms;
        task.info = std::move(info);
    }
    task.pinned = pinned_->load(connection_, lanes_, template_id);
    const TaskTemplate& definition = *task.pinned->definition;
    std::size_t initial = definition.steps.size();
    std::size_t count = initial;
    if (task.pinned->makes_steps) {
        task.graph = std::make_unique<TaskGraph>(definition, task.pinned->initial, task.first_step);
        task.graph->load(sql_.load_made_steps, task_id, definition);
        initial = task.graph->initial();
        count = task.graph->size();
    }
    task.steps.reserve(count);
    load_states(task, sql_.load_steps.query(task.first_step,
                                            task.first_step + static_cast<std::int64_t>(initial) - 1));
    if (count > initial) load_states(task, sql_.load_made_states.query(task_id));
    if (task.steps.size() != count)
        throw Error("task row " + std::to_string(task_id) + " has not all of its steps");
    return task;
}

void Orchestrator::load_states(OpenTask& task, Statement::Rows rows) {
    while (rows.next()) {
        OpenStep step;
        step.state = static_cast<StepState>(rows.integer(0));
        step.parents_left = static_cast<int>(rows.integer(1));
        step.attempts = static_cast<int>(rows.integer(2));
        step.fence = static_cast<std::uint32_t>(rows.integer(3));
        step.losses = static_cast<int>(rows.integer(4));
        step.backoff_ms = rows.integer(5);
        step.checkpoints = static_cast<std::int32_t>(rows.integer(6));
        ++task.counts.at(static_cast<std::size_t>(step.state));
        task.steps.push_back(std::move(step));
    }
}

void Orchestrator::touch(OpenTask& task, bool settles) {
    task.settles = task.settles || settles;
    if (task.touched) return;
    task.touched = true;
    touched_.push_back(&task);
}

SharedText Orchestrator::result_of(OpenTask& task, std::size_t index) {
    OpenStep& step = task.steps[index];
    // Without an attempt, but not without a fence: one that an operator completed.
    if (step.result || step.fence == 0) return step.result;
    auto rows =
        sql_.load_result.query(first_attempt_id(task.step_id(index)), last_attempt_id(task.step_id(index)));
    if (rows.next()) {
        cache_.set_result(step, std::make_shared<const std::string>(rows.text(0)));
    }
    return step.result;
}

// A result as an event refers to it: nobody counts it, the task's texts keep it alive.
SharedText Orchestrator::lend(OpenTask& task, std::size_t index) {
    if (!result_of(task, index)) return nullptr;
    OpenStep& step = task.steps[index];
    if (!std::exchange(step.lent, true)) {
        if (!task.texts) task.texts = std::make_shared<ResultTexts>();
        task.texts->push_back(step.result);
        // The name is lent with it.
        if (task.graph && (*task.graph)[index].name) task.texts->push_back((*task.graph)[index].name);
    }
    return SharedText(SharedText{}, step.result.get());
}

// Written with the commit: of a join with a thousand parents only the last number counts.
void Orchestrator::parents_changed(OpenTask& task, std::size_t index) {
    if (!std::exchange(task.steps[index].parents_changed, true))
        task.parents_changed.push_back(static_cast<std::uint32_t>(index));
}

void Orchestrator::write_parents(OpenTask& task) {
    current_task_ = task.id;
    for (const std::uint32_t index : task.parents_changed) {
        OpenStep& step = task.steps[index];
        if (std::exchange(step.parents_changed, false))
            sql_.parent_done.run(step.parents_left, task.step_id(index));
    }
    task.parents_changed.clear();
}

}  // namespace tasker::host
