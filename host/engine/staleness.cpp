// Tasks that do not get on: found by how long they are in their state, given up, and noted for a person to look at. Their
// steps are not touched: what runs may finish, and an operator can revive the task.

#include <algorithm>
#include <vector>

#include "host/core/failpoint.hpp"
#include "host/core/json_text.hpp"
#include "host/engine/dlq_views.hpp"
#include "host/engine/orchestrator.hpp"
#include "host/model/dlq.hpp"
#include "host/model/staleness.hpp"

namespace tasker::host {

namespace {
constexpr std::size_t kMaxStale = 100;
constexpr std::int64_t kLooked = 4000;  // rows of one state in one look
constexpr std::int64_t kMinuteMs = 60'000;

struct Candidate {
    std::int64_t task_id = 0, template_id = 0, state_ms = 0, created_ms = 0;
};

std::vector<Candidate> oldest(SqlConnection& connection, TaskState state,
                              std::pair<std::int64_t, std::int64_t> from) {
    Statement select = connection.prepare(
        "SELECT task_id, template_id, state_ms, created_ms FROM task WHERE state = ?1 AND state < 8 "
        "AND state_ms >= ?2 AND (state_ms > ?2 OR task_id > ?3) ORDER BY state_ms, task_id LIMIT ?4");
    std::vector<Candidate> found;
    for (auto rows = select.query(state, from.first, from.second, kLooked); rows.next();)
        found.push_back({rows.integer(0), rows.integer(1), rows.integer(2), rows.integer(3)});
    return found;
}

std::string minutes(std::int64_t ms) { return std::to_string(ms / kMinuteMs); }
}  // namespace

std::size_t Orchestrator::give_up_stale() {
    std::size_t given_up = 0;
    for (const TaskState state :
         {TaskState::StepsInProcess, TaskState::WaitingForDependencies, TaskState::WaitingForRetry}) {
        given_up += give_up_stale_in(state, kMaxStale - given_up);
    }
    return given_up;
}

// The oldest first; and some more each time, going round, because a task that changes its state now and then may be too
// old all the same, and a template may let its tasks wait longer than others.
std::size_t Orchestrator::give_up_stale_in(TaskState state, std::size_t limit) {
    struct Rule : StalenessRule {
        std::size_t steps = 0;
    };
    std::map<std::int64_t, std::optional<Rule>> rules;
    const auto rule_of = [&](std::int64_t template_id) -> const std::optional<Rule>& {
        auto [rule, fresh] = rules.try_emplace(template_id);
        if (!fresh) return rule->second;
        try {
            const auto definition = pinned_->definition(connection_, template_id);
            rule->second = Rule{staleness_rule(*definition, state), definition->steps.size()};
        } catch (const SqlError&) {
            throw;
        } catch (const Error&) {
            // A damaged definition: its tasks are set aside when they are run.
        }
        return rule->second;
    };
    std::size_t given_up = 0;
    const auto look = [&](const std::vector<Candidate>& candidates) {
        for (const Candidate& task : candidates) {
            if (given_up >= limit) return;
            const auto& rule = rule_of(task.template_id);
            if (!rule || rule->action == StalenessAction::None) continue;
            // Nobody can be blamed for the time in which no host had the store.
            std::int64_t since = std::max(task.state_ms, opened_ms_);
            const std::int64_t age = now_ms_ - std::max(task.created_ms, opened_ms_);
            if (!crossed(*rule, now_ms_ - since, age)) continue;
            since = std::max(
                since, last_activity_ms(connection_, task.task_id, rule->steps, {rule->by_default, now_ms_}));
            const auto threshold = crossed(*rule, now_ms_ - since, age);
            if (!threshold) continue;
            give_up(task.task_id, state, since, *threshold, rule->action == StalenessAction::Dlq);
            ++given_up;
        }
    };
    const std::vector<Candidate> first = oldest(connection_, state, {0, 0});
    look(first);
    if (static_cast<std::int64_t>(first.size()) < kLooked) {
        stale_from_.erase(state);
        return given_up;
    }
    auto& from = stale_from_[state];
    const std::vector<Candidate> next = oldest(connection_, state, from);
    look(next);
    from = next.empty() ? std::pair<std::int64_t, std::int64_t>{}
                        : std::pair{next.back().state_ms, next.back().task_id};
    return given_up;
}

void Orchestrator::give_up(std::int64_t task_id, TaskState state, std::int64_t state_ms,
                           std::int64_t threshold_minutes, bool with_entry) {
    if (connection_.prepare("UPDATE task SET state = ?, state_ms = ? WHERE task_id = ? AND state = ?")
            .run(TaskState::Error, now_ms_, task_id, state) != 1)
        return;
    effects_.changed = true;
    if (OpenTask* cached = cache_.find(task_id)) {
        touch(*cached, false);
        cached->state = TaskState::Error;
    }
    Statement about = connection_.prepare(
        "SELECT t.created_ms, t.priority, p.ns, p.name, t.correlation_id FROM task t JOIN template p "
        "USING(template_id) "
        "WHERE t.task_id = ?");
    auto rows = about.query(task_id);
    if (!rows.next()) return;
    const std::int64_t created_ms = rows.integer(0);
    const std::string uuid = ids_.make(RowKind::Task, created_ms, task_id).str();
    const std::string in_state = minutes(now_ms_ - state_ms), threshold = std::to_string(threshold_minutes);
    log_.warn("a task does not get on and is given up",
              {{"task_uuid", uuid}, {"state", name(state)}, {"minutes", (now_ms_ - state_ms) / kMinuteMs}});
    if (!with_entry) return;
    Uuid correlation = ids_.make(RowKind::Correlation, created_ms, task_id);
    if (const std::string_view own = rows.text(4); own.size() == correlation.bytes.size())
        std::copy(own.begin(), own.end(), correlation.bytes.begin());
    const std::string snapshot =
        R"({"task_uuid":")" + uuid + R"(","namespace":)" + json_string(rows.text(2)) + R"(,"task_name":)" +
        json_string(rows.text(3)) + R"(,"current_state":")" + std::string(name(state)) +
        R"(","time_in_state_minutes":)" + in_state + R"(,"threshold_minutes":)" + threshold +
        R"(,"snapshot_timestamp":")" + rfc3339(now_ms_) + R"(","task_details":{"correlation_id":")" +
        correlation.str() + R"(","priority":)" + std::to_string(rows.integer(1)) + R"(,"requested_at":")" +
        rfc3339(created_ms) + R"(","created_at":")" + rfc3339(created_ms) + R"("}})";
    const std::string metadata = R"({"detection_method":"automatic_staleness","time_in_state_minutes":)" +
                                 in_state + R"(,"task_age_minutes":)" + minutes(now_ms_ - created_ms) +
                                 R"(,"threshold_minutes":)" + threshold + "}";
    // Not when one is pending: there is a unique index for that.
    connection_
        .prepare(
            "INSERT OR IGNORE INTO dlq(task_id, original_state, reason, created_ms, updated_ms, snapshot, "
            "metadata) "
            "VALUES(?1, ?2, ?3, ?4, ?4, ?5, ?6)")
        .run(task_id, state, DlqReason::StalenessTimeout, now_ms_, snapshot, metadata);
    failpoint("staleness.after_entry");
}

}  // namespace tasker::host
