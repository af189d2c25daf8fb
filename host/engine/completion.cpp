// Results: the fence check, the attempt row, dependents, retries, task states.

#include <algorithm>

#include "host/core/failpoint.hpp"
#include "host/engine/orchestrator.hpp"
#include "host/model/retry.hpp"

namespace tasker::host {

namespace {
constexpr int kMaxStreak = 8;  // dependents handed straight back in a row, then others get their turn
}  // namespace

void Orchestrator::complete(CompleteOp& op) {
    OpenTask* task = nullptr;
    if (op.claim) {
        const auto running = running_.find(op.claim->step_id);
        const bool current = running != running_.end() && running->second.fence == op.claim->fence;
        if (current) task = find_task(op.claim->task_id);
    }
    if (task == nullptr) {
        const auto verdict = op.claim ? verdict_of_stale(*op.claim) : op.unclaimed;
        effects_.finished.push_back({op.session, op.event_id, verdict, &op.done});
        return;
    }
    failpoint("complete.after_fence");
    touch(*task, true);
    if (op.event == AttemptEvent::Succeeded) {
        succeed(*task, op);
    } else {
        const bool timed_out = op.event == AttemptEvent::TimedOut;
        fail(*task, op.claim->index, op, op.claim->fence + (timed_out ? 1 : 0));
    }
    if (op.event == AttemptEvent::TimedOut) {
        effects_.revoked.push_back({op.session, op.event_id, Revocation::Why::TimedOut});
    } else {
        effects_.finished.push_back({op.session, op.event_id, CompletionVerdict::Accepted, &op.done});
    }
}

// The step is not held under this fence any more: was this very attempt answered, or taken away?
CompletionVerdict Orchestrator::verdict_of_stale(const ClaimRef& claim) {
    Statement select = connection_.prepare("SELECT event FROM attempt WHERE attempt_id = ?");
    auto rows = select.query(attempt_id(claim.step_id, claim.fence));
    if (!rows.next()) return CompletionVerdict::Superseded;
    const auto event = static_cast<AttemptEvent>(rows.integer(0));
    const bool answered = event == AttemptEvent::Succeeded || event == AttemptEvent::Failed;
    return answered ? CompletionVerdict::AlreadyRecorded : CompletionVerdict::Superseded;
}

void Orchestrator::succeed(OpenTask& task, const CompleteOp& op) {
    const std::size_t index = op.claim->index;
    OpenStep& step = task.steps[index];
    if (sql_.finish_step.run(now_ms_, op.claim->step_id, step.fence) != 1)
        throw Error("the store disagrees about a claim");
    add_attempt(task, index, op, StepState::Complete);
    failpoint("complete.after_result");
    task.set_state(step, StepState::Complete);
    cache_.set_result(step, op.envelope);
    const auto found = book_of_.find(op.session.get());
    Book* book = found == book_of_.end() ? nullptr : found->second;
    end_running(op.claim->step_id);
    for (const std::size_t child : task.definition(index).dependent_ids) {
        OpenStep& dependent = task.steps[child];
        --dependent.parents_left;
        const bool ready =
            dependent.parents_left == 0 && dependent.state == StepState::Pending && !task.blocked();
        if (ready) {
            promote(task, child, book);
        } else {
            sql_.parent_done.run(dependent.parents_left, task.step_id(child));
        }
    }
}

// Also for a step that is only enqueued (nobody serves its lane).
void Orchestrator::fail(OpenTask& task, std::size_t index, const CompleteOp& op, std::uint32_t next_fence) {
    OpenStep& step = task.steps[index];
    const std::int64_t step_id = task.step_id(index);
    const RetryPolicy& policy = task.definition(index).retry;
    const bool again = may_retry(policy, step.attempts, op.retryable);
    std::optional<std::int64_t> delay;
    if (again) {
        delay = op.retry_after_ms ? std::clamp<std::int64_t>(*op.retry_after_ms, 0, kMaxRetryAfterMs)
                                  : backoff_ms(policy, step.attempts, random_.next());
    }
    const StepState next = again ? StepState::WaitingForRetry : StepState::Error;
    std::optional<std::int64_t> due;
    if (again && !task.blocked()) due = now_ms_ + *delay;
    if (sql_.fail_step.run(next, due, delay, now_ms_, next_fence, step.attempts, step_id, step.fence) != 1) {
        throw Error("the store disagrees about a claim");
    }
    add_attempt(task, index, op, next);
    failpoint("complete.after_result");
    step.fence = next_fence;
    step.backoff_ms = delay.value_or(0);
    cache_.set_result(step, op.envelope);
    task.set_state(step, next);
    end_running(step_id);
    if (due) next_due_ms_ = std::min(next_due_ms_, *due);
    if (!again && task.count(StepState::WaitingForRetry) > 0) {
        sql_.park_retries.run(task.first_step, task.step_id(task.steps.size() - 1));
    }
}

void Orchestrator::add_attempt(const OpenTask& task, std::size_t index, const CompleteOp& op, StepState to) {
    const OpenStep& step = task.steps[index];
    std::optional<std::int64_t> worker, claimed;
    if (op.session) worker = op.session->worker_row();
    if (op.claim) claimed = op.claim->claimed_ms;
    sql_.add_attempt.run(attempt_id(task.step_id(index), step.fence), op.event, step.attempts, step.state, to,
                         claimed, now_ms_, op.execution_ms, worker, nullptr, *op.envelope);
    effects_.changed = true;
}

void Orchestrator::end_running(std::int64_t step_id) {
    const auto found = running_.find(step_id);
    if (found == running_.end()) return;
    --lanes_.at(found->second.lane).claimed;
    if (const auto book = book_of_.find(found->second.session.get()); book != book_of_.end()) {
        --book->second->claimed;
        const auto credit = book->second->lanes.find(found->second.lane);
        if (credit != book->second->lanes.end()) --credit->second.claimed;
    }
    ended_.emplace_back(step_id, std::move(found->second));
    running_.erase(found);
}

bool Orchestrator::may_hand_back(const OpenTask& task, std::size_t index, const Book* book) {
    if (!hand_back_ || book == nullptr || book->session->draining() || book->claimed >= book->slots ||
        task.streak >= kMaxStreak)
        return false;
    const LaneId id = task.pinned->lanes[index];
    const auto credit = book->lanes.find(id);
    if (credit == book->lanes.end() || credit->second.claimed >= credit->second.limit) return false;
    const ClaimLane& lane = lanes_.at(id);
    if (lane.paused || (lane.limit && lane.claimed >= *lane.limit)) return false;
    return std::ranges::none_of(book->lanes, [&](const auto& entry) {
        const ClaimLane& other = lanes_.at(entry.first);
        return other.open() && entry.second.claimed < entry.second.limit &&
               other.ready.begin()->first < task.neg_prio;
    });
}

void Orchestrator::promote(OpenTask& task, std::size_t index, Book* book) {
    ++task.promoted;
    if (may_hand_back(task, index, book)) {
        ++task.streak;
        claim_step(task, index, *book);
    } else {
        task.streak = 0;
        enqueue(task, index);
    }
}

void Orchestrator::enqueue(OpenTask& task, std::size_t index) {
    if (sql_.enqueue_step.run(next_ready_seq(), task.step_id(index)) != 1)
        throw Error("the store disagrees about a step");
    task.set_state(task.steps[index], StepState::Enqueued);
    lanes_.add_ready(task.pinned->lanes[index], task.neg_prio);
    effects_.changed = true;
}

void Orchestrator::settle_touched() {
    for (OpenTask* task : touched_) {
        if (!task->settles || is_terminal(task->state)) continue;
        const TaskState next = settle(counts_of(*task), task->promoted);
        if (next == task->state) continue;
        sql_.set_task_state.run(next, now_ms_, task->id);
        task->state = next;
    }
}

}  // namespace tasker::host
