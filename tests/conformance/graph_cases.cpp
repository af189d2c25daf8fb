// Cases 1-13: the graph and readiness.

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "tests/conformance/runtime_suite.hpp"

namespace tasker::host::conformance {

namespace {
using Names = std::vector<std::string>;

std::ptrdiff_t position(const Names& order, const std::string& name) {
    return std::find(order.begin(), order.end(), name) - order.begin();
}
}  // namespace

TEST_CASE("S1: four steps in a row run in order, each once, and the task completes") {
    World world({linear4()});
    const Uuid task = world.submit("linear");
    CHECK(world.run_to_end(task) == Names{"a", "b", "c", "d"});
    const TaskView view = world.task(task);
    CHECK(view.state == TaskState::Complete);
    CHECK(view.completed_ms.has_value());
    CHECK(view.completed_steps == 4);
    REQUIRE(view.steps.size() == 4);
    for (const StepView& step : view.steps) {
        CHECK(step.state == StepState::Complete);
        CHECK(step.attempts == 1);
        CHECK(step.processed_ms.has_value());
    }
}

TEST_CASE("S3: the join of a diamond is enqueued only after its second parent") {
    World world({diamond()});
    const Uuid task = world.submit("diamond");
    world.pass("a");
    world.pass("b");
    const StepEvent c = world.take("c");
    CHECK(world.not_offered("d"));
    const StepView join = world.step(task, "d");
    CHECK(join.state == StepState::Pending);
    CHECK(join.total_parents == 2);
    CHECK(join.completed_parents == 1);
    CHECK_FALSE(join.dependencies_satisfied);
    CHECK_FALSE(join.ready_for_execution);
    world.succeed(c);
    world.pass("d");
    CHECK(world.state(task) == TaskState::Complete);
}

TEST_CASE("S3: a join whose parents are answered at the same time is claimed once") {
    World world({diamond()});
    constexpr int kTasks = 60;
    std::vector<Uuid> tasks;
    for (int i = 0; i < kTasks; ++i) tasks.push_back(world.submit("diamond"));
    for (int i = 0; i < kTasks; ++i) world.pass("a");
    // Nobody waits between the answers, so that parents land in one transaction of whoever batches them.
    for (const StepEvent& event : world.take_all(2 * kTasks)) {
        world.runtime().complete_step_event(event.event_id, success(event));
    }
    std::map<std::string, int> joins;
    for (const StepEvent& event : world.take_all(kTasks)) {
        CHECK(step_name(event) == "d");
        ++joins[event.task_uuid.str()];
        world.succeed(event);
    }
    CHECK(joins.size() == kTasks);
    CHECK(world.quiet());
    for (const Uuid& task : tasks) {
        CHECK(world.state(task) == TaskState::Complete);
        CHECK(world.step(task, "d").attempts == 1);
    }
}

TEST_CASE("S4: the same answer twice counts once and unlocks its children once") {
    World world({diamond()});
    const Uuid task = world.submit("diamond");
    world.pass("a");
    const StepEvent b = world.take("b");
    const StepEvent c = world.take("c");
    world.runtime().complete_step_event(b.event_id, success(b, R"({"run":1})"));
    CHECK(world.answer(b, success(b, R"({"run":2})")) == CompletionVerdict::AlreadyRecorded);
    CHECK(world.not_offered("d"));
    CHECK(world.step(task, "d").completed_parents == 1);
    CHECK(world.step(task, "b").results_json.find(R"("run":1)") != std::string::npos);
    world.succeed(c);
    world.pass("d");
    CHECK(world.state(task) == TaskState::Complete);
}

TEST_CASE("S5: a step with parents at depths one and three runs after the deepest") {
    World world({graph(
        "mixed",
        {{"root"}, {"left", {"root"}}, {"mid", {"root"}}, {"deep", {"mid"}}, {"join", {"left", "deep"}}})});
    const Uuid task = world.submit("mixed");
    world.pass("root");
    world.pass("left");
    CHECK(world.not_offered("join"));
    world.pass("mid");
    CHECK(world.not_offered("join"));
    world.pass("deep");
    world.pass("join");
    CHECK(world.state(task) == TaskState::Complete);
}

TEST_CASE("S5: a tree runs every step after its parent") {
    World world({graph(
        "tree",
        {{"r"}, {"l", {"r"}}, {"m", {"r"}}, {"l1", {"l"}}, {"l2", {"l"}}, {"m1", {"m"}}, {"m2", {"m"}}})});
    const Names order = world.run_to_end(world.submit("tree"));
    CHECK(order.size() == 7);
    CHECK(position(order, "r") == 0);
    for (const auto* child : {"l1", "l2"}) CHECK(position(order, child) > position(order, "l"));
    for (const auto* child : {"m1", "m2"}) CHECK(position(order, child) > position(order, "m"));
}

TEST_CASE("S6: one step without dependencies completes its task after one claim") {
    World world({graph("single", {{"only"}})});
    const Uuid task = world.submit("single");
    world.pass("only");
    CHECK(world.state(task) == TaskState::Complete);
    CHECK(world.task(task).total_steps == 1);
    CHECK(world.quiet());
}

TEST_CASE("S7: two roots are both enqueued by the submission itself") {
    World world({graph("roots", {{"x"}, {"y"}, {"z", {"x", "y"}}})}, {.capacity = capacity(0)});
    const Uuid task = world.submit("roots");
    CHECK(world.step(task, "x").state == StepState::Enqueued);
    CHECK(world.step(task, "y").state == StepState::Enqueued);
    CHECK(world.step(task, "z").state == StepState::Pending);
    CHECK(world.state(task) == TaskState::StepsInProcess);
    CHECK(world.task(task).enqueued_steps == 2);
}

TEST_CASE("S8: the first attempt runs even when the step is not retryable") {
    World world({graph("once", {{"only", {}, R"({"retryable":false,"max_attempts":3})"}})});
    const Uuid task = world.submit("once");
    world.pass("only");
    CHECK(world.state(task) == TaskState::Complete);
}

TEST_CASE("S9: a step with one attempt fails for good at its first failure") {
    World world({graph("one", {{"only", {}, attempts(1)}})});
    const Uuid task = world.submit("one");
    world.fail(world.take("only"));
    CHECK(world.step(task, "only").state == StepState::Error);
    CHECK(world.step(task, "only").attempts == 1);
    CHECK(world.state(task) == TaskState::BlockedByFailures);
}

TEST_CASE("S10: a step with no attempts at all still runs once") {
    World world({graph("zero", {{"only", {}, attempts(0)}})});
    const Uuid task = world.submit("zero");
    world.fail(world.take("only"));
    CHECK(world.step(task, "only").state == StepState::Error);
    CHECK(world.step(task, "only").attempts == 1);
    world.advance(60'000);
    CHECK(world.quiet());
}

TEST_CASE("S12: a thousand independent steps all run and the task is 100 percent complete") {
    std::vector<Step> steps;
    for (int i = 0; i < 1000; ++i) steps.push_back({"step_" + std::to_string(i)});
    World world({graph("wide", steps)}, {.capacity = capacity(64)});
    const Uuid task = world.submit("wide");
    Names names;
    while (names.size() < 1000) {
        const StepEvent event = world.take_any();
        names.emplace_back(step_name(event));
        world.runtime().complete_step_event(event.event_id, success(event));
    }
    std::sort(names.begin(), names.end());
    CHECK(std::adjacent_find(names.begin(), names.end()) == names.end());
    CHECK(world.quiet());
    const TaskView view = world.task(task);
    CHECK(view.state == TaskState::Complete);
    CHECK(view.completed_steps == 1000);
    CHECK(view.total_steps == 1000);
}

TEST_CASE("S: a step gets the results of all its ancestors, not only of its parents") {
    World world({linear4()});
    const Uuid task = world.submit("linear");
    world.succeed(world.take("a"), R"({"from":"a"})");
    world.succeed(world.take("b"), R"({"from":"b"})");
    const StepEvent c = world.take("c");
    const auto& results = c.task_sequence_step.dependency_results;
    REQUIRE(results.size() == 2);
    CHECK(results[0].step_name == "a");
    CHECK(results[0].envelope_json->find(R"("from":"a")") != std::string::npos);
    CHECK(results[1].step_name == "b");
    CHECK(results[1].envelope_json->find(R"("from":"b")") != std::string::npos);
    CHECK(c.task_uuid == task);
}

TEST_CASE("S: a handler sees attempts 0 on its first run and 1 on its second") {
    World world({graph("twice", {{"only"}})});
    const Uuid task = world.submit("twice");
    const StepEvent first = world.take("only");
    CHECK(first.task_sequence_step.workflow_step.attempts == 0);
    CHECK(first.task_sequence_step.workflow_step.previous_result == nullptr);
    CHECK(first.first_delivery);
    world.fail(first);
    world.advance(world.delay_of(task, "only"));
    const StepEvent second = world.take("only");
    CHECK(second.task_sequence_step.workflow_step.attempts == 1);
    REQUIRE(second.task_sequence_step.workflow_step.previous_result != nullptr);
    CHECK(second.task_sequence_step.workflow_step.previous_result->find("it did not work") !=
          std::string::npos);
    CHECK(second.step_uuid == first.step_uuid);
    CHECK(second.event_id != first.event_id);
}

}  // namespace tasker::host::conformance
