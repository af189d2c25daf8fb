// What an operator does to a step: tried again from the start, declared done, or done with a result. A running handler's
// answer is refused from then on, dependents run, and a task that nothing blocks any more goes on: all in one transaction.

#include <algorithm>

#include "host/engine/orchestrator.hpp"
#include "host/model/wire.hpp"

namespace tasker::host {

namespace {
Refused invalid(std::string message, std::string hint = {}) {
    return {Refusal::Invalid, std::move(message), std::move(hint)};
}

std::optional<Refused> refused_by_task(TaskState state) {
    if (!is_terminal(state) || state == TaskState::Error) return std::nullopt;
    return invalid("the task is " + std::string(name(state)) + ": its steps cannot be changed");
}

std::optional<Refused> refused_by_step(const std::string& step, StepState state, StepAction::Kind kind) {
    const std::string is = "step '" + step + "' is " + std::string(name(state));
    if (kind == StepAction::Kind::ResetForRetry) {
        if (state == StepState::Error) return std::nullopt;
        return invalid(is + ": only a step in error can be reset for retry");
    }
    if (is_terminal(state)) return invalid(is + " already");
    return std::nullopt;
}

AttemptEvent event_of(StepAction::Kind kind) {
    switch (kind) {
        case StepAction::Kind::ResetForRetry:
            return AttemptEvent::ResetForRetry;
        case StepAction::Kind::ResolveManually:
            return AttemptEvent::ResolvedManually;
        case StepAction::Kind::CompleteManually:
            break;
    }
    return AttemptEvent::CompletedManually;
}
}  // namespace

std::optional<Refused> Orchestrator::act_on_step(const StepActionOrder& order) {
    {
        auto rows = sql_.load_task.query(order.task.id);
        if (!rows.next() || rows.integer(3) != order.task.created_ms)
            return Refused{Refusal::NotFound, "no such task", {}};
        if (auto refused = refused_by_task(static_cast<TaskState>(rows.integer(2)))) return refused;
    }
    OpenTask* task = find_task(order.task.id);
    std::size_t index = 0;
    while (index < task->steps.size() && task->step_id(index) != order.step.id) ++index;
    if (index == task->steps.size() || order.step.created_ms != task->created_ms)
        return Refused{Refusal::NotFound, "the task has no such step", {}};
    const OpenStep& step = task->steps[index];
    const StepState before = step.state;
    if (auto refused = refused_by_step(task->name(index), before, order.action.kind)) return refused;
    Expansion expansion;
    if (order.action.kind == StepAction::Kind::CompleteManually) {
        auto follows = expansion_by_hand(*task, index, order.action);
        if (const auto* impossible = std::get_if<InvalidOutcome>(&follows))
            return invalid(impossible->message);
        expansion = std::get<Expansion>(std::move(follows));
    }
    if (step.fence >= kMaxFence) return invalid("the step was taken up too many times to be changed again");

    const bool stuck = task->blocked();
    touch(*task, true);
    take_from_worker(*task, index, order.action);
    switch (order.action.kind) {
        case StepAction::Kind::ResetForRetry:
            reset_step(*task, index);
            break;
        case StepAction::Kind::ResolveManually:
            resolve_step(*task, index);
            break;
        case StepAction::Kind::CompleteManually:
            complete_by_hand(*task, index, order, std::move(expansion));
            break;
    }
    record_action(*task, index, before, order.action);
    if (stuck) revive(*task);
    effects_.changed = true;
    return std::nullopt;
}

// Out of the ready index or off its worker. What a running handler still answers comes under a fence that is over.
void Orchestrator::take_from_worker(OpenTask& task, std::size_t index, const StepAction& action) {
    OpenStep& step = task.steps[index];
    const std::int64_t step_id = task.step_id(index);
    if (step.state == StepState::Enqueued) lanes_.take_ready(task.lane(index), task.neg_prio);
    const auto running = running_.find(step_id);
    if (running == running_.end()) return;
    sql_.add_attempt.run(attempt_id(step_id, step.fence), AttemptEvent::Cancelled, step.attempts, step.state,
                         StepState::Cancelled, running->second.claimed_ms, now_ms_, nullptr,
                         running->second.session->worker_row(), "an operator took over: " + action.reason,
                         nullptr);
    effects_.revoked.push_back(
        {running->second.session, running->second.event_id, Revocation::Why::Cancelled});
    end_running(step_id);
}

void Orchestrator::change_step(OpenTask& task, std::size_t index, StepState to, const char* also) {
    OpenStep& step = task.steps[index];
    Statement update = connection_.prepare(
        std::string("UPDATE step SET state = ?1, fence = ?2, ready_seq = NULL, due_ms = NULL") + also +
        " WHERE step_id = ?3 AND fence = ?4");
    if (update.run(to, step.fence + 1, task.step_id(index), step.fence) != 1)
        throw Error("the store disagrees about a step");
    ++step.fence;
    task.set_state(step, to);
}

// The checkpoint and the last result stay.
void Orchestrator::reset_step(OpenTask& task, std::size_t index) {
    change_step(task, index, StepState::Pending, ", attempts = 0, crashes = 0, backoff_ms = NULL");
    OpenStep& step = task.steps[index];
    step.attempts = 0;
    step.backoff_ms = 0;
    unblock(task);
    if (step.parents_left == 0 && !task.blocked()) promote(task, index, nullptr);
}

void Orchestrator::resolve_step(OpenTask& task, std::size_t index) {
    change_step(task, index, StepState::ResolvedManually, "");
    connection_.prepare("UPDATE step SET processed_ms = ? WHERE step_id = ?")
        .run(now_ms_, task.step_id(index));
    // Nothing goes on from there any more.
    if (task.steps[index].checkpoints > 0) sql_.drop_checkpoint.run(task.step_id(index));
    unblock(task);
    unlock_dependents(task, index, nullptr, {});
}

// What the result of a decision or batchable step makes, whoever gave it.
Parsed<Expansion> Orchestrator::expansion_by_hand(const OpenTask& task, std::size_t index,
                                                  const StepAction& action) {
    if (!task.graph) return Expansion{};
    auto outcome = parse_outcome(*task.pinned->definition, task.template_index(index), action.result_json);
    if (auto* wrong = std::get_if<InvalidOutcome>(&outcome)) return std::move(*wrong);
    return expansion_of(task, index, std::get<MakingOutcome>(outcome));
}

// As if a worker had claimed it under the next fence and answered at once: what follows from a result follows from this
// one too.
void Orchestrator::complete_by_hand(OpenTask& task, std::size_t index, const StepActionOrder& order,
                                    Expansion expansion) {
    change_step(task, index, StepState::InProgress, "");
    unblock(task);
    StepExecutionResult result;
    result.step_uuid = ids_.make(RowKind::Step, task.created_ms, task.step_id(index));
    result.task_uuid = task.info->task_uuid;
    result.success = true;
    result.status = "completed";
    result.result_json = order.action.result_json;
    result.metadata_json = order.metadata_json;
    result.correlation_id = task.info->correlation_id.str();
    result.started_ms = result.completed_ms = now_ms_;
    CompleteOp op;
    op.claim = ClaimRef{task.id, task.step_id(index), index, task.steps[index].fence, now_ms_};
    op.event = AttemptEvent::CompletedManually;
    op.envelope = std::make_shared<const std::string>(to_envelope(result));
    succeed(task, op, std::move(expansion));
}

void Orchestrator::record_action(const OpenTask& task, std::size_t index, StepState before,
                                 const StepAction& action) {
    const OpenStep& step = task.steps[index];
    // A step that was promoted at once has a row of its own for that, not here.
    const StepState to = step.state == StepState::Enqueued ? StepState::Pending : step.state;
    connection_
        .prepare(
            "INSERT INTO attempt(attempt_id, event, number, from_state, to_state, recorded_ms, note, actor) "
            "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT(attempt_id) DO UPDATE SET "
            "from_state = ?4, claimed_ms = NULL, note = ?7, actor = ?8")
        .run(attempt_id(task.step_id(index), step.fence), event_of(action.kind), step.attempts, before, to,
             now_ms_, action.reason, action.by);
}

// Once no step of the task is in error it goes on, also one that was given up as stale.
void Orchestrator::unblock(OpenTask& task) {
    if (task.count(StepState::Error) > 0 ||
        !(task.state == TaskState::Error || task.state == TaskState::BlockedByFailures))
        return;
    sql_.set_task_state.run(TaskState::EvaluatingResults, now_ms_, task.id);
    task.state = TaskState::EvaluatingResults;
}

// What was held back while it was blocked.
void Orchestrator::revive(OpenTask& task) {
    if (task.blocked()) return;
    Statement rearm = connection_.prepare(
        "UPDATE step SET due_ms = coalesce(last_failure_ms, ?1) + coalesce(backoff_ms, 0) WHERE step_id = ?2 "
        "AND state = 5");
    for (std::size_t i = 0; i < task.steps.size(); ++i) {
        const OpenStep& step = task.steps[i];
        if (step.state == StepState::WaitingForRetry) rearm.run(now_ms_, task.step_id(i));
        if (step.state == StepState::Pending && step.parents_left == 0) promote(task, i, nullptr);
    }
    reload_next_due();
}

}  // namespace tasker::host
