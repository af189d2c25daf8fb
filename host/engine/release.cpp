// Taking a claim away without a result: handed back, lost with its worker, cancelled.

#include "host/engine/orchestrator.hpp"

namespace tasker::host {

void Orchestrator::give_back(OpenTask& task, std::size_t index, AttemptEvent event, std::string_view note,
                             const Session* session, std::optional<std::int64_t> claimed_ms) {
    touch(task, false);
    OpenStep& step = task.steps[index];
    const std::int64_t step_id = task.step_id(index);
    // A step that was given back millions of times would run out of fences: it ends instead.
    const bool poison = step.fence >= kMaxFence;
    const StepState next = poison ? StepState::Error : StepState::Enqueued;
    std::optional<std::int64_t> sequence, worker;
    if (!poison) sequence = next_ready_seq();
    if (session != nullptr) worker = session->worker_row();
    const int losses = step.losses + (event == AttemptEvent::WorkerLost ? 1 : 0);
    if (sql_.return_step.run(next, step.attempts - 1, step.fence + 1, losses, sequence, step_id,
                             step.fence) != 1) {
        throw Error("the store disagrees about a claim");
    }
    sql_.add_attempt.run(attempt_id(step_id, step.fence), event, step.attempts, StepState::InProgress, next,
                         claimed_ms, now_ms_, nullptr, worker, note, nullptr);
    --step.attempts;
    ++step.fence;
    step.losses = losses;
    task.set_state(step, next);
    task.settles = task.settles || poison;
    if (!poison) lanes_.add_ready(task.pinned->lanes[index], task.neg_prio);
    effects_.changed = true;
}

void Orchestrator::release(const ReleaseOp& op) {
    const auto running = running_.find(op.claim.step_id);
    if (running == running_.end() || running->second.fence != op.claim.fence) return;
    OpenTask* task = find_task(op.claim.task_id);
    give_back(*task, op.claim.index, AttemptEvent::HandedBack, op.reason, op.session.get(),
              op.claim.claimed_ms);
    end_running(op.claim.step_id);
    effects_.finished.push_back({op.session, op.event_id, CompletionVerdict::Superseded, nullptr});
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
        if (step.state == StepState::Enqueued) lanes_.take_ready(task->pinned->lanes[i], task->neg_prio);
        sql_.add_attempt.run(attempt_id(step_id, fence), AttemptEvent::Cancelled, step.attempts, step.state,
                             StepState::Cancelled, claimed, now_ms_, nullptr, worker, nullptr, nullptr);
        ++step.fence;
        task->set_state(step, StepState::Cancelled);
    }
    sql_.cancel_steps.run(now_ms_, task->first_step, task->step_id(task->steps.size() - 1));
    sql_.set_task_state.run(TaskState::Cancelled, now_ms_, task->id);
    task->state = TaskState::Cancelled;
    effects_.changed = true;
    return std::nullopt;
}

}  // namespace tasker::host
