// Opening the store's state, the frame of a transaction, and what a rollback must forget.

#include <unistd.h>

#include <algorithm>

#include "host/core/failpoint.hpp"
#include "host/engine/orchestrator.hpp"

namespace tasker::host {

namespace {
constexpr std::size_t kCacheBytes = std::size_t{64} << 20U;

constexpr std::int64_t kRecoverBatch = 512;
}  // namespace

Orchestrator::Orchestrator(SqlConnection& connection, const EngineOptions& options, const Clock& clock,
                           Random& random, Logger log, std::shared_ptr<PinnedTemplates> pinned)
    : connection_(connection),
      options_(options),
      clock_(clock),
      random_(random),
      log_(std::move(log)),
      statements_(std::make_unique<Statements>(connection)),
      sql_(*statements_),
      pinned_(std::move(pinned)),
      ids_(static_cast<std::uint64_t>(connection.integer("SELECT v FROM meta WHERE k = 'salt'"))),
      event_ids_(clock, random),
      cache_(kCacheBytes),
      identities_(std::make_unique<IdentityIndex>(connection)),
      outbox_(std::make_unique<Outbox>(connection)),
      opened_ms_(clock.unix_ms()) {
    // Also above what was pruned: a row id is never used twice.
    const auto next = [this](const std::string& table, const std::string& id) {
        const std::int64_t pruned = connection_.integer("SELECT v FROM meta WHERE k = 'next_" + table + "'");
        return std::max(connection_.integer("SELECT max(" + id + ") FROM " + table) + 1, pruned);
    };
    next_task_ = next("task", "task_id");
    next_step_ = next("step", "step_id");
    // Batch workers have places in the time to come.
    last_ready_seq_ = connection_.integer("SELECT max(ready_seq) FROM step WHERE state = 1 AND ready_seq < " +
                                          std::to_string((clock_.unix_ms() + 1) * kReadySeqPerMs));
    lanes_.load(connection_);
}

// The predecessor is dead or has stopped (we hold the lock): what it had claimed is ready again, uncharged.
std::size_t Orchestrator::recover(const FlightReports& reports) {
    Statement lost =
        connection_.prepare("SELECT task_id, idx, last_attempt_ms FROM step WHERE state = 2 LIMIT ?");
    struct Lost {
        std::int64_t task_id;
        std::size_t index;
        std::optional<std::int64_t> claimed_ms;
    };
    std::size_t count = 0;
    while (true) {
        std::vector<Lost> steps;
        for (auto rows = lost.query(kRecoverBatch); rows.next();) {
            steps.push_back(
                {rows.integer(0), static_cast<std::size_t>(rows.integer(1)), rows.maybe_integer(2)});
        }
        if (steps.empty()) break;
        begin();
        for (const auto& [task_id, index, claimed_ms] : steps) {
            OpenTask* task = find_task(task_id);
            if (index >= task->steps.size())
                throw Error("task row " + std::to_string(task_id) + " has a step too many");
            lose(*task, index,
                 {AttemptEvent::WorkerLost, "the host ended while the step was claimed", nullptr, claimed_ms},
                 reports);
        }
        commit();
        take_effects();
        count += steps.size();
    }
    begin();
    clamp_timers();
    commit();
    take_effects();
    return count;
}

std::int64_t Orchestrator::add_worker(const std::string& name) {
    Statement insert =
        connection_.prepare("INSERT INTO worker(name, pid, started_ms) VALUES(?, ?, ?) RETURNING worker_id");
    auto rows = insert.query(name, static_cast<int>(getpid()), clock_.unix_ms());
    rows.next();
    const std::int64_t id = rows.integer(0);
    rows.next();
    return id;
}

void Orchestrator::pin_template(const std::shared_ptr<const TaskTemplate>& definition) {
    if (pinned_->find(*definition)) return;
    begin();
    auto written = pinned_->write(connection_, lanes_, clock_, definition);
    commit();
    pinned_->remember(std::move(written));
    for (const auto& book : books_) offer_missing(*book);
    refresh_unserved();
}

std::int64_t Orchestrator::next_ready_seq() {
    last_ready_seq_ = std::max(last_ready_seq_ + 1, now_ms_ * kReadySeqPerMs);
    return last_ready_seq_;
}

void Orchestrator::begin(bool hand_back) {
    now_ms_ = clock_.unix_ms();
    hand_back_ = hand_back;
    current_task_ = 0;
    sql_.begin.run();
}

void Orchestrator::commit() {
    settle_touched();
    identities_->flush();
    sql_.commit.run();
    identities_->committed();
    for (OpenTask* task : touched_) {
        task->touched = task->settles = false;
        task->promoted = 0;
    }
    // A finished task is not needed any more.
    for (OpenTask* task : touched_) {
        if (is_terminal(task->state)) cache_.drop(task->id);
    }
    touched_.clear();
    started_.clear();
    ended_.clear();
    made_ = 0;
    for (const LaneId lane : std::exchange(dropped_lanes_, {})) lanes_.forget(lane);
    lanes_.committed();
    cache_.trim();
}

void Orchestrator::rollback() noexcept {
    try {
        if (connection_.in_transaction()) sql_.rollback.run();
    } catch (const std::exception& error) {
        log_.error("rollback failed", {{"error_message", error.what()}});
    }
    for (const OpenTask* task : touched_) cache_.drop(task->id);
    touched_.clear();
    for (const std::int64_t step_id : started_) running_.erase(step_id);
    for (auto& [step_id, running] : ended_) running_.insert_or_assign(step_id, std::move(running));
    started_.clear();
    ended_.clear();
    dropped_lanes_.clear();
    effects_ = {};
    made_ = 0;
    for (auto& statement : cursors_) statement->reset();
    identities_->rolled_back();
    lanes_.rolled_back();
    recount_claims();
    try {
        lanes_.recount(connection_);
        reload_next_due();
    } catch (const std::exception& error) {
        log_.error("cannot read the store after a rollback", {{"error_message", error.what()}});
    }
}

void Orchestrator::recount_claims() {
    for (auto& [id, lane] : lanes_.all()) lane.claimed = 0;
    for (const auto& book : books_) {
        book->claimed = 0;
        for (auto& [id, credit] : book->lanes) credit.claimed = 0;
    }
    for (const auto& [step_id, running] : running_) {
        ++lanes_.at(running.lane).claimed;
        const auto book = book_of_.find(running.session.get());
        if (book == book_of_.end()) continue;
        ++book->second->claimed;
        if (const auto credit = book->second->lanes.find(running.lane); credit != book->second->lanes.end()) {
            ++credit->second.claimed;
        }
    }
}

void Orchestrator::close() {
    cursors_.clear();
    outbox_.reset();
    identities_.reset();
    statements_.reset();
}

Effects Orchestrator::take_effects() { return std::exchange(effects_, {}); }

}  // namespace tasker::host
