#include "host/engine/analytics_views.hpp"

#include <algorithm>
#include <cstdio>
#include <map>
#include <utility>

#include "host/engine/attempt_event.hpp"
#include "host/model/expansion.hpp"
#include "host/model/states.hpp"

namespace tasker::host {

namespace {
constexpr std::int64_t kNewest = 100'000;  // rows of each table that are looked at
constexpr std::int64_t kMostCounted = 1'000'000;
constexpr std::int64_t kHourMs = 3'600'000;
constexpr std::int64_t kBottleneckHours = 24;
constexpr double kSlowSeconds = 30, kManyErrors = 0.2;

double seconds(std::int64_t ms) { return static_cast<double>(ms) / 1000; }
double share(std::int64_t part, std::int64_t all) {
    return all == 0 ? 0 : static_cast<double>(part) / static_cast<double>(all);
}

bool answered(AttemptEvent event) {
    return event == AttemptEvent::Succeeded || event == AttemptEvent::Failed ||
           event == AttemptEvent::TimedOut;
}
bool went_well(TaskState state) {
    return state == TaskState::Complete || state == TaskState::ResolvedManually;
}
bool went_wrong(TaskState state) {
    return state == TaskState::Error || state == TaskState::BlockedByFailures;
}

// Durations of one kind, added up.
struct Sum {
    std::int64_t count = 0, errors = 0, total_ms = 0, longest_ms = 0, last_ms = 0;

    void add(std::int64_t took_ms, std::int64_t at_ms, bool error) {
        ++count;
        errors += error ? 1 : 0;
        total_ms += took_ms;
        longest_ms = std::max(longest_ms, took_ms);
        last_ms = std::max(last_ms, at_ms);
    }
    double average_seconds() const { return share(total_ms, count) / 1000; }
};

struct TaskRow {
    std::int64_t template_id = 0, created_ms = 0, state_ms = 0;
    TaskState state = TaskState::Pending;
};
// Calls `use` with the newest tasks, newest first. How many there were.
template <class Use>
std::int64_t newest_tasks(SqlConnection& reader, Use&& use) {
    Statement select = reader.prepare(
        "SELECT template_id, created_ms, state_ms, state FROM task ORDER BY task_id DESC LIMIT ?");
    std::int64_t count = 0;
    for (auto rows = select.query(kNewest); rows.next(); ++count)
        use(TaskRow{rows.integer(0), rows.integer(1), rows.integer(2),
                    static_cast<TaskState>(rows.integer(3))});
    return count;
}

SlowItem slow_item(const TaskTemplate& definition, const Sum& sum) {
    SlowItem item;
    item.namespace_name = definition.namespace_name;
    item.task_name = definition.name;
    item.version = definition.version;
    item.average_seconds = sum.average_seconds();
    item.max_seconds = seconds(sum.longest_ms);
    item.executions = sum.count;
    item.errors = sum.errors;
    item.error_rate = share(sum.errors, sum.count);
    item.last_ms = sum.last_ms;
    return item;
}

void keep_slowest(std::vector<SlowItem>& items, int limit) {
    std::ranges::stable_sort(items, std::greater{}, &SlowItem::average_seconds);
    if (items.size() > static_cast<std::size_t>(limit)) items.resize(static_cast<std::size_t>(limit));
}

std::shared_ptr<const TaskTemplate> definition_of(SqlConnection& reader, PinnedTemplates& pinned,
                                                  std::int64_t id) {
    try {
        return pinned.definition(reader, id);
    } catch (const SqlError&) {
        throw;
    } catch (const Error&) {
        return nullptr;  // damaged; `check` names it
    }
}

std::vector<SlowItem> slow_steps(SqlConnection& reader, PinnedTemplates& pinned, int min_executions,
                                 std::int64_t since) {
    struct Of {
        std::shared_ptr<const TaskTemplate> definition;
        std::vector<std::size_t> initial;  // what the steps made at submission are made from
    };
    std::map<std::int64_t, Of> templates;
    std::map<std::pair<std::int64_t, std::size_t>, Sum> sums;  // by template and place in it
    Statement select = reader.prepare(
        "SELECT a.event, a.recorded_ms, a.execution_ms, s.idx, t.template_id, m.template_idx "
        "FROM (SELECT attempt_id, event, recorded_ms, execution_ms FROM attempt ORDER BY attempt_id DESC "
        "LIMIT ?1) a "
        "JOIN step s ON s.step_id = a.attempt_id >> 22 JOIN task t USING(task_id) "
        "LEFT JOIN made_step m ON m.task_id = s.task_id AND m.idx = s.idx WHERE a.recorded_ms >= ?2");
    for (auto rows = select.query(kNewest, since); rows.next();) {
        const auto event = static_cast<AttemptEvent>(rows.integer(0));
        if (!answered(event)) continue;
        const auto [of, fresh] = templates.try_emplace(rows.integer(4));
        if (fresh) {
            of->second.definition = definition_of(reader, pinned, of->first);
            if (of->second.definition) of->second.initial = initial_steps(*of->second.definition);
        }
        auto place = static_cast<std::size_t>(rows.maybe_integer(5).value_or(rows.integer(3)));
        if (rows.is_null(5)) {
            if (place >= of->second.initial.size()) continue;
            place = of->second.initial[place];
        }
        sums[{of->first, place}].add(rows.integer(2), rows.integer(1), event != AttemptEvent::Succeeded);
    }
    std::vector<SlowItem> items;
    for (const auto& [key, sum] : sums) {
        const auto& definition = templates.at(key.first).definition;
        if (sum.count < min_executions || !definition || key.second >= definition->steps.size()) continue;
        items.push_back(slow_item(*definition, sum));
        items.back().step_name = definition->steps[key.second].name;
    }
    return items;
}

std::vector<SlowItem> slow_tasks(SqlConnection& reader, PinnedTemplates& pinned, int min_executions,
                                 std::int64_t since) {
    std::map<std::int64_t, Sum> sums;
    newest_tasks(reader, [&](const TaskRow& task) {
        if (task.state_ms < since || !(went_well(task.state) || went_wrong(task.state))) return;
        sums[task.template_id].add(std::max<std::int64_t>(task.state_ms - task.created_ms, 0), task.state_ms,
                                   went_wrong(task.state));
    });
    std::vector<SlowItem> items;
    for (const auto& [template_id, sum] : sums) {
        const auto definition = definition_of(reader, pinned, template_id);
        if (sum.count < min_executions || !definition) continue;
        items.push_back(slow_item(*definition, sum));
        items.back().average_step_count = static_cast<double>(definition->steps.size());
    }
    return items;
}

StateCounts count_states(SqlConnection& reader) {
    StateCounts counts;
    const auto count = [&](const char* table, const char* id, auto& into) {
        Statement select = reader.prepare(std::string("SELECT state, count(*) FROM (SELECT state FROM ") +
                                          table + " ORDER BY " + id + " DESC LIMIT ?) GROUP BY state");
        for (auto rows = select.query(kNewest); rows.next();) {
            const auto state = static_cast<std::size_t>(rows.integer(0));
            if (state < into.size()) into[state] = rows.integer(1);
        }
    };
    count("task", "task_id", counts.tasks);
    count("step", "step_id", counts.steps);
    return counts;
}

std::string fixed(double value) {
    char text[32];
    std::snprintf(text, sizeof text, "%.1f", value);
    return text;
}

std::vector<std::string> recommend(const Bottlenecks& found) {
    std::vector<std::string> out;
    const auto worst = std::ranges::max_element(found.steps, {}, &SlowItem::error_rate);
    if (worst != found.steps.end() && worst->error_rate > kManyErrors) {
        out.push_back("step '" + worst->step_name + "' of " + worst->namespace_name + "/" + worst->task_name +
                      "/" + worst->version + " fails in " + fixed(worst->error_rate * 100) +
                      "% of its runs: see its errors");
    }
    if (!found.steps.empty() && found.steps.front().average_seconds > kSlowSeconds) {
        const SlowItem& slow = found.steps.front();
        out.push_back("step '" + slow.step_name + "' of " + slow.namespace_name + "/" + slow.task_name + "/" +
                      slow.version + " takes " + fixed(slow.average_seconds) +
                      " s on average: make it faster, or let more of it run at the same time");
    }
    return out;
}
}  // namespace

Performance measure_performance(SqlConnection& reader, int hours, std::int64_t now_ms) {
    const std::int64_t period = std::max(hours, 1);
    Performance found;
    found.calculated_ms = now_ms;
    found.period_start_ms = now_ms - period * kHourMs;
    const std::string most = " LIMIT " + std::to_string(kMostCounted) + ")";
    found.total_tasks = reader.integer("SELECT count(*) FROM (SELECT 1 FROM task" + most);
    found.active_tasks = reader.integer("SELECT count(*) FROM (SELECT 1 FROM task WHERE state < 8" + most);
    Sum tasks;
    std::int64_t submitted = 0, oldest = 0;
    const std::int64_t looked = newest_tasks(reader, [&](const TaskRow& task) {
        oldest = task.created_ms;
        submitted += task.created_ms >= found.period_start_ms ? 1 : 0;
        if (task.state_ms < found.period_start_ms) return;
        if (went_well(task.state))
            tasks.add(std::max<std::int64_t>(task.state_ms - task.created_ms, 0), task.state_ms, false);
        if (went_wrong(task.state)) ++found.failed_tasks;
    });
    found.sampled = looked == kNewest && oldest >= found.period_start_ms;
    found.completed_tasks = tasks.count;
    found.completion_rate = share(found.completed_tasks, found.completed_tasks + found.failed_tasks);
    found.error_rate = share(found.failed_tasks, found.completed_tasks + found.failed_tasks);
    found.average_task_seconds = tasks.average_seconds();
    found.tasks_per_hour = submitted / period;
    Sum steps;
    Statement attempts = reader.prepare(
        "SELECT event, recorded_ms, execution_ms FROM (SELECT event, recorded_ms, execution_ms FROM attempt "
        "ORDER BY attempt_id DESC LIMIT ?1) WHERE recorded_ms >= ?2");
    for (auto rows = attempts.query(kNewest, found.period_start_ms); rows.next();) {
        if (!answered(static_cast<AttemptEvent>(rows.integer(0)))) continue;
        steps.add(rows.integer(2), rows.integer(1), false);
    }
    found.average_step_seconds = steps.average_seconds();
    found.steps_per_hour = steps.count / period;
    found.health_score = 1 - found.error_rate;
    return found;
}

Bottlenecks find_bottlenecks(SqlConnection& reader, PinnedTemplates& pinned, int limit, int min_executions,
                             std::int64_t now_ms) {
    const std::int64_t since = now_ms - kBottleneckHours * kHourMs;
    Bottlenecks found;
    found.steps = slow_steps(reader, pinned, min_executions, since);
    found.tasks = slow_tasks(reader, pinned, min_executions, since);
    keep_slowest(found.steps, limit);
    keep_slowest(found.tasks, limit);
    found.counts = count_states(reader);
    found.recommendations = recommend(found);
    return found;
}

}  // namespace tasker::host
