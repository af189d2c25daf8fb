// The writer's quieter duties: sessions that come and go, checkpoints, when to wake, the end.

#include <algorithm>
#include <utility>

#include "host/engine/store_writer.hpp"

namespace tasker::host {

namespace {
constexpr int kCheckpointPages = 1000;
constexpr int kLogTooBigPages = 64'000;
constexpr std::int64_t kIdleMs = 1000;
constexpr std::int64_t kWatchEveryMs = 5000;
}  // namespace

void StoreWriter::apply_session_ops() {
    while (!backlog_.sessions.empty()) {
        SessionOp& op = backlog_.sessions.front();
        if (op.kind == SessionOp::Kind::Capacity) {
            if (!apply_capacity(op)) return;
        } else if (op.kind == SessionOp::Kind::Adopt) {
            if (!apply_adopt(op)) return;
        } else {
            end_session(op);
        }
        backlog_.sessions.erase(backlog_.sessions.begin());
    }
}

// Or only its claims that nobody has seen yet.
void StoreWriter::end_session(SessionOp& op) {
    const bool lost = op.kind == SessionOp::Kind::Lost;
    const bool stop = op.kind == SessionOp::Kind::Stop || lost;
    const bool returns = op.kind == SessionOp::Kind::Return;
    if (!returns) op.session->start_draining();
    const std::string why = lost      ? op.why
                            : stop    ? "the worker stopped"
                            : returns ? "the worker is not connected"
                                      : "the worker is draining";
    for (const auto& [event_id, claim] : stop ? op.session->all_claims() : op.session->take_unpolled())
        backlog_.releases.push_back({op.session, event_id, claim, why,
                                     lost ? AttemptEvent::WorkerLost : AttemptEvent::HandedBack, op.reports});
    if (!stop) return;
    if (auto flight = flights_.file(op.session->options().session_uuid); !flight.empty())
        used_flights_.push_back(std::move(flight));
    orchestrator_.remove_session(op.session.get());
    std::erase(sessions_, op.session);
    if (op.ended) stopping_.push_back(std::move(op.ended));
}

// False when the store could not take it; it stays queued.
bool StoreWriter::apply_capacity(const SessionOp& op) {
    try {
        orchestrator_.begin();
        if (!op.session->worker_row()) {
            op.session->set_worker_row(orchestrator_.add_worker(op.session->options().worker_id));
        }
        orchestrator_.set_capacity(op.session, op.capacity);
        orchestrator_.commit();
    } catch (const SqlError& error) {
        op.session->set_worker_row(std::nullopt);
        orchestrator_.remove_session(op.session.get());
        orchestrator_.rollback();
        enter_trouble({}, error.what(), error.is_damage());
        return false;
    }
    if (std::ranges::find(sessions_, op.session) == sessions_.end()) sessions_.push_back(op.session);
    return true;
}

void StoreWriter::answer_stopping() {
    if (!backlog_.releases.empty() && !in_trouble_) return;
    if (!in_trouble_ && !splitting_) FlightFolder::remove(std::exchange(used_flights_, {}));
    for (const auto& ended : std::exchange(stopping_, {})) ended();
}

void StoreWriter::after_commit() {
    answer_stopping();
    if (log_pages_ < kCheckpointPages) {
        checkpointed_pages_ = 0;
        return;
    }
    if (log_pages_ - checkpointed_pages_ < kCheckpointPages) return;
    try {
        orchestrator_.statements().checkpoint.run();
        checkpointed_pages_ = log_pages_;
        if (log_pages_ > kLogTooBigPages) {
            log_.warn("the store's log grows because a reader stays open", {{"pages", log_pages_}});
        }
    } catch (const SqlError& error) {
        if (!error.is_busy()) enter_trouble({}, error.what(), error.is_damage());
    }
}

// Gives the disk space of a big log back once nothing happens any more.
void StoreWriter::checkpoint_when_idle() {
    if (log_pages_ < kCheckpointPages || clock_.steady_ms() < last_busy_ms_ + kIdleMs) return;
    try {
        orchestrator_.statements().truncate_log.run();
        log_pages_ = checkpointed_pages_ = 0;
    } catch (const SqlError& error) {
        last_busy_ms_ = clock_.steady_ms();
        if (!error.is_busy()) enter_trouble({}, error.what(), error.is_damage());
    }
}

std::int64_t StoreWriter::next_wake() const {
    const std::int64_t now = clock_.steady_ms();
    if (in_trouble_) return for_good_ ? now + kWatchEveryMs : retry_at_ms_;
    std::int64_t wake = std::min(now + kWatchEveryMs, next_upkeep());
    if (const std::int64_t due = orchestrator_.next_due_ms(); due != kNever) {
        wake = std::min(wake, now + std::max<std::int64_t>(due - clock_.unix_ms(), 0));
    }
    if (previous_) wake = std::min(wake, previous_until_ms_);
    for (const auto& session : sessions_) wake = std::min(wake, session->next_deadline());
    if (log_pages_ >= kCheckpointPages) wake = std::min(wake, last_busy_ms_ + kIdleMs);
    return wake;
}

void StoreWriter::stop() {
    if (std::exchange(stopped_, true)) return;
    if (thread_.joinable()) {
        thread_.request_stop();
        wakeup_.wake();
        thread_.join();
    }
    finish();
}

void StoreWriter::abandon() {
    if (threaded_) throw Error("a writer with a thread is stopped, not abandoned");
    stopped_ = true;
    {
        const std::scoped_lock lock(inbox_mutex_);
        closed_ = true;
        inbox_ = {};
    }
    backlog_ = {};
    prune_.reset();
    sessions_.clear();
    previous_.reset();
    stopping_.clear();
    orchestrator_.close();
    connection_.close();  // an open transaction never was; SQLite's log stays as it is
}

// After the thread's end: nothing is taken in any more, what is left is answered, the file is closed.
void StoreWriter::finish() {
    {
        const std::scoped_lock lock(inbox_mutex_);
        closed_ = true;
    }
    take_inbox();
    refuse_unavailable(backlog_);
    for (SessionOp& op : backlog_.sessions) {
        if (op.ended) op.ended();
    }
    for (const auto& ended : std::exchange(stopping_, {})) ended();
    unrecorded_ = backlog_.completions.size() + backlog_.checkpoints.size();
    if (unrecorded_ > 0) {
        log_.error("results could not be recorded; their steps run again after the next start",
                   {{"results", unrecorded_}, {"reason", trouble()}});
    }
    const bool sound = !in_trouble_;
    backlog_ = {};
    sessions_.clear();
    previous_.reset();
    try {
        if (sound) mark_closed(connection_);
        orchestrator_.close();
        if (sound) connection_.exec("PRAGMA wal_checkpoint(TRUNCATE)");
        connection_.close();
    } catch (const SqlError& error) {
        log_.error("the store could not be closed properly; the next start checks it",
                   {{"error_message", error.what()}});
        connection_.close();
    }
}

}  // namespace tasker::host
