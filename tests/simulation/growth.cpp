// Tasks that get steps while they run: a step is there if and only if the recorded outcome of its maker says so, once, and
// what comes together waits for all of them.

#include <algorithm>
#include <set>

#include "host/model/expansion.hpp"
#include "host/model/wire.hpp"
#include "tests/simulation/model.hpp"

namespace tasker::host::simulation {

namespace {
void require(bool holds, const std::string& what, const char* rule) {
    if (!holds) throw Violation(what + ": " + rule);
}
}  // namespace

std::size_t Model::worker_of(Task& task, const std::string& name, const std::string& what) {
    if (const auto known = task.made.find(name); known != task.made.end()) return known->second;
    require(task.steps[task.maker].done, what, "a batch worker before its batch was cut");
    require(task.made.size() < task.workers, what, "more batch workers than batches");
    Step worker;
    worker.of = task.maker + 1;
    task.made.emplace(name, task.steps.size());
    task.steps.push_back(worker);
    return task.steps.size() - 1;
}

void Model::check_growth(const StepEvent& event, const Task& task, const std::string& what) const {
    const TaskSequenceStep& sequence = event.task_sequence_step;
    const StepTemplate& definition = task.definition->steps[sequence.step_index];
    if (sequence.step_index <= task.maker) return;
    require(task.steps[task.maker].done, what, "it began before its maker decided");
    if (definition.type == StepType::Standard) {
        require(std::ranges::find(task.branches, definition.name) != task.branches.end(), what,
                "a branch that was not taken");
        return;
    }
    if (definition.type != StepType::DeferredConvergence) return;
    for (const std::string& branch : task.branches) {
        const auto index = task.definition->find_step(branch);
        require(index && task.steps[*index].done, what, "it came together before all branches were done");
    }
    require(task.made.size() == task.workers, what, "it came together before all batch workers began");
    for (const auto& [name, index] : task.made)
        require(task.steps[index].done, what, "it came together before all batch workers were done");
}

void Model::check_given(const StepEvent& event, Task& task, const std::string& what) {
    const auto& given = event.task_sequence_step.dependency_results;
    for (const DependencyResult& result : given) {
        const auto made = task.made.find(result.step_name);
        const auto index = task.definition->find_step(result.step_name);
        require(made != task.made.end() || index, what, "given the result of a step that is not there");
        const Step& parent = task.steps[made != task.made.end() ? made->second : *index];
        require(parent.done && token_in(envelope_result(*result.envelope_json)) == parent.result, what,
                "given a result that was not recorded");
    }
    const StepTemplate& definition = task.definition->steps[event.task_sequence_step.step_index];
    if (definition.type != StepType::DeferredConvergence) return;
    for (const std::string& branch : task.branches) {
        require(std::ranges::find(given, branch, &DependencyResult::step_name) != given.end(), what,
                "the result of a branch is missing");
    }
    for (const auto& [name, index] : task.made) {
        require(std::ranges::find(given, name, &DependencyResult::step_name) != given.end(), what,
                "the result of a batch worker is missing");
    }
}

void Model::audit_growth(const Task& task, const std::vector<StepRow>& rows) const {
    const std::string what = "store, task " + std::to_string(task.token);
    std::multiset<std::string> branches;
    std::set<std::string> workers;
    for (const StepRow& row : rows) {
        if (!row.made_from) continue;
        const StepTemplate& definition = task.definition->steps[static_cast<std::size_t>(*row.made_from)];
        if (definition.type == StepType::Standard) branches.insert(definition.name);
        if (definition.type == StepType::BatchWorker)
            require(workers.insert(row.made_name).second, what, "two batch workers of one name");
    }
    const bool decided = task.steps[task.maker].done;
    const std::multiset<std::string> expected(task.branches.begin(), task.branches.end());
    require(branches == (decided ? expected : std::multiset<std::string>{}), what,
            "its branches are not those that were decided");
    require(workers.size() == (decided ? task.workers : 0), what,
            "its batch workers are not those that were cut");
}

}  // namespace tasker::host::simulation
