#include "host/engine/embedded_runtime.hpp"

#include "host/model/result_rules.hpp"
#include "host/model/retry.hpp"
#include "host/model/wire.hpp"

namespace tasker::host {

namespace {
// What could not be stored or read back becomes the failure that its handler should have seen.
void keep_limits(StepExecutionResult& result) {
    auto fault = result_part_fault("result", result.result_json, false);
    if (!fault) fault = result_part_fault("metadata", result.metadata_json, true);
    if (!fault && result.error) fault = result_part_fault("error context", result.error->context_json, true);
    if (!fault && result.error && result.error->message.size() > kMaxResultBytes)
        fault = "error message: larger than 1 MiB";
    if (!fault) return;
    result.success = false;
    result.status = "error";
    result.result_json = result.metadata_json = "{}";
    result.error = StepError{*fault, "invalid_result", "INVALID_RESULT", false, "{}"};
}
}  // namespace

EmbeddedRuntime::EmbeddedRuntime(std::shared_ptr<StoreWriter> writer, std::shared_ptr<Session> session,
                                 std::shared_ptr<const ReadPool> readers)
    : writer_(std::move(writer)), session_(std::move(session)), readers_(std::move(readers)) {}

EmbeddedRuntime::~EmbeddedRuntime() { stop(); }

void EmbeddedRuntime::set_capacity(Capacity capacity) {
    SessionOp op;
    op.session = session_;
    op.capacity = std::move(capacity);
    writer_->push(std::move(op));
}

void EmbeddedRuntime::on_activity(std::function<void()> wake) { session_->on_activity(std::move(wake)); }

std::vector<StepEvent> EmbeddedRuntime::poll_step_events(std::size_t limit) {
    if (session_->draining()) return {};
    const std::int64_t before = session_->next_deadline();
    auto events = session_->poll(limit);
    // The writer sleeps until the earliest deadline it knew.
    if (session_->next_deadline() < before) writer_->wake();
    return events;
}

std::vector<Revocation> EmbeddedRuntime::take_revocations() { return session_->take_revocations(); }

void EmbeddedRuntime::complete_step_event(const Uuid& event_id, StepExecutionResult result,
                                          std::function<void(CompletionVerdict)> done) {
    CompleteOp op;
    op.session = session_;
    op.event_id = event_id;
    op.done = std::move(done);
    op.claim = session_->find(event_id);
    if (!op.claim) {
        op.unclaimed = session_->was_recorded(event_id) ? CompletionVerdict::AlreadyRecorded
                                                        : CompletionVerdict::Superseded;
        writer_->push(std::move(op));
        return;
    }
    keep_limits(result);
    // The envelope is built here, on the worker's thread, to keep the writer's turn short.
    const bool claims_success = result.status != "error" && result.status != "failed";
    const bool succeeded = result.success && claims_success;
    if (!succeeded) {
        result.success = false;
        if (!result.error)
            result.error = StepError{"the handler reported no error", "handler_error", "", false, "{}"};
        // Refused on the success path: final, whatever the error says.
        if (claims_success) result.error->retryable = false;
    }
    op.event = succeeded ? AttemptEvent::Succeeded : AttemptEvent::Failed;
    op.retryable = !succeeded && result.error->retryable;
    op.retry_after_ms = result.retry_after_ms;
    if (const auto header = retry_after_header(result); header && !op.retry_after_ms)
        op.retry_after_ms = retry_after_ms(*header, writer_->unix_ms());
    op.execution_ms = result.execution_time_ms;
    op.envelope = std::make_shared<const std::string>(to_envelope(result));
    writer_->push(std::move(op));
}

bool EmbeddedRuntime::heartbeat(const Uuid& event_id) { return session_->heartbeat(event_id); }

void EmbeddedRuntime::release_step_event(const Uuid& event_id, std::string reason) {
    if (const auto claim = session_->find(event_id)) {
        writer_->push(ReleaseOp{session_, event_id, *claim, std::move(reason)});
    }
}

StarvationReport EmbeddedRuntime::check_starvation_warnings() { return session_->starvation(); }

std::size_t EmbeddedRuntime::cleanup_timeouts() { return session_->forget_old(); }

RuntimeStatus EmbeddedRuntime::status() const {
    RuntimeStatus status;
    status.error = writer_->trouble();
    status.store_lost = writer_->lost();
    status.core_status = stopped_                ? "stopped"
                         : !status.error.empty() ? "unavailable"
                         : session_->draining()  ? "draining"
                                                 : "running";
    status.pool_size = readers_->size();
    status.pool_idle = readers_->idle();
    status.claimed = session_->claimed();
    return status;
}

void EmbeddedRuntime::transition_to_graceful_shutdown() {
    session_->start_draining();
    SessionOp op;
    op.kind = SessionOp::Kind::Drain;
    op.session = session_;
    writer_->push(std::move(op));
}

std::size_t EmbeddedRuntime::stop() {
    if (stopped_.exchange(true)) return 0;
    session_->start_draining();
    const std::size_t before = session_->returned();
    Ticket ticket(1);
    SessionOp op;
    op.kind = SessionOp::Kind::Stop;
    op.session = session_;
    op.ticket = &ticket;
    if (writer_->push(std::move(op))) ticket.wait();
    session_->on_activity({});
    return session_->returned() - before;
}

}  // namespace tasker::host
