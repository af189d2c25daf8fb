// A batch that the store does not take as a whole: each operation by itself; then without the claims, timers and
// hand-backs that share its transaction; then the least that can be recorded of it; then its task is set aside. Nothing
// stays claimed, and nobody waits for an answer.

#include <utility>

#include "host/engine/store_writer.hpp"

namespace tasker::host {

void StoreWriter::run_one_by_one(Operations batch) {
    if (batch.size() <= 1) return run_alone(std::move(batch));
    const auto each = [this](auto& ops, auto member) {
        for (auto& op : ops) {
            Operations single;
            (single.*member).push_back(std::move(op));
            run_batch(std::move(single));
        }
    };
    each(batch.completions, &Operations::completions);
    each(batch.cancels, &Operations::cancels);
    each(batch.releases, &Operations::releases);
    each(batch.submissions, &Operations::submissions);
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
    refuse(batch.submissions, batch.cancels, {Refusal::Invalid, "the store refused it: " + failure_, {}});
    for (CompleteOp& op : batch.completions) fail_result(std::move(op));
    for (const ReleaseOp& op : batch.releases) set_aside(op.claim.task_id, failure_);
}

void StoreWriter::refuse(std::vector<SubmitOp>& submissions, std::vector<CancelOp>& cancels,
                         const Refused& refused) {
    for (SubmitOp& op : submissions) {
        *op.answer = refused;
        op.ticket->answered();
    }
    for (CancelOp& op : cancels) {
        *op.answer = refused;
        op.ticket->answered();
    }
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
    Operations single;
    single.completions.push_back(std::move(op));
    run_batch(std::move(single));
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
