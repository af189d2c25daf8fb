#include "host/engine/store_writer.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "host/core/failpoint.hpp"
#include "host/model/wire.hpp"

namespace tasker::host {

namespace {
constexpr std::size_t kMaxBatch = 512;
constexpr std::size_t kMinSubmissions = 64;  // in a batch full of results
constexpr std::int64_t kMaxBatchMs = 5;
constexpr std::size_t kMaxMade = 2000;  // steps made in one transaction, then no further result is taken in
constexpr std::int64_t kClockJumpMs = 2000;
constexpr std::int64_t kUnservedEveryMs = 1000;

// Moves the first `count` of `from` to the end of `to`.
template <class Op>
void move_front(std::vector<Op>& from, std::vector<Op>& to, std::size_t count) {
    if (to.empty() && count >= from.size()) return from.swap(to);
    const auto end = from.begin() + static_cast<std::ptrdiff_t>(std::min(count, from.size()));
    to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(end));
    from.erase(from.begin(), end);
}

template <class Op>
void append(std::vector<Op>& to, std::vector<Op>& from) {
    move_front(from, to, from.size());
}
}  // namespace

StoreWriter::StoreWriter(SqlConnection connection, EngineOptions options, const Clock& clock, Random& random,
                         Logger log, std::shared_ptr<PinnedTemplates> pinned)
    : options_(std::move(options)),
      clock_(clock),
      random_(random),
      log_(std::move(log)),
      connection_(std::move(connection)),
      flights_(options_.flight_folder),
      watch_(options_.store),
      orchestrator_(connection_, options_, clock, random, log_, std::move(pinned)),
      wakeup_(clock) {
    connection_.watch_log(log_pages_);
    connection_.busy_timeout(0);  // nobody else writes; a checkpoint must not wait for readers
    wall_ahead_ms_ = clock_.unix_ms() - clock_.steady_ms();
    start_upkeep();
    recover();
}

StoreWriter::~StoreWriter() { stop(); }

void StoreWriter::start() {
    threaded_ = true;
    thread_ = NamedThread("tw-store", [this](std::stop_token stop) { run(std::move(stop)); });
}

std::shared_ptr<Session> StoreWriter::open_session(SessionOptions options) {
    const ClaimLimits limits{options_.deadline_backstop_ms, options_.max_runtime_ms};
    return std::make_shared<Session>(std::move(options), clock_, limits);
}

bool StoreWriter::push(std::vector<SubmitOp> ops) {
    return enqueue([&](Operations& inbox) { append(inbox.submissions, ops); });
}

void StoreWriter::run(std::stop_token stop) {
    while (true) {
        // Before the inbox is taken: what was queued before stop() is then in it.
        const bool stopping = stop.stop_requested();
        if (drive(stopping)) continue;
        if (stopping) break;
        wakeup_.wait_until(next_wake(), stop);
    }
}

bool StoreWriter::drive(bool stopping) {
    take_inbox();
    return turn(stopping);
}

void StoreWriter::await(Ticket& ticket) {
    if (threaded_) return ticket.wait();
    while (!ticket.done()) {
        if (!drive() && !ticket.done()) throw Error("the writer has nothing left to do and did not answer");
    }
}

void StoreWriter::take_inbox() {
    const std::scoped_lock lock(inbox_mutex_);
    if (backlog_.empty()) return std::swap(backlog_, inbox_);
    append(backlog_.completions, inbox_.completions);
    append(backlog_.checkpoints, inbox_.checkpoints);
    append(backlog_.releases, inbox_.releases);
    append(backlog_.cancels, inbox_.cancels);
    append(backlog_.operators, inbox_.operators);
    append(backlog_.prunes, inbox_.prunes);
    append(backlog_.sessions, inbox_.sessions);
    append(backlog_.submissions, inbox_.submissions);
}

// True when there may be more to do at once.
bool StoreWriter::turn(bool stopping) {
    watch_file();
    if (in_trouble_) return turn_in_trouble();
    watch_clock();
    apply_session_ops();
    expire_claims();
    end_reattach_window();
    if (in_trouble_) return true;
    const bool more_upkeep = upkeep(stopping);
    if (in_trouble_) return true;
    const std::int64_t steady = clock_.steady_ms();
    bool unserved = false;
    if (steady >= next_unserved_ms_) {
        next_unserved_ms_ = steady + kUnservedEveryMs;
        unserved = orchestrator_.has_unserved();
    }
    const bool timers = orchestrator_.next_due_ms() <= clock_.unix_ms();
    Operations batch = next_batch();
    if (batch.size() == 0 && !timers && !unserved && !clamp_wanted_ &&
        !orchestrator_.has_work_for_sessions()) {
        answer_stopping();
        if (more_upkeep || (!stopping && shrink_when_idle())) return true;
        checkpoint_when_idle();
        return false;
    }
    last_busy_ms_ = steady;
    unserved_now_ = unserved;
    run_batch(std::move(batch));
    return true;
}

Operations StoreWriter::next_batch() {
    Operations batch;
    const auto room = [&] { return kMaxBatch - std::min(kMaxBatch, batch.size()); };
    move_front(backlog_.completions, batch.completions, room());
    move_front(backlog_.checkpoints, batch.checkpoints, room());
    move_front(backlog_.cancels, batch.cancels, room());
    move_front(backlog_.operators, batch.operators, room());
    // In the room that is left, so behind every result: work that is finished is not handed back.
    move_front(backlog_.releases, batch.releases, room());
    move_front(backlog_.submissions, batch.submissions, std::max(room(), kMinSubmissions));
    return batch;
}

// The wall clock stepped back: timers, which are kept in wall time, must not wait longer than their delay.
void StoreWriter::watch_clock() {
    const std::int64_t ahead = clock_.unix_ms() - clock_.steady_ms();
    const std::int64_t before = std::exchange(wall_ahead_ms_, ahead);
    if (ahead > before + kClockJumpMs) {
        orchestrator_.wall_jumped_ahead();
        skip_staleness_ = true;
    }
    if (ahead >= before - kClockJumpMs) return;
    skip_staleness_ = true;
    log_.warn("the clock was set back", {{"ms", before - ahead}});
    clamp_wanted_ = true;
}

// The transaction's time is far ahead of the one that this turn began with: whoever waits by it waits for the next turn.
bool StoreWriter::leapt_in_this_turn() const {
    return orchestrator_.now_ms() - clock_.steady_ms() > wall_ahead_ms_ + kClockJumpMs;
}

void StoreWriter::expire_claims() {
    const std::int64_t now = clock_.steady_ms();
    for (const auto& session : sessions_) {
        if (session->next_deadline() > now) continue;
        for (const auto& [event_id, mark] : session->take_expired()) {
            CompleteOp op;
            op.session = session;
            op.event_id = event_id;
            op.claim = mark.claim;
            op.event = AttemptEvent::TimedOut;
            op.retryable = true;
            op.execution_ms = std::max<std::int64_t>(0, now - mark.claimed_steady_ms);
            op.envelope = engine_failure(*session, mark, op.execution_ms,
                                         {"no result within " + std::to_string(mark.timeout_ms) + " ms",
                                          "handler_timeout", "HANDLER_TIMEOUT", true, "{}"});
            backlog_.completions.push_back(std::move(op));
        }
    }
}

// The envelope of a claim that the engine ends by itself.
SharedText StoreWriter::engine_failure(const Session& session, const ClaimMark& mark,
                                       std::int64_t execution_ms, StepError error) const {
    StepExecutionResult result;
    result.step_uuid = mark.step_uuid;
    result.task_uuid = mark.task_uuid;
    result.status = "error";
    result.worker_id = session.options().worker_id;
    result.started_ms = mark.claim.claimed_ms;
    result.completed_ms = clock_.unix_ms();
    result.execution_time_ms = execution_ms;
    result.error = std::move(error);
    return std::make_shared<const std::string>(to_envelope(result));
}

void StoreWriter::run_batch(Operations batch) {
    std::vector<SubmitOutcome> outcomes;
    std::vector<std::optional<Refused>> cancelled;
    bool alone = false;
    try {
        prepare_templates(batch);
        apply(batch, outcomes, cancelled);
    } catch (const SqlError& error) {
        orchestrator_.rollback();
        if (error.is_storage() || error.is_damage())
            return enter_trouble(std::move(batch), error.what(), error.is_damage());
        alone = true;
        failure_ = error.what();
    } catch (const StoreUnavailable& error) {
        orchestrator_.rollback();
        return enter_trouble(std::move(batch), error.what(), false);
    } catch (const std::exception& error) {
        orchestrator_.rollback();
        alone = true;
        failure_ = error.what();
    }
    if (alone) return run_one_by_one(std::move(batch));
    failpoint_after_commit(batch);
    publish();
    answer(batch, outcomes, cancelled);
    after_commit();
}

void StoreWriter::prepare_templates(Operations& batch) {
    for (const SubmitOp& op : batch.submissions) orchestrator_.pin_template(op.definition);
}

void StoreWriter::apply(Operations& batch, std::vector<SubmitOutcome>& outcomes,
                        std::vector<std::optional<Refused>>& cancelled) {
    const std::int64_t until = clock_.steady_ms() + kMaxBatchMs;
    if (!batch.completions.empty()) failpoint("complete.before_tx");
    orchestrator_.begin(!bare_);
    std::size_t completed = 0;
    // What makes thousands of steps ends its transaction: nobody waits for two such in a row.
    for (; completed < batch.completions.size() && orchestrator_.made() < kMaxMade; ++completed)
        orchestrator_.complete(batch.completions[completed]);
    for (const CheckpointOp& op : batch.checkpoints) orchestrator_.checkpoint(op);
    for (const CancelOp& op : batch.cancels) cancelled.push_back(orchestrator_.cancel(op));
    for (OperatorOp& op : batch.operators) op.outcome = op.act(orchestrator_);
    if (!bare_) {
        if (clamp_wanted_) orchestrator_.clamp_timers();
        orchestrator_.fire_timers();
        if (unserved_now_ && !leapt_in_this_turn()) orchestrator_.fail_unserved();
    }
    for (const ReleaseOp& op : batch.releases) orchestrator_.release(op);
    if (!bare_) orchestrator_.claim();
    for (const SubmitOp& op : batch.submissions) {
        // A batch that takes long is cut; the rest goes first next time.
        if (outcomes.size() >= kMinSubmissions && clock_.steady_ms() > until) break;
        outcomes.push_back(orchestrator_.submit(op));
    }
    if (!outcomes.empty()) failpoint("submit.before_commit");
    if (!bare_ && !outcomes.empty() && orchestrator_.has_work_for_sessions()) orchestrator_.claim();
    if (!batch.completions.empty()) failpoint("complete.before_commit");
    orchestrator_.commit();
    if (!bare_) clamp_wanted_ = unserved_now_ = false;
    if (completed < batch.completions.size()) {
        const auto rest = batch.completions.begin() + static_cast<std::ptrdiff_t>(completed);
        backlog_.completions.insert(backlog_.completions.begin(), std::make_move_iterator(rest),
                                    std::make_move_iterator(batch.completions.end()));
        batch.completions.erase(rest, batch.completions.end());
    }
    if (outcomes.size() < batch.submissions.size()) {
        std::vector<SubmitOp> rest;
        move_front(batch.submissions, rest, outcomes.size());
        std::swap(batch.submissions, rest);
        append(rest, backlog_.submissions);
        backlog_.submissions = std::move(rest);
    }
}

// What is committed stays: only a crash means anything here, an injected error is noted.
void StoreWriter::failpoint_after_commit(const Operations& batch) {
    try {
        if (!batch.submissions.empty()) failpoint("submit.after_commit");
        if (!batch.completions.empty()) failpoint("complete.after_commit");
        if (orchestrator_.has_claims_to_publish()) failpoint("claim.after_commit");
    } catch (const StoreUnavailable& error) {
        log_.warn("an error after the commit changes nothing", {{"error_message", error.what()}});
    }
}

// While the batch lives: its operations say who wants to know.
void StoreWriter::publish() {
    Effects effects = orchestrator_.take_effects();
    for (Effects::Finished& finished : effects.finished) {
        if (finished.session) finished.session->finished(finished.event_id, finished.verdict);
    }
    std::vector<Session*> woken;
    const auto note = [&](const std::shared_ptr<Session>& session) {
        if (std::ranges::find(woken, session.get()) == woken.end()) woken.push_back(session.get());
    };
    std::vector<std::pair<StepEvent, ClaimMark>> claims;
    for (std::size_t i = 0; i < effects.claimed.size(); ++i) {
        auto& [session, event, mark] = effects.claimed[i];
        claims.emplace_back(std::move(event), mark);
        if (i + 1 < effects.claimed.size() && effects.claimed[i + 1].session == session) continue;
        session->publish(std::exchange(claims, {}));
        note(session);
        // It stopped taking work while this was under way.
        if (session->draining()) {
            for (const auto& [event_id, claim] : session->take_unpolled()) {
                backlog_.releases.push_back({session, event_id, claim, "the worker is draining"});
            }
        }
    }
    // Behind the claims: one that was made and taken back in the same transaction is not handed out.
    for (const Effects::Revoked& revoked : effects.revoked) {
        revoked.session->revoked(revoked.event_id, revoked.why);
        note(revoked.session);
    }
    for (const Effects::Saved& saved : effects.saved) saved.op->saved({saved.saved, false, {}});
    for (const Effects::Finished& finished : effects.finished) {
        if (finished.done != nullptr) tell(*finished.done, finished.verdict);
    }
    // Last, so that whoever looks then sees all of it.
    for (const Session* session : woken) session->wake();
}

// A caller's function: what it throws is its own affair.
void StoreWriter::tell(const std::function<void(CompletionVerdict)>& done, CompletionVerdict verdict) {
    if (!done) return;
    try {
        done(verdict);
    } catch (...) {
        log_.error("the callback of complete_step_event() threw; a callback must not throw", {});
    }
}

void StoreWriter::answer(Operations& batch, std::vector<SubmitOutcome>& outcomes,
                         std::vector<std::optional<Refused>>& cancelled) {
    for (std::size_t i = 0; i < outcomes.size(); ++i) {
        *batch.submissions[i].answer = std::move(outcomes[i]);
        batch.submissions[i].ticket->answered();
    }
    for (std::size_t i = 0; i < cancelled.size(); ++i) {
        *batch.cancels[i].answer = std::move(cancelled[i]);
        batch.cancels[i].ticket->answered();
    }
    for (OperatorOp& op : batch.operators) {
        *op.answer = std::move(op.outcome);
        op.ticket->answered();
    }
}

}  // namespace tasker::host
