// Progress of running steps: saved on the way, or as the end of one call of the handler, after which the same attempt
// goes on under a new fence and a new event.

#include <limits>

#include "host/core/failpoint.hpp"
#include "host/engine/orchestrator.hpp"

namespace tasker::host {

namespace {
// In a row without another cursor or count of items; then it is said, and again whenever the number doubles.
constexpr int kIdleYields = 100;
}  // namespace

void Orchestrator::checkpoint(const CheckpointOp& op) {
    const bool yields = op.yields();
    OpenTask* task = nullptr;
    if (op.claim) {
        const auto running = running_.find(op.claim->step_id);
        const bool current = running != running_.end() && running->second.fence == op.claim->fence;
        if (current) task = find_task(op.claim->task_id);
    }
    if (task == nullptr) {
        if (!yields) {
            effects_.saved.push_back({&op, false});
        } else {
            const auto verdict = op.claim ? verdict_of_stale(*op.claim) : op.unclaimed;
            effects_.finished.push_back({op.session, op.event_id, verdict, &op.done});
        }
        return;
    }
    touch(*task, false);
    save_record(*task, op.claim->index, op.checkpoint, yields);
    failpoint("checkpoint.saved");
    effects_.changed = true;
    if (!yields) {
        effects_.saved.push_back({&op, true});
        return;
    }
    end_call(*task, op.claim->index, op);
    effects_.finished.push_back({op.session, op.event_id, CompletionVerdict::Accepted, &op.done});
}

void Orchestrator::save_record(OpenTask& task, std::size_t index, const Checkpoint& checkpoint, bool yields) {
    OpenStep& step = task.steps[index];
    const SharedText previous = step.checkpoints > 0 ? checkpoint_of(task, index) : nullptr;
    const std::string_view before = previous ? std::string_view(*previous) : std::string_view();
    if (step.checkpoints < std::numeric_limits<std::int32_t>::max()) ++step.checkpoints;
    sql_.save_checkpoint.run(task.step_id(index), checkpoint_record(checkpoint, now_ms_, before));
    if (sql_.count_checkpoint.run(step.checkpoints, task.step_id(index), step.fence) != 1)
        throw Error("the store disagrees about a claim");
    if (yields) watch_progress(task, index, moved_on(checkpoint, before));
}

// A handler that yields for ever without getting anywhere looks busy: somebody has to hear of it.
void Orchestrator::watch_progress(OpenTask& task, std::size_t index, bool moved) {
    OpenStep& step = task.steps[index];
    if (moved) {
        step.idle_yields = 0;
        return;
    }
    const bool just_now = step.idle_yields + 1 == kIdleYields;
    if (step.idle_yields < kIdleYields) ++step.idle_yields;
    const bool doubled = (step.checkpoints & (step.checkpoints - 1)) == 0;
    if (step.idle_yields < kIdleYields || !(just_now || doubled)) return;
    log_.warn("a step yields again and again without getting on",
              {{"step", task.name(index)},
               {"task_uuid", task.info->task_uuid.str()},
               {"yields_without_progress", std::int64_t{kIdleYields}},
               {"checkpoints", std::int64_t{step.checkpoints}}});
}

// Ends the call, not the attempt. The same session goes on at once unless others come first.
void Orchestrator::end_call(OpenTask& task, std::size_t index, const CheckpointOp& op) {
    const std::int64_t step_id = op.claim->step_id;
    OpenStep& step = task.steps[index];
    const std::uint32_t fence = step.fence;
    const bool poison = fence >= kMaxFence;
    const auto found = book_of_.find(op.session.get());
    Book* book = found == book_of_.end() ? nullptr : found->second;
    end_running(step_id);
    const bool at_once = !poison && may_hand_back(task, index, book);
    const StepState next = poison ? StepState::Error : at_once ? StepState::InProgress : StepState::Enqueued;
    // While it is ready its attempt is not counted, the claim counts it again.
    const int attempts = next == StepState::Enqueued ? step.attempts - 1 : step.attempts;
    std::optional<std::int64_t> sequence;
    if (next == StepState::Enqueued) sequence = next_ready_seq();
    if (sql_.yield_step.run(next, attempts, fence + 1, sequence, now_ms_, step_id, fence) != 1)
        throw Error("the store disagrees about a claim");
    sql_.add_attempt.run(attempt_id(step_id, fence), AttemptEvent::Yielded, step.attempts,
                         StepState::InProgress, next, op.claim->claimed_ms, now_ms_,
                         now_ms_ - op.claim->claimed_ms, op.session->worker_row(), nullptr, nullptr);
    step.attempts = attempts;
    step.fence = fence + 1;
    task.set_state(step, next);
    task.streak = at_once ? task.streak + 1 : 0;
    task.settles = task.settles || poison;
    if (next == StepState::Enqueued) lanes_.add_ready(task.lane(index), task.neg_prio);
    if (!at_once) return;
    // As the claim of this attempt saw it.
    --step.attempts;
    StepEvent event = make_event(task, index);
    ++step.attempts;
    hand_out(task, index, *book, std::move(event));
}

SharedText Orchestrator::checkpoint_of(const OpenTask& task, std::size_t index) {
    auto rows = sql_.load_checkpoint.query(task.step_id(index));
    if (!rows.next()) return nullptr;
    return std::make_shared<const std::string>(rows.text(0));
}

}  // namespace tasker::host
