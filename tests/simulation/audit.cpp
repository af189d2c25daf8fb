// The model against the rows of the store. What only the store knows after a death becomes a fact here.

#include <algorithm>
#include <string>

#include "host/engine/attempt_event.hpp"
#include "host/model/expansion.hpp"
#include "host/model/states.hpp"
#include "tests/simulation/model.hpp"

namespace tasker::host::simulation {

namespace {
void require(bool holds, const std::string& what, const char* rule) {
    if (!holds) throw Violation("store, " + what + ": " + rule);
}

bool counts_as_attempt(AttemptEvent event) {
    return event == AttemptEvent::Succeeded || event == AttemptEvent::Failed ||
           event == AttemptEvent::TimedOut || event == AttemptEvent::NoHandler;
}

bool is_order(AttemptEvent event) {
    return event == AttemptEvent::ResetForRetry || event == AttemptEvent::ResolvedManually ||
           event == AttemptEvent::CompletedManually;
}

bool is_done(StepState state) { return state == StepState::Complete || state == StepState::ResolvedManually; }
}  // namespace

void Model::audit(const StoreFacts& facts, bool settled) {
    std::vector<bool> present(tasks_.size(), false);
    for (const TaskRow& row : facts.tasks) {
        const std::string what = "task row " + std::to_string(row.id);
        require(row.token > 0 && row.token <= static_cast<std::int64_t>(tasks_.size()), what,
                "the context is of no submission");
        const auto index = static_cast<std::size_t>(row.token - 1);
        require(!present[index], what, "two tasks of one submission");
        present[index] = true;
        audit_task(facts, row, settled);
    }
    for (std::size_t i = 0; i < tasks_.size(); ++i) {
        if (present[i]) continue;
        const std::string what = "submission " + std::to_string(tasks_[i].token);
        require(tasks_[i].known != Task::Known::Exists, what, "an accepted task is lost");
        if (settled) tasks_[i].known = Task::Known::Refused;
    }
    if (!settled) return;
    for (Answer& answer : answers_) {
        if (answer.state == Answer::State::Unknown) answer.state = Answer::State::Lost;
    }
}

void Model::audit_task(const StoreFacts& facts, const TaskRow& row, bool settled) {
    Task& task = tasks_[static_cast<std::size_t>(row.token - 1)];
    const std::string what = "task " + std::to_string(row.token);
    require(task.known != Task::Known::Refused, what, "a refused submission made a task");
    require(!task.uuid || *task.uuid == row.uuid, what, "another UUID than was told");
    task.known = Task::Known::Exists;
    task.uuid = row.uuid;
    const auto state = static_cast<TaskState>(row.state);
    if (settled && task.cancel_open) {
        task.cancelled = state == TaskState::Cancelled;
        task.cancel_open = false;
    }
    require(task.cancelled || task.cancel_open || state != TaskState::Cancelled, what, "nobody cancelled it");
    require(!task.cancelled || state == TaskState::Cancelled, what, "cancelled, and not so in the store");
    const auto found = facts.steps.find(row.id);
    require(found != facts.steps.end(), what, "it has no steps");
    require(task.grows || found->second.size() == task.steps.size(), what,
            "it does not have the steps of its template");
    const auto initial = initial_steps(*task.definition);
    for (std::size_t i = 0; i < found->second.size(); ++i) {
        const StepRow& step = found->second[i];
        require(step.index == static_cast<std::int64_t>(i), what, "steps out of order");
        require(step.made_from || i < initial.size(), what, "a step that nobody made");
        const std::size_t of = step.made_from ? static_cast<std::size_t>(*step.made_from) : initial[i];
        const bool worker = task.definition->steps[of].type == StepType::BatchWorker;
        audit_step(facts, task, worker ? worker_of(task, step.made_name, what) : of, step, settled);
    }
    if (settled && task.grows) audit_growth(task, found->second);
    if (settled) audit_graph(task, row, found->second);
}

void Model::audit_step(const StoreFacts& facts, Task& task, std::size_t index, const StepRow& row,
                       bool settled) {
    Step& step = task.steps[index];
    const std::string what = "step " + std::to_string(index) + " of task " + std::to_string(task.token);
    require(row.fence >= step.fence, what, "its fence went back");
    require(row.losses >= step.losses, what, "lost attempts were forgotten");
    step.fence = row.fence;
    step.losses = row.losses;
    if (settled) audit_attempts(facts, task, index, row);
    const auto state = static_cast<StepState>(row.state);
    require(!step.done || is_done(state), what, "its success was told, but it is not complete");
    require(!step.failed || state == StepState::Error || step.ordered || state == StepState::Cancelled, what,
            "it failed for good, but does not say so");
}

// Every recorded result has one row and every row of a result is one that was given.
void Model::audit_attempts(const StoreFacts& facts, Task& task, std::size_t index, const StepRow& row) {
    Step& step = task.steps[index];
    const std::string what = "step " + std::to_string(index) + " of task " + std::to_string(task.token);
    std::int64_t charged = 0, successes = 0, recorded = 0;
    std::size_t orders = 0;
    const auto found = facts.attempts.find(row.id);
    const auto none = std::vector<AttemptRow>{};
    for (const AttemptRow& attempt : found == facts.attempts.end() ? none : found->second) {
        const auto event = static_cast<AttemptEvent>(attempt.event);
        require(event != AttemptEvent::SetAside, what, "a sound task was set aside");
        require(event != AttemptEvent::NoHandler || limits_.gives_up_unserved, what,
                "failed for want of a handler");
        charged += counts_as_attempt(event) ? 1 : 0;
        if (is_order(event)) {
            if (event == AttemptEvent::ResetForRetry) charged = 0;
            if (++orders <= step.orders) continue;
            require(step.ordered.has_value(), what, "changed by hand, and nobody did");
            carry_out(task, step, *step.ordered);
        }
        if (event != AttemptEvent::Succeeded && event != AttemptEvent::Failed) continue;
        const std::int64_t token = attempt.execution_ms.value_or(0);
        require(token > 0 && token <= static_cast<std::int64_t>(answers_.size()), what,
                "a result that nobody gave");
        Answer& answer = answers_[static_cast<std::size_t>(token - 1)];
        const Hold& hold = holds_[answer.hold];
        require(&step_of(hold) == &step, what, "the result of another step");
        if (answer.success != (event == AttemptEvent::Succeeded))
            throw Violation("store, " + what + ": result " + std::to_string(token) + " was a " +
                            (answer.success ? "success" : "failure") + " and is recorded as " +
                            std::string(name(event)));
        require(answer.state != Answer::State::Refused && answer.state != Answer::State::Repeated, what,
                "a result was refused and recorded all the same");
        require(answer.state != Answer::State::Lost, what, "a result came back from a life that is over");
        require(answer.state != Answer::State::Waiting, what, "a result was recorded and not answered");
        if (answer.state == Answer::State::Unknown) record(answer);
        successes += answer.success ? 1 : 0;
        ++recorded;
    }
    step.ordered.reset();
    require(orders == step.orders, what, "an operator's action is lost");
    std::int64_t told = 0;
    for (const std::size_t hold : step.holds) told += holds_[hold].recorded ? 1 : 0;
    require(recorded == told, what, "a recorded result is not in the store, or is there twice");
    require(successes == (step.done && !step.by_hand ? 1 : 0), what, "it does not have exactly one success");
    require(charged >= step.charged, what, "attempts that count are not in the store");
    step.charged = charged;
    const auto state = static_cast<StepState>(row.state);
    const std::int64_t running = state == StepState::InProgress ? 1 : 0;
    // It ran when it was taken away.
    const std::int64_t spare = state == StepState::Cancelled || step.by_hand ? 1 : 0;
    require(row.attempts >= charged + running && row.attempts <= charged + running + spare, what,
            "attempts are counted wrong");
    if (state == StepState::Error && !step.failed) {
        step.failed = true;  // a time-out, or nobody served it: the store alone knows after a death
        freeze(task);
    }
}

void Model::audit_graph(const Task& task, const TaskRow& row, const std::vector<StepRow>& steps) const {
    bool blocked = false, all_done = true;
    for (const StepRow& step : steps) {
        const auto state = static_cast<StepState>(step.state);
        blocked = blocked || state == StepState::Error;
        all_done = all_done && is_done(state);
    }
    const std::string of_task = "task " + std::to_string(task.token);
    const auto state = static_cast<TaskState>(row.state);
    if (state == TaskState::Cancelled) return;
    require(state != TaskState::Error || limits_.gives_up_stale, of_task, "given up, and it was not stale");
    if (state == TaskState::Error || task.grows) return;
    require((state == TaskState::Complete) == all_done, of_task, "complete, or not, against its steps");
    require((state == TaskState::BlockedByFailures) == blocked, of_task,
            "blocked, or not, against its steps");
    for (std::size_t i = 0; i < steps.size(); ++i) {
        const std::string what = "step " + std::to_string(i) + " of " + of_task;
        bool ready = true;
        for (const std::size_t parent : task.definition->steps[i].dependency_ids)
            ready = ready && is_done(static_cast<StepState>(steps[parent].state));
        const auto own = static_cast<StepState>(steps[i].state);
        require(ready || own == StepState::Pending || task.steps[i].by_hand, what,
                "it started before a step it depends on");
        require(!ready || own != StepState::Pending || blocked, what, "ready, and never promoted: lost");
        require(own != StepState::WaitingForRetry || steps[i].due_ms || blocked, what,
                "its retry has no time: lost");
    }
}

}  // namespace tasker::host::simulation
