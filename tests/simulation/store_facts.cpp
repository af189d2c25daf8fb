#include "tests/simulation/store_facts.hpp"

#include "host/engine/attempt_event.hpp"
#include "host/engine/row_uuid.hpp"
#include "host/engine/store_file.hpp"
#include "host/model/states.hpp"
#include "tests/simulation/model.hpp"

namespace tasker::host::simulation {

StoreFacts read_store(const std::filesystem::path& store) {
    StoreFacts facts;
    SqlConnection reader = open_reader(store);
    reader.exec("BEGIN");
    const RowUuid ids(static_cast<std::uint64_t>(reader.integer("SELECT v FROM meta WHERE k = 'salt'")));
    Statement tasks = reader.prepare(
        "SELECT task_id, state, first_step, created_ms, context FROM task JOIN task_doc USING(task_id) "
        "ORDER BY task_id");
    for (auto rows = tasks.query(); rows.next();) {
        const TaskRow row{rows.integer(0), rows.integer(1), rows.integer(2), token_in(rows.text(4)),
                          ids.make(RowKind::Task, rows.integer(3), rows.integer(0))};
        if (!is_terminal(static_cast<TaskState>(row.state))) ++facts.open_tasks;
        facts.tasks.push_back(row);
    }
    Statement steps = reader.prepare(
        "SELECT s.step_id, s.task_id, s.idx, state, parents_left, attempts, fence, losses, due_ms, "
        "template_idx, "
        "coalesce(name, '') FROM step s LEFT JOIN made_step m USING(step_id) ORDER BY s.step_id");
    for (auto rows = steps.query(); rows.next();) {
        const StepRow row{rows.integer(0),       rows.integer(1),           rows.integer(2),
                          rows.integer(3),       rows.integer(4),           rows.integer(5),
                          rows.integer(6),       rows.integer(7),           rows.maybe_integer(8),
                          rows.maybe_integer(9), std::string(rows.text(10))};
        const auto state = static_cast<StepState>(row.state);
        facts.running += state == StepState::InProgress ? 1 : 0;
        facts.ready += state == StepState::Enqueued ? 1 : 0;
        facts.waiting += state == StepState::WaitingForRetry && row.due_ms ? 1 : 0;
        ++facts.all_steps;
        facts.steps[row.task_id].push_back(row);
    }
    Statement attempts =
        reader.prepare("SELECT attempt_id, event, number, execution_ms FROM attempt ORDER BY attempt_id");
    for (auto rows = attempts.query(); rows.next();) {
        const std::int64_t id = rows.integer(0);
        const std::int64_t step = id >> kFenceBits;
        facts.attempts[step].push_back(
            {step, id - (step << kFenceBits), rows.integer(1), rows.integer(2), rows.maybe_integer(3)});
    }
    return facts;
}

}  // namespace tasker::host::simulation
