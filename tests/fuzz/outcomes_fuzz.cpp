// The result of a decision or batchable step, any JSON, against a template with both: refused with a reason that names the
// step, or an expansion of the task that keeps its promises.

#include <algorithm>
#include <set>

#include "host/core/json_text.hpp"
#include "host/model/expansion.hpp"
#include "host/model/outcomes.hpp"
#include "tests/fuzz/fuzz_input.hpp"

using namespace tasker::host;
using fuzzing::require;

namespace {
const TaskTemplate& definition() {
    static const TaskTemplate known = [] {
        const auto step = [](std::string name, std::string needs, std::string more) {
            return R"({"name":")" + name +
                   R"(","handler":{"callable":"c","initialization":{"worker_template_name":"work"}},"dependencies":[)" +
                   needs + "]" + more + "}";
        };
        return template_from_json(
            R"({"name":"t","namespace_name":"ns","version":"1.0.0","steps":[)" + step("start", "", "") + "," +
            step("route", R"("start")", R"(,"type":"decision")") + "," + step("left", R"("route")", "") +
            "," + step("right", R"("route")", "") + "," +
            step("deeper", R"("right")", R"(,"type":"decision")") + "," + step("leaf", R"("deeper")", "") +
            "," + step("meet", R"("left","right")", R"(,"type":"deferred_convergence")") + "," +
            step("cut", R"("start")",
                 R"(,"type":"batchable","batch_config":{"batch_size":10,"parallelism":2,"cursor_field":"id",)"
                 R"("worker_template":"work","failure_strategy":"fail_fast"})") +
            "," +
            step(
                "work", R"("cut")",
                R"(,"type":"batch_worker","batch_config":{"batch_size":10,"parallelism":2,"cursor_field":"id",)"
                R"("worker_template":"work","failure_strategy":"fail_fast"})") +
            "," + step("sum", R"("work")", R"(,"type":"deferred_convergence")") + "]}");
    }();
    return known;
}

struct Begun {
    std::vector<std::vector<std::uint32_t>> parents;
    std::vector<TaskStep> steps;
};

// The task as it is submitted, with `decided` done.
Begun begun(std::size_t decided) {
    const auto initial = initial_steps(definition());
    Begun task;
    task.parents.resize(initial.size());
    for (std::size_t i = 0; i < initial.size(); ++i) {
        const StepTemplate& step = definition().steps[initial[i]];
        for (const std::size_t parent : step.dependency_ids) {
            const auto at = std::ranges::find(initial, parent);
            if (at != initial.end())
                task.parents[i].push_back(static_cast<std::uint32_t>(at - initial.begin()));
        }
    }
    for (std::size_t i = 0; i < initial.size(); ++i) {
        const bool done = initial[i] == decided || initial[i] == 0;
        task.steps.push_back({initial[i], definition().steps[initial[i]].name, task.parents[i], !done, done});
    }
    return task;
}

void check_expansion(const Expansion& made, std::size_t before) {
    std::set<std::string> names;
    for (std::size_t i = 0; i < made.steps.size(); ++i) {
        const NewStep& step = made.steps[i];
        require(!step.name.empty() && names.insert(step.name).second, "each new step has a name of its own");
        require(step.template_index < definition().steps.size(), "a new step is one of the template");
        require(std::ranges::is_sorted(step.parents), "parents are in order");
        for (const std::uint32_t parent : step.parents)
            require(parent < before + made.steps.size() && parent != before + i,
                    "a parent is a step of the task");
        if (definition().steps[step.template_index].type == StepType::BatchWorker) {
            const std::string inputs =
                batch_inputs_json(definition().steps[step.template_index], step.cursor_json, step.no_op);
            require(!json_fault(inputs) && json_is_object(inputs), "a worker's inputs are an object");
        }
    }
    for (const NewEdge& edge : made.edges)
        require(edge.parent < before + made.steps.size() && edge.child < before,
                "an edge leads to a step that was there");
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    if (json_fault(text)) return 0;
    for (const std::size_t index : {std::size_t{0}, std::size_t{1}, std::size_t{4}, std::size_t{7}}) {
        const auto parsed = parse_outcome(definition(), index, text);
        if (const auto* invalid = std::get_if<InvalidOutcome>(&parsed)) {
            require(invalid->message.find(definition().steps[index].name) != std::string::npos,
                    "a refusal names the step");
            require(!json_fault(json_string(invalid->message)), "a refusal can be stored");
            continue;
        }
        const MakingOutcome& outcome = std::get<MakingOutcome>(parsed);
        require(index != 0 || std::holds_alternative<std::monostate>(outcome),
                "a standard step makes nothing");
        const Begun task = begun(index);
        const auto ordinal = std::ranges::find(task.steps, index, &TaskStep::template_index);
        if (ordinal == task.steps.end()) continue;
        const auto expanded =
            expand(definition(), task.steps, static_cast<std::size_t>(ordinal - task.steps.begin()), outcome);
        if (const auto* made = std::get_if<Expansion>(&expanded)) {
            check_expansion(*made, task.steps.size());
        } else {
            require(!std::get<InvalidOutcome>(expanded).message.empty(), "a refusal says what is wrong");
        }
    }
    return 0;
}
