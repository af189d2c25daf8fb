#include "host/engine/prune_job.hpp"

#include <vector>

#include "host/engine/free_pages.hpp"
#include "host/engine/orchestrator.hpp"

namespace tasker::host {

namespace {
constexpr std::int64_t kSliceIdentities = 4096;
constexpr std::int64_t kSliceIndex = 2048;
}  // namespace

void PruneJob::slice(Orchestrator& orchestrator) {
    next_report_ = report_;
    next_phase_ = phase_;
    next_behind_ = behind_;
    next_from_index_ = from_index_;
    switch (phase_) {
        case Phase::Tasks:
            return tasks(orchestrator);
        case Phase::Identities:
            return identities(orchestrator);
        case Phase::Index:
            return index(orchestrator);
        case Phase::FreePages:
            return free_pages(orchestrator);
        case Phase::Compacted:
            return compacted(orchestrator);
        case Phase::Done:
            return;
    }
}

void PruneJob::committed() {
    report_ = next_report_;
    phase_ = next_phase_;
    behind_ = next_behind_;
    from_index_ = next_from_index_;
}

void PruneJob::tasks(Orchestrator& orchestrator) {
    const PruneSlice slice = orchestrator.prune(op_, behind_, templates_in_use_);
    next_report_.complete_tasks += slice.complete;
    next_report_.failed_tasks += slice.failed;
    next_report_.steps += slice.steps;
    next_report_.kept_pending_dlq += slice.kept;
    next_behind_ = slice.next_task;
    if (slice.next_task != kNever) return;
    // In the transaction that saw the last task, so that none can have come in between.
    orchestrator.drop_orphans(templates_in_use_, next_report_);
    next_phase_ = Phase::Identities;
    next_behind_ = 0;
}

void PruneJob::identities(Orchestrator& orchestrator) {
    std::vector<std::int64_t> old;
    std::int64_t looked = 0;
    {
        Statement select = orchestrator.connection().prepare(
            "SELECT task_id, pruned_ms FROM pruned_identity WHERE task_id > ? ORDER BY task_id LIMIT ?");
        for (auto rows = select.query(behind_, kSliceIdentities); rows.next(); ++looked) {
            next_behind_ = rows.integer(0);
            if (rows.integer(1) <= op_.identities_before_ms) old.push_back(rows.integer(0));
        }
    }
    Statement forget = orchestrator.connection().prepare("DELETE FROM pruned_identity WHERE task_id = ?");
    for (const std::int64_t task : old) forget.run(task);
    next_report_.identities += static_cast<std::int64_t>(old.size());
    if (looked == kSliceIdentities) return;
    const bool dangling = next_report_.identities > 0 || !op_.keep_identities;
    next_phase_ = dangling ? Phase::Index : Phase::FreePages;
}

// What the index still says of tasks that are forgotten. In the order of the index, so that neighbours share pages.
void PruneJob::index(Orchestrator& orchestrator) {
    std::vector<std::pair<std::int64_t, std::int64_t>> gone;
    std::int64_t looked = 0;
    {
        Statement select = orchestrator.connection().prepare(
            "SELECT prefix, task_id, EXISTS(SELECT 1 FROM task t WHERE t.task_id = i.task_id) OR "
            "EXISTS(SELECT 1 FROM pruned_identity p WHERE p.task_id = i.task_id) FROM task_identity i "
            "WHERE (prefix, task_id) > (?, ?) ORDER BY prefix, task_id LIMIT ?");
        for (auto rows = select.query(from_index_.first, from_index_.second, kSliceIndex); rows.next();
             ++looked) {
            next_from_index_ = {rows.integer(0), rows.integer(1)};
            if (rows.integer(2) == 0) gone.push_back(next_from_index_);
        }
    }
    Statement remove =
        orchestrator.connection().prepare("DELETE FROM task_identity WHERE prefix = ? AND task_id = ?");
    for (const auto& [prefix, task] : gone) remove.run(prefix, task);
    if (looked < kSliceIndex) next_phase_ = Phase::FreePages;
}

void PruneJob::free_pages(Orchestrator& orchestrator) {
    const FreePages free(orchestrator.connection());
    next_report_.pages = free.pages;
    next_report_.free_pages = free.free;
    worth_shrinking_ = !op_.compact && free.worth_shrinking();
    next_phase_ = op_.compact && free.free > 0 ? Phase::Compacted : Phase::Done;
    // Does it at the commit, in time proportional to the pages; page by page SQLite would search its list for each.
    if (next_phase_ == Phase::Compacted) orchestrator.connection().exec("PRAGMA auto_vacuum = FULL");
}

void PruneJob::compacted(Orchestrator& orchestrator) {
    orchestrator.connection().exec("PRAGMA auto_vacuum = INCREMENTAL");
    const FreePages free(orchestrator.connection());
    next_report_.pages = free.pages;
    next_report_.free_pages = free.free;
    next_phase_ = Phase::Done;
}

}  // namespace tasker::host
