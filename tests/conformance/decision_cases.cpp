// Cases 31-45: decision points and deferred convergence.

#include <algorithm>
#include <string>
#include <vector>

#include "tests/conformance/runtime_suite.hpp"

namespace tasker::host::conformance {

namespace {
using Names = std::vector<std::string>;

Names names_of(const TaskView& task) {
    Names names;
    for (const StepView& step : task.steps) names.push_back(step.name);
    std::ranges::sort(names);
    return names;
}

Names results_of(const StepEvent& event) {
    Names names;
    for (const DependencyResult& result : event.task_sequence_step.dependency_results)
        names.emplace_back(result.step_name);
    return names;
}
}  // namespace

TEST_CASE("S31: a decision that chooses one of three branches makes that one, the join waits for it alone") {
    World world({approval()});
    const Uuid task = world.submit("approval");
    CHECK(names_of(world.task(task)) == Names{"check", "route"});
    world.pass("check");
    world.succeed(world.take("route"), create_steps({"middle"}));
    CHECK(names_of(world.task(task)) == Names{"check", "join", "mail", "middle", "route"});
    CHECK(world.step(task, "join").total_parents == 1);
    CHECK(world.not_offered("join"));
    world.succeed(world.take("middle"), R"({"limit":500})");
    const StepEvent join = world.take("join");
    CHECK(results_of(join) == Names{"check", "middle", "route"});
    CHECK(world.not_offered("mail"));
    world.succeed(join);
    world.pass("mail");
    const TaskView view = world.task(task);
    CHECK(view.state == TaskState::Complete);
    CHECK(view.total_steps == 5);
    CHECK(view.completed_steps == 5);
    CHECK(world.quiet());
}

TEST_CASE("S32: a decision that chooses all three makes the join wait for three") {
    World world({approval()});
    const Uuid task = world.submit("approval");
    world.pass("check");
    world.succeed(world.take("route"), create_steps({"large", "small", "middle"}));
    CHECK(world.step(task, "join").total_parents == 3);
    world.pass("small");
    world.pass("large");
    CHECK(world.not_offered("join"));
    world.pass("middle");
    world.pass("join");
    world.pass("mail");
    CHECK(world.state(task) == TaskState::Complete);
}

TEST_CASE("S33: no branches: neither a branch nor the convergence is made, the task completes") {
    World world({approval()});
    const Uuid task = world.submit("approval");
    world.pass("check");
    world.succeed(world.take("route"), no_branches());
    CHECK(world.state(task) == TaskState::Complete);
    CHECK(names_of(world.task(task)) == Names{"check", "route"});
    CHECK(world.quiet());
}

TEST_CASE("S36: the same name twice makes one step") {
    World world({approval()});
    const Uuid task = world.submit("approval");
    world.pass("check");
    world.succeed(world.take("route"), create_steps({"small", "small"}));
    CHECK(world.task(task).total_steps == 5);
    CHECK(world.step(task, "join").total_parents == 1);
    CHECK(world.run_to_end(task) == Names{"small", "join", "mail"});
}

TEST_CASE("S39: a hundred names are made, a hundred and one are not") {
    std::vector<Step> steps{{"check"}, decision("route", {"check"})};
    Names names;
    for (int i = 0; i < 101; ++i) {
        names.push_back("branch_" + std::to_string(i));
        steps.push_back({names.back(), {"route"}});
    }
    World world({graph("wide", steps)}, {.capacity = capacity(2)});
    const Uuid refused = world.submit("wide");
    world.pass("check");
    const StepEvent route = world.take("route");
    static_cast<void>(world.answer(route, success(route, create_steps(names))));
    CHECK(world.task(refused).total_steps == 2);
    names.pop_back();
    const Uuid made = world.submit("wide");
    world.pass("check");
    world.succeed(world.take("route"), create_steps(names));
    CHECK(world.task(made).total_steps == 102);
}

// first -> near -> second -> (left | right), first -> other; both ways lead to the end.
TEST_CASE("S40: a nested decision is made with the branch that leads to it, and without") {
    const auto nested = graph("nested", {{"start"},
                                         decision("first", {"start"}),
                                         {"near", {"first"}},
                                         {"other", {"first"}},
                                         decision("second", {"near"}),
                                         {"left", {"second"}},
                                         {"right", {"second"}},
                                         convergence("end", {"other", "left", "right"})});
    World world({nested});
    SUBCASE("the branch leads to it") {
        const Uuid task = world.submit("nested");
        world.pass("start");
        world.succeed(world.take("first"), create_steps({"near"}));
        CHECK(world.not_offered("second"));
        world.pass("near");
        world.succeed(world.take("second"), create_steps({"left"}));
        world.pass("left");
        world.pass("end");
        CHECK(world.state(task) == TaskState::Complete);
        CHECK(names_of(world.task(task)) == Names{"end", "first", "left", "near", "second", "start"});
    }
    SUBCASE("the branch leads past it: it runs, fed by the first decision") {
        const Uuid task = world.submit("nested");
        world.pass("start");
        world.succeed(world.take("first"), create_steps({"other"}));
        const StepEvent second = world.take("second");
        CHECK(results_of(second) == Names{"first", "start"});
        CHECK(world.step(task, "second").total_parents == 1);
        world.succeed(second, no_branches());
        world.pass("other");
        world.pass("end");
        CHECK(world.state(task) == TaskState::Complete);
    }
}

TEST_CASE("S42: a convergence below a convergence is made in the same go") {
    World world({graph("chained", {{"start"},
                                   decision("route", {"start"}),
                                   {"a", {"route"}},
                                   {"b", {"route"}},
                                   // Before the first in the template: the order there must not matter.
                                   convergence("second", {"step_between", "first"}),
                                   {"step_between", {"first"}},
                                   convergence("first", {"a", "b"})})});
    const Uuid task = world.submit("chained");
    world.pass("start");
    world.succeed(world.take("route"), create_steps({"a"}));
    CHECK(names_of(world.task(task)) == Names{"a", "first", "route", "second", "start", "step_between"});
    CHECK(world.run_to_end(task) == Names{"a", "first", "step_between", "second"});
}

TEST_CASE("S43: a decision that fails twice makes its branches once") {
    World world({approval()});
    const Uuid task = world.submit("approval");
    world.pass("check");
    for (int i = 0; i < 2; ++i) {
        world.fail(world.take("route"));
        CHECK(world.task(task).total_steps == 2);
        world.advance(world.delay_of(task, "route"));
    }
    const StepEvent third = world.take("route");
    CHECK(third.task_sequence_step.workflow_step.attempts == 2);
    world.succeed(third, create_steps({"small"}));
    CHECK(world.answer(third, success(third, create_steps({"large"}))) == CompletionVerdict::AlreadyRecorded);
    CHECK(world.task(task).total_steps == 5);
    CHECK(world.run_to_end(task) == Names{"small", "join", "mail"});
}

TEST_CASE("S45: a decision into a batchable branch makes the batchable step and not its worker") {
    World world({graph("into_batch", {{"start"},
                                      decision("route", {"start"}),
                                      {"plain", {"route"}},
                                      batchable("cut", "work_on", {"route"}),
                                      batch_worker("work_on", {"cut"}),
                                      convergence("sum", {"work_on"}),
                                      convergence("end", {"plain", "sum"})})});
    const Uuid task = world.submit("into_batch");
    world.pass("start");
    world.succeed(world.take("route"), create_steps({"cut"}));
    CHECK(names_of(world.task(task)) == Names{"cut", "route", "start"});
    world.succeed(world.take("cut"), create_batches("work_on", {"1", "2"}));
    CHECK(names_of(world.task(task)) ==
          Names{"cut", "end", "route", "start", "sum", "work_on_1", "work_on_2"});
    world.pass("work_on_1");
    CHECK(world.not_offered("sum"));
    world.pass("work_on_2");
    world.pass("sum");
    world.pass("end");
    CHECK(world.state(task) == TaskState::Complete);
}

TEST_CASE("S: with both branches chosen, what joins them waits for the batches too") {
    World world({graph("both", {{"start"},
                                decision("route", {"start"}),
                                {"plain", {"route"}},
                                batchable("cut", "work_on", {"route"}),
                                batch_worker("work_on", {"cut"}),
                                convergence("sum", {"work_on"}),
                                convergence("end", {"plain", "sum"})})});
    const Uuid task = world.submit("both");
    world.pass("start");
    world.succeed(world.take("route"), create_steps({"plain", "cut"}));
    const StepEvent cut = world.take("cut");
    world.pass("plain");
    CHECK(world.not_offered("end"));
    world.succeed(cut, create_batches("work_on", {"1"}));
    CHECK(world.not_offered("end"));
    world.pass("work_on_1");
    world.pass("sum");
    world.pass("end");
    CHECK(world.state(task) == TaskState::Complete);
}

}  // namespace tasker::host::conformance
