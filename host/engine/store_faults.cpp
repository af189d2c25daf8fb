// A batch that the store does not take as a whole: each operation by itself; then without the claims, timers and
// hand-backs that share its transaction; then the least that can be recorded of it; then its task is set aside. Nothing
// stays claimed, and nobody waits for an answer.

#include <utility>

#include "host/engine/store_writer.hpp"

namespace tasker::host {

void StoreWriter::run_one_by_one(Operations batch) {
    if (batch.size() <= 1) return run_alone(std::move(batch));
    const bool outer = std::exchange(splitting_, true);
    const auto each = [this](auto& ops, auto member) {
        for (auto& op : ops) {
            Operations single;
            (single.*member).push_back(std::move(op));
            run_batch(std::move(single));
        }
    };
    each(batch.completions, &Operations::completions);
    each(batch.checkpoints, &Operations::checkpoints);
    each(batch.cancels, &Operations::cancels);
    each(batch.operators, &Operations::operators);
    each(batch.releases, &Operations::releases);
    each(batch.submissions, &Operations::submissions);
    splitting_ = outer;
}

void StoreWriter::run_alone(Operations batch) {
    if (batch.size() == 0) return set_aside(orchestrator_.current_task(), failure_);
    if (!bare_) {
        bare_ = true;
        run_batch(std::move(batch));
        bare_ = false;
        return;
    }
    log_.error("an operation on the store failed", {{"error_message", failure_}});
    refuse(batch, {Refusal::Invalid, "the store refused it: " + failure_, {}});
    for (CompleteOp& op : batch.completions) fail_result(std::move(op));
    for (CheckpointOp& op : batch.checkpoints) fail_checkpoint(std::move(op));
    for (const ReleaseOp& op : batch.releases) set_aside(op.claim.task_id, failure_);
}

// Everybody who waits for an answer to one of these.
void StoreWriter::refuse(Operations& operations, const Refused& refused) {
    const auto each = [&](auto& ops) {
        for (auto& op : ops) {
            if (op.ticket == nullptr) continue;  // nobody waits
            *op.answer = refused;
            op.ticket->answered();
        }
        ops.clear();
    };
    each(operations.submissions);
    each(operations.cancels);
    each(operations.operators);
    each(operations.prunes);
}

// The result cannot be recorded: that it could not is recorded instead.
void StoreWriter::fail_result(CompleteOp op) {
    const auto mark = op.session ? op.session->mark(op.event_id) : std::nullopt;
    if (!op.claim || !mark || std::exchange(op.reduced, true)) {
        if (op.claim) set_aside(op.claim->task_id, failure_);
        if (op.session) op.session->finished(op.event_id, CompletionVerdict::Superseded);
        tell(op.done, CompletionVerdict::Superseded);
        return;
    }
    op.envelope = engine_failure(
        *op.session, *mark, op.execution_ms,
        {"the store refused the result: " + failure_, "invalid_result", "INVALID_RESULT", false, "{}"});
    if (op.event == AttemptEvent::Succeeded) op.event = AttemptEvent::Failed;
    op.retryable = false;
    op.retry_after_ms.reset();
    op.events.clear();
    Operations single;
    single.completions.push_back(std::move(op));
    run_batch(std::move(single));
}

// The progress cannot be recorded: a handler that asked is told, a step that yielded fails and is tried again from the
// checkpoint before.
void StoreWriter::fail_checkpoint(CheckpointOp op) {
    if (!op.yields()) return op.saved({false, false, "the store refused the checkpoint: " + failure_});
    CompleteOp failed;
    const auto mark = op.session->mark(op.event_id);
    failed.session = op.session;
    failed.event_id = op.event_id;
    failed.claim = op.claim;
    failed.done = std::move(op.done);
    failed.event = AttemptEvent::Failed;
    failed.retryable = true;
    if (!op.claim || !mark) {
        op.session->finished(op.event_id, CompletionVerdict::Superseded);
        return tell(failed.done, CompletionVerdict::Superseded);
    }
    failed.envelope = engine_failure(*op.session, *mark, 0,
                                     {"the store refused the checkpoint: " + failure_, "checkpoint_error",
                                      "CHECKPOINT_ERROR", true, "{}"});
    Operations single;
    single.completions.push_back(std::move(failed));
    run_batch(std::move(single));
}

void StoreWriter::refuse_checkpoints(std::vector<CheckpointOp>& checkpoints, const std::string& why) {
    std::erase_if(checkpoints, [&](const CheckpointOp& op) {
        if (op.yields()) return false;
        op.saved({false, true, why});
        return true;
    });
}

// A task that cannot be read back or written must not stop the others: its open steps end in error.
void StoreWriter::set_aside(std::int64_t task_id, const std::string& why) {
    if (task_id == 0) return enter_trouble({}, why, false);  // no task is at fault
    log_.error("a task cannot be run; its open steps were set to error",
               {{"task_row", task_id}, {"error_message", why}});
    try {
        orchestrator_.begin();
        orchestrator_.condemn(task_id, why);
        orchestrator_.commit();
        publish();
        orchestrator_.forget(task_id);
        orchestrator_.rollback();  // nothing to undo: reads the ready counters and timers again
    } catch (const SqlError& error) {
        orchestrator_.rollback();
        enter_trouble({}, error.what(), error.is_damage());
    }
}

}  // namespace tasker::host
