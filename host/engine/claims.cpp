// Claims: the best ready steps of the lanes a session offers, and the events made of them.

#include <algorithm>

#include "host/core/failpoint.hpp"
#include "host/engine/orchestrator.hpp"

namespace tasker::host {

namespace {
constexpr std::int64_t kMaxClaims = 512;  // of one session in one transaction
}  // namespace

// The head of one lane while the lanes are merged.
struct Orchestrator::Cursor {
    LaneId lane = 0;
    Statement* rows = nullptr;
    std::int64_t credit = 0, neg_prio = 0, seq = 0;

    bool advance() {
        if (credit <= 0 || !rows->step()) return false;
        neg_prio = rows->integer(0);
        seq = rows->integer(1);
        return true;
    }
    bool before(const Cursor& other) const {
        return neg_prio != other.neg_prio ? neg_prio < other.neg_prio : seq < other.seq;
    }
};

void Orchestrator::claim() {
    if (books_.empty()) return;
    // Another session goes first each time, so that two of one namespace share.
    first_book_ = (first_book_ + 1) % books_.size();
    for (std::size_t i = 0; i < books_.size(); ++i) claim_for(*books_[(first_book_ + i) % books_.size()]);
}

void Orchestrator::claim_for(Book& book) {
    std::int64_t free = std::min(book.slots - book.claimed, kMaxClaims);
    if (free <= 0 || book.session->draining()) return;
    std::vector<Cursor> cursors;
    for (auto& [id, credit] : book.lanes) {
        const ClaimLane& lane = lanes_.at(id);
        std::int64_t left = credit.limit - credit.claimed;
        if (lane.limit) left = std::min(left, *lane.limit - lane.claimed);
        if (left > 0 && lane.open()) cursors.push_back({id, nullptr, left, 0, 0});
    }
    if (cursors.empty()) return;
    failpoint("claim.before_commit");
    while (cursors_.size() < cursors.size())
        cursors_.push_back(std::make_unique<Statement>(ready_cursor(connection_)));
    // The rows are picked before any is changed: an index must not change under its cursor.
    std::vector<std::pair<std::int64_t, std::size_t>> picked;
    for (std::size_t i = 0; i < cursors.size(); ++i) {
        cursors[i].rows = cursors_[i].get();
        cursors[i].rows->start(cursors[i].lane);
        if (cursors[i].advance()) continue;
        cursors[i].credit = -1;
        lanes_.at(cursors[i].lane)
            .ready.clear();  // counted wrong: an empty lane must not be looked at for ever
    }
    std::erase_if(cursors, [](const Cursor& cursor) { return cursor.credit < 0; });
    while (free-- > 0 && !cursors.empty()) {
        const auto best =
            std::ranges::min_element(cursors, [](const Cursor& a, const Cursor& b) { return a.before(b); });
        picked.emplace_back(best->rows->integer(2), static_cast<std::size_t>(best->rows->integer(3)));
        --best->credit;
        if (!best->advance()) cursors.erase(best);
    }
    for (auto& statement : cursors_) statement->reset();
    for (const auto& [task_id, index] : picked) claim_from_cursor(book, task_id, index);
}

void Orchestrator::claim_from_cursor(Book& book, std::int64_t task_id, std::size_t index) {
    OpenTask* task = find_task(task_id);
    if (task == nullptr || index >= task->steps.size() || task->steps[index].state != StepState::Enqueued) {
        throw Error("ready step " + std::to_string(index) + " of task row " + std::to_string(task_id) +
                    " does not match its task");
    }
    lanes_.take_ready(task->lane(index), task->neg_prio);
    claim_step(*task, index, book);
}

// From pending (handed straight back) or enqueued.
void Orchestrator::claim_step(OpenTask& task, std::size_t index, Book& book) {
    touch(task, false);
    OpenStep& step = task.steps[index];
    const std::int64_t step_id = task.step_id(index);
    StepEvent event = make_event(task, index);
    if (sql_.claim_step.run(step.attempts + 1, step.fence + 1, now_ms_, step_id, step.fence) != 1) {
        throw Error("the store disagrees about a ready step");
    }
    ++step.attempts;
    ++step.fence;
    task.set_state(step, StepState::InProgress);
    hand_out(task, index, book, std::move(event));
}

// The step is in progress under its fence: the session has it from the commit on.
void Orchestrator::hand_out(OpenTask& task, std::size_t index, Book& book, StepEvent event) {
    const OpenStep& step = task.steps[index];
    const std::int64_t step_id = task.step_id(index);
    const LaneId lane = task.lane(index);
    running_.insert_or_assign(step_id,
                              Running{book.session, event.event_id, lane, now_ms_, step.fence, task.id});
    started_.push_back(step_id);
    ++lanes_.at(lane).claimed;
    ++book.claimed;
    ++book.lanes[lane].claimed;
    effects_.claimed.push_back({book.session, std::move(event), mark_of(task, index, now_ms_)});
    effects_.changed = true;
}

ClaimMark Orchestrator::mark_of(const OpenTask& task, std::size_t index, std::int64_t claimed_ms) {
    ClaimMark mark;
    mark.claim = {task.id, task.step_id(index), index, task.steps[index].fence, claimed_ms};
    mark.timeout_ms = timeout_of(task, index);
    mark.claimed_steady_ms = clock_.steady_ms();
    mark.task_uuid = task.info->task_uuid;
    mark.step_uuid = ids_.make(RowKind::Step, task.created_ms, mark.claim.step_id);
    const StepType type = task.definition(index).type;
    if (type == StepType::Decision || type == StepType::Batchable) {
        mark.maker = task.pinned->definition;
        mark.template_index = task.template_index(index);
    }
    return mark;
}

std::int64_t Orchestrator::timeout_of(const OpenTask& task, std::size_t index) const {
    return task.definition(index).timeout_ms.value_or(options_.default_step_timeout_ms);
}

// Read before the claim's increment: the handler sees attempts 0 on its first run.
StepEvent Orchestrator::make_event(OpenTask& task, std::size_t index) {
    const OpenStep& step = task.steps[index];
    const StepTemplate& definition = task.definition(index);
    StepEvent event;
    event.event_id = event_ids_.next();
    event.task_uuid = task.info->task_uuid;
    event.step_uuid = ids_.make(RowKind::Step, task.created_ms, task.step_id(index));
    event.correlation_id = task.info->correlation_id;
    event.claimed_ms = now_ms_;
    event.timeout_ms = timeout_of(task, index);
    event.first_delivery = step.losses == 0;
    TaskSequenceStep& sequence = event.task_sequence_step;
    sequence.task = task.info;
    sequence.task_template = task.pinned->definition;
    sequence.step_index = task.template_index(index);
    sequence.workflow_step.step_uuid = event.step_uuid;
    sequence.workflow_step.name = task.name(index);
    sequence.workflow_step.template_step_name = definition.name;
    sequence.workflow_step.attempts = step.attempts;
    sequence.workflow_step.max_attempts = definition.retry.max_attempts;
    sequence.workflow_step.retryable = definition.retry.retryable;
    if (task.graph && !(*task.graph)[index].cursor_json.empty()) {
        const GraphStep& worker = (*task.graph)[index];
        sequence.workflow_step.inputs_json = batch_inputs_json(definition, worker.cursor_json, worker.no_op);
    } else if (definition.handler.initialization_json != "{}") {
        sequence.workflow_step.inputs_json = definition.handler.initialization_json;
    }
    if (step.checkpoints > 0) sequence.workflow_step.checkpoint_json = checkpoint_of(task, index);
    if (step.attempts > 0) sequence.workflow_step.previous_result = result_of(task, index);
    const auto add_results = [&](const auto& ancestors) {
        sequence.dependency_results.reserve(ancestors.size());
        for (const std::size_t ancestor : ancestors) {
            if (SharedText envelope = lend(task, ancestor))
                sequence.dependency_results.push_back({task.name(ancestor), std::move(envelope)});
        }
    };
    if (task.graph) {
        add_results(task.graph->ancestors(index, *task.pinned->definition));
    } else {
        add_results(task.pinned->ancestors[index]);
    }
    sequence.results_owner = task.texts;
    return event;
}

}  // namespace tasker::host
