#include "host/engine/task_views.hpp"

#include <algorithm>
#include <utility>

#include "host/engine/attempt_event.hpp"
#include "host/engine/orchestrator.hpp"
#include "host/engine/task_graph.hpp"
#include "host/model/readiness.hpp"
#include "host/model/wire.hpp"

namespace tasker::host {

struct TaskViews::Row {
    std::int64_t id = 0, template_id = 0, first_step = 0, state_ms = 0, created_ms = 0;
    TaskState state = TaskState::Pending;
    int priority = 0;
    std::string correlation, parent_correlation, tags, context, initiator, source_system, reason;
};

namespace {
std::optional<Uuid> uuid_of(const std::string& bytes) {
    Uuid uuid;
    if (bytes.size() != uuid.bytes.size()) return std::nullopt;
    for (std::size_t i = 0; i < bytes.size(); ++i) uuid.bytes[i] = static_cast<std::uint8_t>(bytes[i]);
    return uuid;
}

// The columns of one step, as step_view() reads them.
constexpr std::string_view kStepColumns =
    "s.state, s.parents_left, s.attempts, s.crashes, s.last_attempt_ms, s.last_failure_ms, s.processed_ms, "
    "s.backoff_ms, s.due_ms, s.step_id ";

StepView step_view(const Statement::Rows& rows, const StepTemplate& definition, std::int64_t created_ms) {
    StepView step;
    step.name = step.template_step_name = definition.name;
    step.dependencies = definition.dependencies;
    step.state = static_cast<StepState>(rows.integer(0));
    step.total_parents = static_cast<int>(definition.dependency_ids.size());
    step.completed_parents = step.total_parents - static_cast<int>(rows.integer(1));
    step.attempts = static_cast<int>(rows.integer(2));
    step.max_attempts = definition.retry.max_attempts;
    step.crashes = static_cast<int>(rows.integer(3));
    step.created_ms = created_ms;
    step.last_attempted_ms = rows.maybe_integer(4);
    step.last_failure_ms = rows.maybe_integer(5);
    step.processed_ms = rows.maybe_integer(6);
    step.backoff_ms = rows.maybe_integer(7);
    // A timer that is parked (the task is blocked) still shows when it would have been due.
    if (step.state == StepState::WaitingForRetry && step.last_failure_ms && step.backoff_ms) {
        step.next_retry_ms = rows.maybe_integer(8).value_or(*step.last_failure_ms + *step.backoff_ms);
    }
    return step;
}

// Of a task whose steps are not simply those of its template.
void add_graph(StepView& step, const TaskGraph& graph, std::size_t index, const TaskTemplate& definition) {
    const GraphStep& made = graph[index];
    step.name = graph.name(index, definition);
    const int open = step.total_parents - step.completed_parents;
    step.total_parents = static_cast<int>(made.parents.size());
    step.completed_parents = step.total_parents - open;
    if (index < graph.initial()) return;
    step.dependencies.clear();
    for (const std::uint32_t parent : made.parents)
        step.dependencies.push_back(graph.name(parent, definition));
    if (!made.cursor_json.empty()) {
        step.inputs_json =
            batch_inputs_json(definition.steps[made.template_index], made.cursor_json, made.no_op);
    }
}

void judge(StepView& step, const StepTemplate& definition, std::int64_t now_ms) {
    StepReadiness readiness;
    readiness.state = step.state;
    readiness.total_parents = step.total_parents;
    readiness.completed_parents = step.completed_parents;
    readiness.attempts = step.attempts;
    readiness.max_attempts = step.max_attempts;
    readiness.retryable = definition.retry.retryable;
    readiness.processed = is_terminal(step.state);
    readiness.in_process = step.state == StepState::InProgress;
    readiness.next_retry_ms = step.next_retry_ms;
    step.dependencies_satisfied = dependencies_satisfied(readiness);
    step.retry_eligible = retry_eligible(readiness);
    step.ready_for_execution = ready_for_execution(readiness, now_ms);
}

void count_step(TaskView& task, const StepView& step) {
    ++task.total_steps;
    if (step.state == StepState::Pending) ++task.pending_steps;
    if (step.state == StepState::InProgress) ++task.in_progress_steps;
    if (satisfies_children(step.state)) ++task.completed_steps;
    if (step.state == StepState::Error) ++task.failed_steps;
    if (step.state == StepState::Enqueued) ++task.enqueued_steps;
    if (step.ready_for_execution) ++task.ready_steps;
}
}  // namespace

std::optional<TaskViews::Row> TaskViews::row(std::int64_t task_id) {
    Statement select = connection_.prepare(
        "SELECT t.template_id, t.first_step, t.state, t.state_ms, t.created_ms, t.priority, "
        "t.correlation_id, "
        "t.parent_correlation_id, t.tags, d.context, d.initiator, d.source_system, d.reason "
        "FROM task t JOIN task_doc d USING(task_id) WHERE t.task_id = ?");
    auto rows = select.query(task_id);
    if (!rows.next()) return std::nullopt;
    Row row;
    row.id = task_id;
    row.template_id = rows.integer(0);
    row.first_step = rows.integer(1);
    row.state = static_cast<TaskState>(rows.integer(2));
    row.state_ms = rows.integer(3);
    row.created_ms = rows.integer(4);
    row.priority = static_cast<int>(rows.integer(5));
    row.correlation = rows.text(6);
    row.parent_correlation = rows.text(7);
    row.tags = rows.is_null(8) ? "[]" : std::string(rows.text(8));
    row.context = rows.text(9);
    row.initiator = rows.text(10);
    row.source_system = rows.text(11);
    row.reason = rows.text(12);
    return row;
}

TaskView TaskViews::view(const Row& row, bool with_steps) {
    const auto definition = pinned_.definition(connection_, row.template_id);
    TaskView task;
    task.task_uuid = ids_.make(RowKind::Task, row.created_ms, row.id);
    task.name = definition->name;
    task.namespace_name = definition->namespace_name;
    task.version = definition->version;
    task.state = row.state;
    task.created_ms = row.created_ms;
    task.updated_ms = row.state_ms;
    if (is_terminal(row.state)) task.completed_ms = row.state_ms;
    task.context_json = row.context;
    task.initiator = row.initiator;
    task.source_system = row.source_system;
    task.reason = row.reason;
    task.tags_json = row.tags;
    task.priority = row.priority;
    task.correlation_id =
        uuid_of(row.correlation).value_or(ids_.make(RowKind::Correlation, row.created_ms, row.id));
    task.parent_correlation_id = uuid_of(row.parent_correlation);
    add_steps(task, row, *definition, with_steps);
    return task;
}

void TaskViews::add_steps(TaskView& view, const Row& row, const TaskTemplate& definition, bool with_steps) {
    const auto graph = graph_of(connection_, row.id, row.first_step, definition);
    const std::size_t initial = graph ? graph->initial() : definition.steps.size();
    const std::int64_t last = row.first_step + static_cast<std::int64_t>(initial) - 1;
    Statement made_at_submission = connection_.prepare("SELECT " + std::string(kStepColumns) +
                                                       "FROM step s WHERE s.step_id BETWEEN ? AND ? "
                                                       "ORDER BY s.step_id");
    add_rows(view, row, definition, graph.get(), 0, made_at_submission.query(row.first_step, last),
             with_steps);
    if (!graph || graph->size() == initial) return;
    Statement made_later =
        connection_.prepare("SELECT " + std::string(kStepColumns) +
                            "FROM made_step m JOIN step s USING(step_id) WHERE m.task_id = ? ORDER BY m.idx");
    add_rows(view, row, definition, graph.get(), initial, made_later.query(row.id), with_steps);
}

void TaskViews::add_rows(TaskView& view, const Row& row, const TaskTemplate& definition,
                         const TaskGraph* graph, std::size_t first, Statement::Rows rows, bool with_steps) {
    const std::int64_t now = clock_.unix_ms();
    const std::size_t count = graph != nullptr ? graph->size() : definition.steps.size();
    for (std::size_t index = first; rows.next() && index < count; ++index) {
        const std::int64_t step_id = rows.integer(9);
        const StepTemplate& made_from =
            definition.steps[graph != nullptr ? (*graph)[index].template_index : index];
        StepView step = step_view(rows, made_from, row.created_ms);
        if (graph != nullptr) add_graph(step, *graph, index, definition);
        step.step_uuid = ids_.make(RowKind::Step, row.created_ms, step_id);
        step.task_uuid = view.task_uuid;
        judge(step, made_from, now);
        count_step(view, step);
        view.updated_ms = std::max({view.updated_ms, step.last_attempted_ms.value_or(0),
                                    step.last_failure_ms.value_or(0), step.processed_ms.value_or(0)});
        if (!with_steps) continue;
        step.results_json = result_of(step_id);
        view.steps.push_back(std::move(step));
    }
}

std::string TaskViews::result_of(std::int64_t step_id) {
    Statement select = connection_.prepare(
        "SELECT envelope FROM attempt WHERE attempt_id BETWEEN ? AND ? AND envelope IS NOT NULL "
        "ORDER BY attempt_id DESC LIMIT 1");
    auto rows = select.query(first_attempt_id(step_id), last_attempt_id(step_id));
    return rows.next() ? std::string(rows.text(0)) : std::string{};
}

std::optional<TaskView> TaskViews::get(const Uuid& task_uuid) {
    const auto id = ids_.parse(RowKind::Task, task_uuid);
    if (!id) return std::nullopt;
    const auto found = row(id->id);
    if (!found || found->created_ms != id->created_ms) return std::nullopt;
    return view(*found, true);
}

std::vector<StepAuditRecord> TaskViews::audit(const Uuid& task_uuid, const Uuid& step_uuid) {
    const auto task_id = ids_.parse(RowKind::Task, task_uuid);
    const auto step_id = ids_.parse(RowKind::Step, step_uuid);
    if (!task_id || !step_id || task_id->created_ms != step_id->created_ms) return {};
    const auto task = row(task_id->id);
    if (!task || task->created_ms != task_id->created_ms) return {};
    const TaskView about = view(*task, false);
    const auto step_name = name_of_step(*task, step_id->id);
    if (!step_name) return {};
    Statement select = connection_.prepare(
        "SELECT a.event, a.number, a.from_state, a.to_state, a.claimed_ms, a.recorded_ms, a.execution_ms, "
        "w.name, a.note, "
        "a.envelope, a.attempt_id, a.actor FROM attempt a LEFT JOIN worker w USING(worker_id) "
        "WHERE a.attempt_id BETWEEN ? AND ? ORDER BY a.attempt_id");
    std::vector<StepAuditRecord> records;
    for (auto rows = select.query(first_attempt_id(step_id->id), last_attempt_id(step_id->id));
         rows.next();) {
        StepAuditRecord record;
        record.sequence = rows.integer(10) - first_attempt_id(step_id->id);
        record.task_uuid = task_uuid;
        record.step_uuid = step_uuid;
        record.step_name = *step_name;
        const auto event = static_cast<AttemptEvent>(rows.integer(0));
        record.event = name(event);
        record.success = event == AttemptEvent::Succeeded || event == AttemptEvent::CompletedManually;
        record.attempt = static_cast<int>(rows.integer(1));
        record.from_state = name(static_cast<StepState>(rows.integer(2)));
        record.to_state = name(static_cast<StepState>(rows.integer(3)));
        record.claimed_ms = rows.integer(4);
        record.recorded_ms = rows.integer(5);
        record.execution_time_ms = rows.integer(6);
        record.worker_id = rows.text(7);
        record.correlation_id = about.correlation_id.str();
        record.result_json = rows.text(9);
        record.actor = rows.text(11);
        (record.actor.empty() ? record.error_message : record.note) = rows.text(8);
        if (!rows.is_null(9) && !record.success) {
            const EnvelopeSummary summary = summarise_envelope(rows.text(9));
            record.error_type = summary.error_type;
            record.error_message = summary.error_message;
        }
        records.push_back(std::move(record));
    }
    return records;
}

// Nothing when the step is not one of the task.
std::optional<std::string> TaskViews::name_of_step(const Row& task, std::int64_t step_id) {
    Statement place = connection_.prepare("SELECT idx FROM step WHERE step_id = ? AND task_id = ?");
    auto rows = place.query(step_id, task.id);
    if (!rows.next()) return std::nullopt;
    const auto index = static_cast<std::size_t>(rows.integer(0));
    const auto definition = pinned_.definition(connection_, task.template_id);
    const auto graph = graph_of(connection_, task.id, task.first_step, *definition);
    if (index >= (graph ? graph->size() : definition->steps.size())) return std::nullopt;
    return graph ? graph->name(index, *definition) : definition->steps[index].name;
}

TaskPage TaskViews::list(const TaskFilter& filter) {
    TaskPage page;
    page.page = std::max(filter.page, 1);
    page.per_page = std::clamp(filter.per_page, 1, kMaxPerPage);
    std::string where = " FROM task t";
    const bool document = filter.initiator || filter.source_system;
    if (document) where += " JOIN task_doc d USING(task_id)";
    where += " WHERE (?1 IS NULL OR t.template_id IN (SELECT template_id FROM template WHERE ns = ?1))";
    std::optional<std::int64_t> state;
    if (filter.state) state = static_cast<std::int64_t>(*filter.state);
    where += " AND (?2 IS NULL OR t.state = ?2)";
    // Spelled like the partial index, so that a few open tasks among millions are found by it.
    if (filter.only_open || (filter.state && !is_terminal(*filter.state))) where += " AND t.state < 8";
    if (document)
        where += " AND (?3 IS NULL OR d.initiator = ?3) AND (?4 IS NULL OR d.source_system = ?4)";
    else
        where += " AND ?3 IS NULL AND ?4 IS NULL";
    const std::int64_t offset = std::int64_t{page.page - 1} * page.per_page;
    std::vector<std::int64_t> ids;
    {
        Statement select =
            connection_.prepare("SELECT t.task_id" + where + " ORDER BY t.task_id DESC LIMIT ?5 OFFSET ?6");
        auto rows = select.query(filter.namespace_name, state, filter.initiator, filter.source_system,
                                 std::int64_t{page.per_page}, offset);
        while (rows.next()) ids.push_back(rows.integer(0));
    }
    {
        Statement count = connection_.prepare("SELECT count(*) FROM (SELECT 1" + where + " LIMIT ?5)");
        auto rows =
            count.query(filter.namespace_name, state, filter.initiator, filter.source_system, kMaxCounted);
        if (rows.next()) page.total = rows.integer(0);
    }
    for (const std::int64_t id : ids) {
        if (const auto found = row(id)) page.tasks.push_back(view(*found, false));
    }
    return page;
}

std::optional<Uuid> TaskViews::find_identity(std::string_view identity) {
    Statement select = connection_.prepare(
        "SELECT t.task_id, t.created_ms FROM task_identity i JOIN task t USING(task_id) "
        "WHERE i.prefix = ?1 AND t.identity = ?2 "
        "UNION ALL SELECT task_id, created_ms FROM task WHERE task_id > "  // not in the index yet
        "coalesce((SELECT v FROM meta WHERE k = 'identities_upto'), 0) "
        "AND identity_prefix = ?1 AND identity = ?2 "
        "UNION ALL SELECT p.task_id, p.created_ms FROM task_identity i JOIN pruned_identity p USING(task_id) "
        "WHERE i.prefix = ?1 AND p.identity = ?2 "
        "UNION ALL SELECT task_id, created_ms FROM pruned_identity WHERE task_id > "
        "coalesce((SELECT v FROM meta WHERE k = 'identities_upto'), 0) "
        "AND identity_prefix = ?1 AND identity = ?2 LIMIT 1");
    auto rows = select.query(identity_prefix(identity), Blob{identity});
    if (!rows.next()) return std::nullopt;
    return ids_.make(RowKind::Task, rows.integer(1), rows.integer(0));
}

void TaskViews::count(StoreInfo& info) {
    info.schema_version = static_cast<int>(connection_.integer("PRAGMA user_version"));
    info.tasks = connection_.integer("SELECT count(*) FROM task");
    info.open_tasks = connection_.integer("SELECT count(*) FROM task WHERE state < 8");
    info.steps = connection_.integer("SELECT count(*) FROM step");
    info.templates = connection_.integer("SELECT count(*) FROM template");
    info.ready_steps = connection_.integer("SELECT count(*) FROM step WHERE state = 1");
    info.running_steps = connection_.integer("SELECT count(*) FROM step WHERE state = 2");
    info.waiting_steps =
        connection_.integer("SELECT count(*) FROM step WHERE state = 5 AND due_ms IS NOT NULL");
    const std::int64_t oldest = connection_.integer("SELECT min(ready_seq) FROM step WHERE state = 1");
    if (oldest > 0)
        info.oldest_ready_ms = std::max<std::int64_t>(0, clock_.unix_ms() - oldest / kReadySeqPerMs);
}

std::vector<QueueDepth> TaskViews::queues() {
    // A lane at a time, from the index of what is ready alone.
    Statement select = connection_.prepare(
        "SELECT ns, sum(n), min(oldest) FROM (SELECT lane, count(*) AS n, min(ready_seq) AS oldest FROM step "
        "WHERE state = 1 GROUP BY lane) JOIN lane ON lane_id = lane GROUP BY ns ORDER BY 2 DESC, 1");
    std::vector<QueueDepth> out;
    auto rows = select.query();
    while (rows.next()) {
        const std::int64_t since_ms = rows.integer(2) / kReadySeqPerMs;
        out.push_back({std::string(rows.text(0)), rows.integer(1),
                       std::max<std::int64_t>(0, clock_.unix_ms() - since_ms)});
    }
    return out;
}

}  // namespace tasker::host
