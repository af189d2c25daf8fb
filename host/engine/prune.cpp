// Finished tasks that are old enough go, with everything of theirs. Tasks, steps and attempts have row ids in the order of
// submission, so a run of neighbours is one range in each table.

#include <algorithm>
#include <vector>

#include "host/core/failpoint.hpp"
#include "host/engine/orchestrator.hpp"

namespace tasker::host {

namespace {
// What fits into one transaction without anybody noticing.
constexpr std::int64_t kSliceTasks = 256;
constexpr std::int64_t kSliceSteps = 1024;
constexpr std::int64_t kSliceRows = 4096;  // looked at
constexpr std::int64_t kSliceMs = 15;      // on a busy machine fewer
constexpr std::int64_t kRunTasks = 64;

// Neighbours that can go.
struct Run {
    std::int64_t first = 0, last = 0;           // task ids
    std::int64_t first_step = 0, end_step = 0;  // the next one's first
    std::int64_t complete = 0, failed = 0;
    bool given_up = false;  // some were, so that steps of them may be ready to run
};

// Looks at the tasks behind `behind`, which becomes the last one looked at. Short runs, so that the time can be watched
// between them.
std::vector<Run> prunable(SqlConnection& connection, const PruneOp& op, const std::set<std::int64_t>& running,
                          std::int64_t next_step, std::int64_t& behind, std::vector<std::int64_t>& kept,
                          std::set<std::int64_t>& templates_in_use) {
    Statement pending = connection.prepare("SELECT 1 FROM dlq WHERE task_id = ? AND status = 0");
    Statement select = connection.prepare(
        "SELECT task_id, state, state_ms, first_step, template_id FROM task WHERE task_id > ? ORDER BY "
        "task_id");
    std::vector<Run> runs;
    bool open_run = false;
    std::int64_t looked = 0, tasks = 0, steps = 0, from_step = 0;
    for (auto rows = select.query(behind); rows.next(); ++looked) {
        const std::int64_t id = rows.integer(0), first_step = rows.integer(3);
        if (open_run) {
            runs.back().end_step = first_step;
            steps += first_step - from_step;
            from_step = first_step;
            open_run =
                runs.back().complete + runs.back().failed < kRunTasks && id - runs.back().last < kSliceRows;
        }
        if (looked >= kSliceRows || tasks >= kSliceTasks || steps >= kSliceSteps) break;
        behind = id;
        const auto state = static_cast<TaskState>(rows.integer(1));
        const bool well = state == TaskState::Complete || state == TaskState::ResolvedManually;
        const bool old =
            is_terminal(state) && rows.integer(2) <= (well ? op.complete_before_ms : op.failed_before_ms);
        const bool investigated = old && pending.query(id).next();
        if (investigated) kept.push_back(id);
        if (!old || investigated || running.contains(id)) {
            templates_in_use.insert(rows.integer(4));
            open_run = false;
            continue;
        }
        if (!open_run) {
            runs.emplace_back();
            runs.back().first = id;
            runs.back().first_step = first_step;
        }
        open_run = true;
        from_step = first_step;
        Run& run = runs.back();
        run.last = id;
        run.end_step = next_step;
        run.given_up = run.given_up || state == TaskState::Error;
        ++(well ? run.complete : run.failed);
        ++tasks;
    }
    return runs;
}
}  // namespace

struct Orchestrator::PruneRun : Run {};

PruneSlice Orchestrator::prune(const PruneOp& op, std::int64_t behind_task,
                               std::set<std::int64_t>& templates_in_use) {
    const std::int64_t until = clock_.steady_ms() + kSliceMs;
    std::vector<std::int64_t> kept;
    PruneSlice slice;
    slice.next_task = behind_task;
    std::set<std::int64_t> running;
    for (const auto& [step_id, claim] : running_) running.insert(claim.task_id);
    const auto runs = prunable(connection_, op, running, next_step_, slice.next_task, kept, templates_in_use);
    for (const Run& run : runs) {
        // The rest is looked at again.
        if (slice.complete + slice.failed > 0 && clock_.steady_ms() > until) {
            slice.next_task = run.first - 1;
            break;
        }
        delete_run(op, PruneRun{run}, slice);
        slice.complete += run.complete;
        slice.failed += run.failed;
    }
    slice.kept = std::ranges::count_if(kept, [&](std::int64_t id) { return id <= slice.next_task; });
    if (!rows_left(slice.next_task)) slice.next_task = kNever;
    failpoint("prune.before_commit");
    if (slice.complete + slice.failed == 0) return slice;
    connection_
        .prepare(
            "INSERT INTO meta(k, v) VALUES('next_task', ?), ('next_step', ?) "
            "ON CONFLICT(k) DO UPDATE SET v = excluded.v")
        .run(next_task_, next_step_);
    effects_.changed = true;
    return slice;
}

bool Orchestrator::rows_left(std::int64_t behind_task) {
    Statement next = connection_.prepare("SELECT 1 FROM task WHERE task_id > ? LIMIT 1");
    return next.query(behind_task).next();
}

void Orchestrator::delete_run(const PruneOp& op, const PruneRun& run, PruneSlice& slice) {
    const auto of_tasks = [&](const char* table) {
        connection_.prepare(std::string("DELETE FROM ") + table + " WHERE task_id BETWEEN ? AND ?")
            .run(run.first, run.last);
    };
    const auto steps = steps_of(run);
    if (run.given_up) {
        forget_ready(steps);
        for (std::int64_t task = run.first; task <= run.last; ++task) cache_.drop(task);
    }
    if (op.keep_identities) {
        connection_
            .prepare(
                "INSERT OR REPLACE INTO pruned_identity(task_id, identity_prefix, identity, created_ms, "
                "pruned_ms) "
                "SELECT task_id, identity_prefix, identity, created_ms, ? FROM task "
                "WHERE task_id BETWEEN ? AND ? AND identity IS NOT NULL")
            .run(now_ms_, run.first, run.last);
    }
    Statement attempts = connection_.prepare("DELETE FROM attempt WHERE attempt_id >= ? AND attempt_id < ?");
    Statement checkpoints =
        connection_.prepare("DELETE FROM step_checkpoint WHERE step_id >= ? AND step_id < ?");
    Statement rows = connection_.prepare("DELETE FROM step WHERE step_id >= ? AND step_id < ?");
    for (const auto& [first, end] : steps) {
        attempts.run(first_attempt_id(first), first_attempt_id(end));
        checkpoints.run(first, end);
        slice.steps += rows.run(first, end);
    }
    of_tasks("made_step");
    of_tasks("task_doc");
    of_tasks("dlq");
    of_tasks("task");
}

// As ranges from the first to behind the last. One, unless steps were made while the tasks ran: those have the ids that
// were next then, so they may lie behind the run, and some of another task in it.
std::vector<std::pair<std::int64_t, std::int64_t>> Orchestrator::steps_of(const PruneRun& run) {
    std::vector<std::pair<std::int64_t, std::int64_t>> ranges;
    std::int64_t from = run.first_step;
    {
        Statement others = connection_.prepare(
            "SELECT step_id FROM step WHERE step_id >= ? AND step_id < ? AND task_id NOT BETWEEN ? AND ? "
            "ORDER BY step_id");
        for (auto rows = others.query(run.first_step, run.end_step, run.first, run.last); rows.next();) {
            if (rows.integer(0) > from) ranges.emplace_back(from, rows.integer(0));
            from = rows.integer(0) + 1;
        }
    }
    if (run.end_step > from) ranges.emplace_back(from, run.end_step);
    Statement made = connection_.prepare(
        "SELECT step_id FROM made_step WHERE task_id BETWEEN ?1 AND ?2 AND NOT (step_id >= ?3 AND step_id < "
        "?4)");
    for (auto rows = made.query(run.first, run.last, run.first_step, run.end_step); rows.next();) {
        const std::int64_t id = rows.integer(0);
        if (ranges.empty() || ranges.back().second != id) ranges.emplace_back(id, id);
        ++ranges.back().second;
    }
    return ranges;
}

// Steps of a task that was given up stay ready to run; they go with it.
void Orchestrator::forget_ready(const std::vector<std::pair<std::int64_t, std::int64_t>>& steps) {
    Statement ready = connection_.prepare(
        "SELECT lane, neg_prio FROM step NOT INDEXED WHERE step_id >= ? AND step_id < ? AND state = 1");
    for (const auto& [first, end] : steps) {
        for (auto rows = ready.query(first, end); rows.next();)
            lanes_.take_ready(rows.integer(0), rows.integer(1));
    }
}

void Orchestrator::drop_orphans(const std::set<std::int64_t>& templates_in_use, PruneReport& report) {
    std::vector<std::int64_t> templates;
    std::set<LaneId> served;
    {
        Statement select = connection_.prepare("SELECT template_id FROM template");
        for (auto rows = select.query(); rows.next();) templates.push_back(rows.integer(0));
    }
    bool all_known = true;
    for (const std::int64_t id : templates) {
        if (!templates_in_use.contains(id)) {
            pinned_->forget(id);
            connection_.prepare("DELETE FROM template WHERE template_id = ?").run(id);
            ++report.templates;
            continue;
        }
        try {
            const auto pinned = pinned_->load(connection_, lanes_, id);
            served.insert(pinned->lanes.begin(), pinned->lanes.end());
        } catch (const SqlError&) {
            throw;
        } catch (const Error&) {
            all_known = false;  // a damaged definition: which lanes its steps are in is not known
        }
    }
    for (const auto& book : books_) {
        for (const auto& [lane, credit] : book->lanes) served.insert(lane);
    }
    for (const auto& [id, lane] : lanes_.all()) {
        const bool idle = lane.ready.empty() && lane.claimed == 0 && !lane.paused && !lane.limit;
        if (!all_known || !idle || served.contains(id)) continue;
        connection_.prepare("DELETE FROM lane WHERE lane_id = ?").run(id);
        dropped_lanes_.push_back(id);
        ++report.lanes;
    }
    if (report.templates + report.lanes > 0) effects_.changed = true;
}

}  // namespace tasker::host
