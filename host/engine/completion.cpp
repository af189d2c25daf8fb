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
    bool stands = true;  // the result is recorded as it was submitted
    if (op.event == AttemptEvent::Succeeded) {
        Parsed<Expansion> expansion = expansion_of(*task, op);
        if (const auto* invalid = std::get_if<InvalidOutcome>(&expansion)) {
            fail_outcome(*task, op, invalid->message);
            stands = false;
        } else {
            succeed(*task, op, std::get<Expansion>(std::move(expansion)));
        }
    } else {
        const bool timed_out = op.event == AttemptEvent::TimedOut;
        fail(*task, op.claim->index, op, op.claim->fence + (timed_out ? 1 : 0));
    }
    // Not those of a result that was turned into another.
    if (stands && !op.events.empty()) outbox_->store(op.events, now_ms_);
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

void Orchestrator::succeed(OpenTask& task, const CompleteOp& op, Expansion expansion) {
    const std::size_t index = op.claim->index;
    OpenStep& step = task.steps[index];
    if (sql_.finish_step.run(now_ms_, op.claim->step_id, step.fence) != 1)
        throw Error("the store disagrees about a claim");
    add_attempt(task, index, op, StepState::Complete);
    failpoint("complete.after_result");
    task.set_state(step, StepState::Complete);
    cache_.set_result(step, op.envelope);
    if (step.checkpoints > 0) sql_.drop_checkpoint.run(op.claim->step_id);
    const auto found = book_of_.find(op.session.get());
    Book* book = found == book_of_.end() ? nullptr : found->second;
    end_running(op.claim->step_id);
    unlock_dependents(task, index, book, std::move(expansion));
}

// The step is done: what it makes is there before what waits for it may run.
void Orchestrator::unlock_dependents(OpenTask& task, std::size_t index, Book* book, Expansion expansion) {
    const auto unlock = [&](std::size_t child) {
        OpenStep& dependent = task.steps[child];
        --dependent.parents_left;
        if (dependent.parents_left == 0 && dependent.state == StepState::Pending && !task.blocked()) {
            promote(task, child, book);
        } else {
            parents_changed(task, child);
        }
    };
    if (!task.graph) {
        for (const std::size_t child : task.definition(index).dependent_ids) unlock(child);
        return;
    }
    // Those that waited: what is made now counts this step as done.
    const std::vector<std::uint32_t> waiting = (*task.graph)[index].children;
    add_steps(task, expansion);
    for (const std::uint32_t child : waiting) unlock(child);
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
    const int attempts = step.attempts - (op.charged ? 0 : 1);
    if (sql_.fail_step.run(next, due, delay, now_ms_, next_fence, attempts, step_id, step.fence) != 1) {
        throw Error("the store disagrees about a claim");
    }
    add_attempt(task, index, op, next);
    failpoint("complete.after_result");
    step.fence = next_fence;
    step.attempts = attempts;
    step.backoff_ms = delay.value_or(0);
    cache_.set_result(step, op.envelope);
    task.set_state(step, next);
    end_running(step_id);
    if (due) next_due_ms_ = std::min(next_due_ms_, *due);
    if (!again && task.count(StepState::WaitingForRetry) > 0) park_retries(task);
}

void Orchestrator::park_retries(const OpenTask& task) {
    const auto initial = static_cast<std::int64_t>(task.initial_steps());
    sql_.park_retries.run(task.first_step, task.first_step + initial - 1);
    if (task.steps.size() > task.initial_steps()) sql_.park_made_retries.run(task.id);
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
    const LaneId id = task.lane(index);
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
    task.steps[index].parents_changed = false;  // both ways write it
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
    lanes_.add_ready(task.lane(index), task.neg_prio);
    effects_.changed = true;
}

void Orchestrator::settle_touched() {
    for (OpenTask* task : touched_) {
        if (!task->parents_changed.empty()) write_parents(*task);
        if (!task->settles || is_terminal(task->state)) continue;
        const TaskState next = settle(counts_of(*task), task->promoted);
        if (next == task->state) continue;
        sql_.set_task_state.run(next, now_ms_, task->id);
        task->state = next;
    }
}

}  // namespace tasker::host
