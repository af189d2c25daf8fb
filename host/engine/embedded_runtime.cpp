#include "host/engine/embedded_runtime.hpp"

#include "host/core/error.hpp"
#include "host/engine/outbox.hpp"
#include "host/model/outcomes.hpp"
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
    result.events.clear();  // they tell of a result that is none
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
    const auto mark = session_->mark(event_id);
    if (!mark) {
        op.unclaimed = verdict_on_unclaimed(event_id);
        writer_->push(std::move(op));
        return;
    }
    op.claim = mark->claim;
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
    op.events = std::move(result.events);
    if (const std::string dropped = keep_queued(op.events); !dropped.empty())
        writer_->log().warn("events were not stored",
                            {{"step_uuid", result.step_uuid.str()}, {"reason", dropped}});
    op.envelope = std::make_shared<const std::string>(to_envelope(result));
    if (succeeded && mark->maker) {
        auto making = std::make_shared<Making>();
        making->outcome = parse_outcome(*mark->maker, mark->template_index, result.result_json);
        result.result_json = "{}";
        making->shell = std::move(result);
        op.making = std::move(making);
    }
    writer_->push(std::move(op));
}

CompletionVerdict EmbeddedRuntime::verdict_on_unclaimed(const Uuid& event_id) const {
    return session_->was_recorded(event_id) ? CompletionVerdict::AlreadyRecorded
                                            : CompletionVerdict::Superseded;
}

bool EmbeddedRuntime::heartbeat(const Uuid& event_id) { return session_->heartbeat(event_id); }

bool EmbeddedRuntime::save_checkpoint(const Uuid& event_id, const Checkpoint& checkpoint) {
    if (const auto fault = checkpoint_fault(checkpoint)) throw Error(*fault);
    CheckpointAnswer answer;
    Ticket ticket(1);
    save(event_id, checkpoint, [&](const CheckpointAnswer& given) {
        answer = given;
        ticket.answered();
    });
    writer_->await(ticket);
    if (answer.unavailable) throw StoreUnavailable(answer.fault);
    if (!answer.fault.empty()) throw Error(answer.fault);
    return answer.saved;
}

void EmbeddedRuntime::yield_step_event(const Uuid& event_id, Checkpoint checkpoint,
                                       std::function<void(CompletionVerdict)> done) {
    const auto mark = session_->mark(event_id);
    if (const auto fault = checkpoint_fault(checkpoint); fault && mark) {
        // The same handler would yield the same again.
        StepExecutionResult failed;
        failed.step_uuid = mark->step_uuid;
        failed.task_uuid = mark->task_uuid;
        failed.status = "error";
        failed.worker_id = session_->options().worker_id;
        failed.started_ms = mark->claim.claimed_ms;
        failed.completed_ms = writer_->unix_ms();
        failed.error = StepError{*fault, "checkpoint_error", "INVALID_CHECKPOINT", false, "{}"};
        return complete_step_event(event_id, std::move(failed), std::move(done));
    }
    CheckpointOp op;
    op.session = session_;
    op.event_id = event_id;
    op.done = std::move(done);
    if (mark) op.claim = mark->claim;
    if (!mark) op.unclaimed = verdict_on_unclaimed(event_id);
    op.checkpoint = std::move(checkpoint);
    writer_->push(std::move(op));
}

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
    std::size_t returned = 0;
    Ticket ticket(1);
    end([&](std::size_t count) {
        returned = count;
        ticket.answered();
    });
    writer_->await(ticket);
    session_->on_activity({});
    return returned;
}

std::vector<HeldClaim> EmbeddedRuntime::held() const { return session_->held(); }

void EmbeddedRuntime::adopt(std::vector<HeldClaim> listed, std::function<void(std::vector<Uuid>)> done) {
    SessionOp op;
    op.kind = SessionOp::Kind::Adopt;
    op.session = session_;
    op.listed = std::move(listed);
    op.adopted = std::move(done);
    writer_->push(std::move(op));
}

bool EmbeddedRuntime::matches(const Uuid& event_id, std::uint32_t fence) const {
    const auto claim = session_->find(event_id);
    return !claim || claim->fence == fence;
}

std::vector<DeliveredStep> EmbeddedRuntime::deliver(std::size_t limit) {
    if (session_->draining()) return {};
    return session_->deliver(limit);
}

void EmbeddedRuntime::start(std::span<const Uuid> events) {
    const std::int64_t before = session_->next_deadline();
    session_->start(events);
    if (session_->next_deadline() < before) writer_->wake();
}

void EmbeddedRuntime::return_undelivered() {
    SessionOp op;
    op.kind = SessionOp::Kind::Return;
    op.session = session_;
    writer_->push(std::move(op));
}

void EmbeddedRuntime::save(const Uuid& event_id, Checkpoint checkpoint,
                           std::function<void(const CheckpointAnswer&)> done) {
    CheckpointOp op;
    op.session = session_;
    op.event_id = event_id;
    op.claim = session_->find(event_id);
    if (const auto fault = checkpoint_fault(checkpoint)) return done({false, false, *fault});
    if (!op.claim) return done({});
    op.checkpoint = std::move(checkpoint);
    op.saved = done;
    if (!writer_->push(std::move(op))) done({false, true, "the engine has stopped"});
}

void EmbeddedRuntime::end(std::function<void(std::size_t)> done) {
    SessionOp op;
    op.kind = SessionOp::Kind::Stop;
    conclude(std::move(op), std::move(done));
}

void EmbeddedRuntime::lose(std::string why, FlightReports reports, std::function<void(std::size_t)> done) {
    SessionOp op;
    op.kind = SessionOp::Kind::Lost;
    op.why = std::move(why);
    op.reports = std::move(reports);
    conclude(std::move(op), std::move(done));
}

void EmbeddedRuntime::conclude(SessionOp op, std::function<void(std::size_t)> done) {
    if (stopped_.exchange(true)) return done(0);
    session_->start_draining();
    op.session = session_;
    op.ended = [session = session_, before = session_->returned(), done] {
        done(session->returned() - before);
    };
    if (!writer_->push(std::move(op))) done(0);
}

void EmbeddedRuntime::leave() {
    stopped_ = true;
    session_->start_draining();
    session_->on_activity({});
}

}  // namespace tasker::host
