// Taking a claim away without a result: handed back, lost with its worker, cancelled.

#include <algorithm>

#include "host/engine/orchestrator.hpp"

namespace tasker::host {

void Orchestrator::give_back(OpenTask& task, std::size_t index, const GiveBack& how) {
    touch(task, false);
    OpenStep& step = task.steps[index];
    const std::int64_t step_id = task.step_id(index);
    // A step that was given back millions of times would run out of fences: it ends instead.
    const bool poison = step.fence >= kMaxFence;
    const bool waits = how.delay_ms > 0 && !poison;
    const StepState next = poison  ? StepState::Error
                           : waits ? StepState::WaitingForRetry
                                   : StepState::Enqueued;
    std::optional<std::int64_t> sequence, worker, due, delay;
    if (next == StepState::Enqueued) sequence = next_ready_seq();
    if (waits) delay = how.delay_ms;
    if (waits && !task.blocked()) due = now_ms_ + how.delay_ms;
    if (how.session) worker = how.session->worker_row();
    const int losses = step.losses + (how.event == AttemptEvent::HandedBack ? 0 : 1);
    const int crashes = how.event == AttemptEvent::Crashed ? 1 : 0;
    if (sql_.return_step.run(next, step.attempts - 1, step.fence + 1, losses, sequence, due, delay, crashes,
                             step_id, step.fence) != 1) {
        throw Error("the store disagrees about a claim");
    }
    sql_.add_attempt.run(attempt_id(step_id, step.fence), how.event, step.attempts, StepState::InProgress,
                         next, how.claimed_ms, now_ms_, nullptr, worker, how.note, nullptr);
    --step.attempts;
    ++step.fence;
    step.losses = losses;
    task.set_state(step, next);
    task.settles = task.settles || poison || waits;
    if (waits) step.backoff_ms = how.delay_ms;
    if (due) next_due_ms_ = std::min(next_due_ms_, *due);
    if (next == StepState::Enqueued) lanes_.add_ready(task.lane(index), task.neg_prio);
    effects_.changed = true;
}

void Orchestrator::release(const ReleaseOp& op) {
    const auto running = running_.find(op.claim.step_id);
    if (running == running_.end() || running->second.fence != op.claim.fence) return;
    OpenTask* task = find_task(op.claim.task_id);
    const GiveBack how{op.event, op.reason, op.session, op.claim.claimed_ms};
    if (op.event == AttemptEvent::WorkerLost) {
        lose(*task, op.claim.index, how, op.reports);
    } else {
        give_back(*task, op.claim.index, how);
    }
    end_running(op.claim.step_id);
    effects_.finished.push_back({op.session, op.event_id, CompletionVerdict::Superseded, nullptr});
}

void Orchestrator::condemn(std::int64_t task_id, const std::string& why) {
    std::vector<std::int64_t> running;
    for (const auto& [step_id, claim] : running_) {
        if (claim.task_id != task_id) continue;
        running.push_back(step_id);
        effects_.revoked.push_back({claim.session, claim.event_id, Revocation::Why::LeaseLost});
    }
    for (const std::int64_t step_id : running) end_running(step_id);
    record_condemned(task_id, why);
    connection_
        .prepare(
            "UPDATE step SET state = ?1, fence = fence + 1, ready_seq = NULL, due_ms = NULL, "
            "last_failure_ms = ?2 WHERE task_id = ?3 AND state IN (0, 1, 2, 5)")
        .run(StepState::Error, now_ms_, task_id);
    connection_.prepare("UPDATE task SET state = ?, state_ms = ? WHERE task_id = ?")
        .run(TaskState::BlockedByFailures, now_ms_, task_id);
    effects_.changed = true;
}

// The audit rows of it, if they can be written: the rows may be what is wrong.
void Orchestrator::record_condemned(std::int64_t task_id, const std::string& why) {
    try {
        Statement open = connection_.prepare(
            "SELECT step_id, state, attempts, fence FROM step WHERE task_id = ? AND state IN (0, 1, 2, 5)");
        struct Row {
            std::int64_t step_id, state, attempts, fence;
        };
        std::vector<Row> steps;
        for (auto rows = open.query(task_id); rows.next();)
            steps.push_back({rows.integer(0), rows.integer(1), rows.integer(2), rows.integer(3)});
        for (const Row& step : steps) {
            sql_.add_attempt.run(attempt_id(step.step_id, static_cast<std::uint32_t>(step.fence) + 1),
                                 AttemptEvent::SetAside, step.attempts, step.state, StepState::Error, nullptr,
                                 now_ms_, nullptr, nullptr, why, nullptr);
        }
    } catch (const SqlError& error) {
        if (error.is_storage() || error.is_damage()) throw;
    }
}

std::optional<Refused> Orchestrator::cancel(const CancelOp& op) {
    {
        auto rows = sql_.load_task.query(op.task_id);
        if (!rows.next() || rows.integer(3) != op.created_ms)
            return Refused{Refusal::NotFound, "no such task", {}};
        const auto state = static_cast<TaskState>(rows.integer(2));
        if (is_terminal(state)) {
            return Refused{
                Refusal::Invalid, "the task is " + std::string(name(state)) + " and cannot be cancelled", {}};
        }
    }
    OpenTask* task = find_task(op.task_id);
    touch(*task, false);
    for (std::size_t i = 0; i < task->steps.size(); ++i) {
        OpenStep& step = task->steps[i];
        if (is_terminal(step.state)) continue;
        const std::int64_t step_id = task->step_id(i);
        const auto running = running_.find(step_id);
        std::optional<std::int64_t> worker, claimed;
        // A claim that was answered already has its row under this fence; the cancel gets the next.
        std::uint32_t fence = step.fence + 1;
        if (running != running_.end()) {
            fence = step.fence;
            worker = running->second.session->worker_row();
            claimed = running->second.claimed_ms;
            effects_.revoked.push_back(
                {running->second.session, running->second.event_id, Revocation::Why::Cancelled});
            end_running(step_id);
        }
        if (step.state == StepState::Enqueued) lanes_.take_ready(task->lane(i), task->neg_prio);
        sql_.add_attempt.run(attempt_id(step_id, fence), AttemptEvent::Cancelled, step.attempts, step.state,
                             StepState::Cancelled, claimed, now_ms_, nullptr, worker, nullptr, nullptr);
        ++step.fence;
        task->set_state(step, StepState::Cancelled);
    }
    const auto initial = static_cast<std::int64_t>(task->initial_steps());
    sql_.cancel_steps.run(now_ms_, task->first_step, task->first_step + initial - 1);
    if (task->steps.size() > task->initial_steps()) sql_.cancel_made_steps.run(now_ms_, task->id);
    sql_.set_task_state.run(TaskState::Cancelled, now_ms_, task->id);
    task->state = TaskState::Cancelled;
    effects_.changed = true;
    return std::nullopt;
}

}  // namespace tasker::host
