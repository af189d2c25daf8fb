// What the writer does between batches, each in a transaction of its own so that nobody's operation fails with it: a look
// for stale tasks, the bounds of the event queue, a slice of pruning.

#include <algorithm>
#include <utility>

#include "host/engine/free_pages.hpp"
#include "host/engine/store_writer.hpp"

namespace tasker::host {

namespace {
constexpr std::int64_t kTrimEveryMs = 60'000;
// A page costs the more the more are free, so a big file is not made as small as it could be.
constexpr std::int64_t kShrinkForMs = 30'000;
constexpr int kShrinkPages = 16;
constexpr std::int64_t kFirstRetentionMs = 60'000, kRetentionEveryMs = 3'600'000;
}  // namespace

// True when there is more to do at once.
bool StoreWriter::upkeep(bool stopping) {
    if (stopping) return false;
    const std::int64_t steady = clock_.steady_ms();
    if (options_.upkeep.staleness_interval_ms > 0 && steady >= next_staleness_ms_) {
        next_staleness_ms_ = steady + options_.upkeep.staleness_interval_ms;
        // After a leap of the clock nobody knows how long anything took.
        if (!std::exchange(skip_staleness_, false))
            in_transaction("look for stale tasks", [this] {
                if (!leapt_in_this_turn()) orchestrator_.give_up_stale();
            });
    }
    bool more = false;
    if (steady >= next_trim_ms_ || orchestrator_.outbox().wants_trim(options_.upkeep)) {
        next_trim_ms_ = steady + kTrimEveryMs;
        more = trim_events();
    }
    if (options_.upkeep.retention && steady >= next_retention_ms_) {
        next_retention_ms_ = steady + kRetentionEveryMs;
        PruneOp own;
        const std::int64_t now = clock_.unix_ms();
        own.complete_before_ms = now - options_.upkeep.retain_complete_ms;
        own.failed_before_ms = now - options_.upkeep.retain_failed_ms;
        own.identities_before_ms = now - options_.upkeep.retain_identities_ms;
        own.keep_identities = options_.upkeep.retain_identities_ms > 0;
        backlog_.prunes.push_back(own);
    }
    return prune_slice() || more;
}

// False when the store refused it; what it had done is undone.
template <class Work>
bool StoreWriter::in_transaction(const char* what, Work&& work) {
    try {
        orchestrator_.begin();
        work();
        orchestrator_.commit();
        publish();
        last_busy_ms_ = clock_.steady_ms();
        after_commit();
        return true;
    } catch (const SqlError& error) {
        orchestrator_.rollback();
        if (error.is_storage() || error.is_damage()) {
            enter_trouble({}, error.what(), error.is_damage());
            return false;
        }
        failure_ = error.what();
    } catch (const StoreUnavailable& error) {
        orchestrator_.rollback();
        enter_trouble({}, error.what(), false);
        return false;
    } catch (const std::exception& error) {
        orchestrator_.rollback();
        failure_ = error.what();
    }
    log_.error("upkeep of the store failed", {{"doing", what}, {"error_message", failure_}});
    return false;
}

bool StoreWriter::trim_events() {
    bool more = false;
    std::int64_t pushed_out = 0;
    in_transaction("delete old events", [&] {
        more = orchestrator_.outbox().trim(options_.upkeep, clock_.unix_ms(), pushed_out);
    });
    if (pushed_out > 0) {
        log_.warn("events that nobody acknowledged were deleted because the queue is full",
                  {{"events", pushed_out}, {"max_events", options_.upkeep.max_events}});
    }
    if (more) next_trim_ms_ = 0;
    return more;
}

bool StoreWriter::prune_slice() {
    if (!prune_ && !backlog_.prunes.empty()) {
        prune_.emplace(backlog_.prunes.front());
        backlog_.prunes.erase(backlog_.prunes.begin());
    }
    if (!prune_) return false;
    if (!in_transaction("prune", [this] { prune_->slice(orchestrator_); })) {
        end_prune(Refused{
            in_trouble_ ? Refusal::Unavailable : Refusal::Invalid, "pruning stopped: " + failure_, {}});
        return false;
    }
    prune_->committed();
    if (!prune_->done()) return true;
    end_prune(std::nullopt);
    return !backlog_.prunes.empty();
}

// Gives some of the file's free pages back to the disk. True when there is more to do at once.
bool StoreWriter::shrink_when_idle() {
    if (shrink_left_ms_ <= 0) return false;
    const std::int64_t start = clock_.steady_ms();
    bool more = false;
    const bool done = in_transaction("make the file smaller", [&] {
        SqlConnection& connection = orchestrator_.connection();
        connection.prepare("PRAGMA incremental_vacuum(" + std::to_string(kShrinkPages) + ")").run();
        more = FreePages(connection).worth_going_on();
    });
    shrink_left_ms_ -= std::max<std::int64_t>(clock_.steady_ms() - start, 1);
    if (!done || !more) shrink_left_ms_ = 0;
    return shrink_left_ms_ > 0;
}

void StoreWriter::end_prune(std::optional<Refused> refused) {
    if (!prune_) return;
    const PruneJob job = *std::exchange(prune_, std::nullopt);
    const PruneReport& report = job.report();
    if (report.complete_tasks + report.failed_tasks > 0) {
        log_.info(
            "finished tasks were pruned",
            {{"complete", report.complete_tasks}, {"failed", report.failed_tasks}, {"steps", report.steps}});
    }
    if (!refused && job.worth_shrinking()) shrink_left_ms_ = kShrinkForMs;
    if (job.op().ticket == nullptr) return;
    *job.op().report = report;
    *job.op().answer = std::move(refused);
    job.op().ticket->answered();
}

std::int64_t StoreWriter::next_upkeep() const {
    std::int64_t next = next_trim_ms_;
    if (options_.upkeep.staleness_interval_ms > 0) next = std::min(next, next_staleness_ms_);
    if (options_.upkeep.retention) next = std::min(next, next_retention_ms_);
    return next;
}

void StoreWriter::start_upkeep() {
    const std::int64_t steady = clock_.steady_ms();
    next_staleness_ms_ = steady + options_.upkeep.staleness_interval_ms;
    next_trim_ms_ = steady + kTrimEveryMs;
    next_retention_ms_ = steady + kFirstRetentionMs;
}

}  // namespace tasker::host
