#include "host/engine/dlq_views.hpp"

#include <algorithm>
#include <charconv>
#include <string>

#include "host/core/json_view.hpp"
#include "host/model/staleness.hpp"

namespace tasker::host {

namespace {
constexpr double kMinuteMs = 60'000;
constexpr std::int64_t kWatched = 10'000;
constexpr std::int64_t kQueued = 10'000;  // pending entries that are compared

const std::string kColumns =
    "SELECT d.dlq_id, d.task_id, t.created_ms, d.original_state, d.reason, d.status, d.created_ms, "
    "d.updated_ms, "
    "d.resolved_ms, d.notes, d.resolved_by, d.snapshot, d.metadata, p.ns, p.name "
    "FROM dlq d JOIN task t USING(task_id) JOIN template p USING(template_id) ";

std::optional<std::int64_t> minutes_in_state(const std::string& metadata_json) {
    const auto text = json_member(metadata_json, "time_in_state_minutes");
    std::int64_t value = 0;
    if (!text || std::from_chars(text->data(), text->data() + text->size(), value).ec != std::errc{})
        return std::nullopt;
    return value;
}

// 0 stale, 1 warning, 2 healthy.
int rank(StalenessHealth health) { return 2 - static_cast<int>(health); }
}  // namespace

DlqEntry DlqViews::entry(const Statement::Rows& rows) const {
    DlqEntry entry;
    entry.created_ms = rows.integer(6);
    entry.entry_uuid = ids_.make(RowKind::Dlq, entry.created_ms, rows.integer(0));
    entry.task_uuid = ids_.make(RowKind::Task, rows.integer(2), rows.integer(1));
    entry.original_state = static_cast<TaskState>(rows.integer(3));
    entry.reason = static_cast<DlqReason>(rows.integer(4));
    entry.status = static_cast<DlqStatus>(rows.integer(5));
    entry.updated_ms = rows.integer(7);
    entry.resolved_ms = rows.maybe_integer(8);
    entry.notes = rows.text(9);
    entry.resolved_by = rows.text(10);
    entry.snapshot_json = rows.text(11);
    entry.metadata_json = rows.text(12);
    return entry;
}

std::vector<DlqEntry> DlqViews::list(const DlqFilter& filter) {
    Statement select = reader_.prepare(
        kColumns +
        "WHERE ?1 IS NULL OR d.status = ?1 ORDER BY d.created_ms DESC, d.dlq_id DESC LIMIT ?2 OFFSET ?3");
    std::vector<DlqEntry> entries;
    for (auto rows = select.query(filter.status, filter.limit, filter.offset); rows.next();)
        entries.push_back(entry(rows));
    return entries;
}

std::optional<DlqEntry> DlqViews::find_by_task(const UuidRow& task) {
    Statement select = reader_.prepare(
        kColumns + "WHERE d.task_id = ?1 AND t.created_ms = ?2 ORDER BY d.dlq_id DESC LIMIT 1");
    auto rows = select.query(task.id, task.created_ms);
    if (!rows.next()) return std::nullopt;
    return entry(rows);
}

std::vector<DlqStats> DlqViews::stats() {
    Statement select = reader_.prepare(
        "SELECT reason, count(*), sum(status = 0), sum(status = 1), sum(status = 2), sum(status = 3), "
        "min(created_ms), "
        "max(created_ms), count(resolved_ms), sum(resolved_ms - created_ms) FROM dlq GROUP BY reason ORDER "
        "BY 2 DESC");
    std::vector<DlqStats> stats;
    for (auto rows = select.query(); rows.next();) {
        DlqStats one;
        one.reason = static_cast<DlqReason>(rows.integer(0));
        one.total = rows.integer(1);
        one.pending = rows.integer(2);
        one.manually_resolved = rows.integer(3);
        one.permanently_failed = rows.integer(4);
        one.cancelled = rows.integer(5);
        one.oldest_ms = rows.integer(6);
        one.newest_ms = rows.integer(7);
        if (const auto resolved = rows.integer(8); resolved > 0)
            one.average_resolution_minutes =
                static_cast<double>(rows.integer(9)) / static_cast<double>(resolved) / kMinuteMs;
        stats.push_back(one);
    }
    return stats;
}

std::vector<DlqQueueItem> DlqViews::investigation_queue(std::int64_t limit, std::int64_t now_ms) {
    Statement select = reader_.prepare(kColumns + "WHERE d.status = 0 ORDER BY d.dlq_id LIMIT ?");
    std::vector<DlqQueueItem> items;
    for (auto rows = select.query(kQueued); rows.next();) {
        DlqQueueItem item;
        item.entry = entry(rows);
        item.namespace_name = rows.text(13);
        item.task_name = rows.text(14);
        item.minutes_in_dlq =
            static_cast<double>(std::max<std::int64_t>(now_ms - item.entry.created_ms, 0)) / kMinuteMs;
        item.priority_score = investigation_score(item.entry.reason) + item.minutes_in_dlq;
        item.minutes_in_state = minutes_in_state(item.entry.metadata_json);
        items.push_back(std::move(item));
    }
    std::ranges::stable_sort(items, std::greater{}, &DlqQueueItem::priority_score);
    if (static_cast<std::int64_t>(items.size()) > limit) items.resize(static_cast<std::size_t>(limit));
    return items;
}

std::optional<Refused> update_dlq(SqlConnection& writer, const UuidRow& entry, const DlqUpdate& update,
                                  std::int64_t now_ms) {
    std::int64_t task_id = 0;
    {
        Statement select = writer.prepare("SELECT created_ms, task_id FROM dlq WHERE dlq_id = ?");
        auto rows = select.query(entry.id);
        if (!rows.next() || rows.integer(0) != entry.created_ms)
            return Refused{Refusal::NotFound, "no such dead letter entry", {}};
        task_id = rows.integer(1);
    }
    if (update.status == DlqStatus::Pending) {
        Statement other =
            writer.prepare("SELECT 1 FROM dlq WHERE task_id = ? AND status = 0 AND dlq_id <> ?");
        if (other.query(task_id, entry.id).next())
            return Refused{Refusal::Invalid, "the task has another entry that is pending",
                           "look into that one"};
    }
    writer
        .prepare(
            "UPDATE dlq SET resolved_ms = CASE WHEN ?2 IS NULL THEN resolved_ms WHEN ?2 = 0 THEN NULL ELSE "
            "?6 END, "
            "status = coalesce(?2, status), notes = coalesce(?3, notes), resolved_by = coalesce(?4, "
            "resolved_by), "
            "metadata = coalesce(?5, metadata), updated_ms = ?6 WHERE dlq_id = ?1")
        .run(entry.id, update.status, update.notes, update.resolved_by, update.metadata_json, now_ms);
    return std::nullopt;
}

std::int64_t last_activity_ms(SqlConnection& connection, std::int64_t task_id, std::size_t steps,
                              Waits waits) {
    Statement select = connection.prepare(
        "SELECT max(max(ifnull(s.last_attempt_ms, 0), ifnull(s.last_failure_ms, 0), ifnull(s.processed_ms, "
        "0), "
        "CASE WHEN ?3 AND s.state = ?4 THEN ifnull(s.due_ms, 0) WHEN ?3 AND s.state = ?5 THEN ?6 ELSE 0 "
        "END)) "
        "FROM step s WHERE s.task_id = ?1 AND (s.step_id BETWEEN (SELECT first_step FROM task WHERE task_id "
        "= ?1) "
        "AND (SELECT first_step FROM task WHERE task_id = ?1) + ?2 - 1 "
        "OR s.step_id IN (SELECT step_id FROM made_step WHERE task_id = ?1))");
    auto rows = select.query(task_id, static_cast<std::int64_t>(steps), waits.count ? 1 : 0,
                             StepState::WaitingForRetry, StepState::Enqueued, waits.now_ms);
    return rows.next() ? rows.integer(0) : 0;
}

std::vector<WatchedTask> watched_tasks(SqlConnection& reader, PinnedTemplates& pinned, const RowUuid& ids,
                                       const WatchTimes& times, std::int64_t limit) {
    std::vector<WatchedTask> watched;
    const auto minutes = [](std::int64_t ms) { return std::max<std::int64_t>(ms, 0) / 60'000; };
    Statement select = reader.prepare(
        "SELECT task_id, template_id, state_ms, created_ms, priority FROM task WHERE state = ? AND state < 8 "
        "ORDER BY state_ms LIMIT ?");
    for (const TaskState state :
         {TaskState::StepsInProcess, TaskState::WaitingForDependencies, TaskState::WaitingForRetry}) {
        for (auto rows = select.query(state, kWatched); rows.next();) {
            std::shared_ptr<const TaskTemplate> definition;
            try {
                definition = pinned.definition(reader, rows.integer(1));
            } catch (const SqlError&) {
                throw;
            } catch (const Error&) {
                continue;  // a damaged definition: `check` names it
            }
            const StalenessRule rule = staleness_rule(*definition, state);
            const std::int64_t state_ms = rows.integer(2), created_ms = rows.integer(3);
            WatchedTask task;
            task.task_uuid = ids.make(RowKind::Task, created_ms, rows.integer(0));
            task.namespace_name = definition->namespace_name;
            task.task_name = definition->name;
            task.state = state;
            task.minutes_in_state = minutes(times.now_ms - state_ms);
            task.age_minutes = minutes(times.now_ms - created_ms);
            task.threshold_minutes = rule.in_state_minutes;
            task.priority = static_cast<int>(rows.integer(4));
            std::int64_t in_state = times.now_ms - std::max(state_ms, times.opened_ms);
            const std::int64_t age = times.now_ms - std::max(created_ms, times.opened_ms);
            if (crossed(rule, in_state, age)) {
                const std::int64_t active = last_activity_ms(
                    reader, rows.integer(0), definition->steps.size(), {rule.by_default, times.now_ms});
                in_state = std::min(in_state, times.now_ms - active);
            }
            if (crossed(rule, in_state, age)) {
                task.health = StalenessHealth::Stale;
            } else if (static_cast<double>(in_state) >=
                       0.8 * kMinuteMs * static_cast<double>(rule.in_state_minutes)) {
                task.health = StalenessHealth::Warning;
            }
            watched.push_back(std::move(task));
        }
    }
    std::ranges::stable_sort(watched, [](const WatchedTask& a, const WatchedTask& b) {
        if (a.health != b.health) return rank(a.health) < rank(b.health);
        return a.minutes_in_state > b.minutes_in_state;
    });
    if (static_cast<std::int64_t>(watched.size()) > limit) watched.resize(static_cast<std::size_t>(limit));
    return watched;
}

}  // namespace tasker::host
