// Cases 69-72: cancelling a task.

#include <algorithm>
#include <vector>

#include "tests/conformance/runtime_suite.hpp"
#include "tests/support/eventually.hpp"

namespace tasker::host::conformance {

using namespace std::chrono_literals;

TEST_CASE("S69: cancelling a task whose step runs refuses the step's answer") {
    World world({linear4()});
    const Uuid task = world.submit("linear");
    const StepEvent running = world.take("a");
    CHECK_FALSE(world.client().cancel(task).has_value());
    CHECK(world.state(task) == TaskState::Cancelled);
    CHECK(world.step(task, "a").state == StepState::Cancelled);
    CHECK(world.step(task, "d").state == StepState::Cancelled);
    CHECK(world.answer(running, success(running)) == CompletionVerdict::Superseded);
    CHECK(world.step(task, "a").state == StepState::Cancelled);
    CHECK(world.step(task, "a").results_json.empty());
    CHECK(world.quiet());
}

TEST_CASE("S69: the running step is told that its claim is gone") {
    World world({linear4()});
    const Uuid task = world.submit("linear");
    const StepEvent running = world.take("a");
    static_cast<void>(world.client().cancel(task));
    std::vector<Revocation> revocations;
    CHECK(testing::eventually(10s, [&] {
        for (const Revocation& revocation : world.runtime().take_revocations())
            revocations.push_back(revocation);
        return !revocations.empty();
    }));
    REQUIRE(revocations.size() == 1);
    CHECK(revocations[0].event_id == running.event_id);
    CHECK(revocations[0].why == Revocation::Why::Cancelled);
    CHECK_FALSE(world.runtime().heartbeat(running.event_id));
    CHECK(world.runtime().take_revocations().empty());
}

TEST_CASE("S69: the slot of a cancelled step is free again") {
    World world({linear4()}, {.capacity = capacity(1)});
    const Uuid task = world.submit("linear");
    const StepEvent running = world.take("a");
    static_cast<void>(world.client().cancel(task));
    CHECK(world.answer(running, success(running)) == CompletionVerdict::Superseded);
    const Uuid next = world.submit("linear");
    CHECK(world.take("a").task_uuid == next);
}

TEST_CASE("S70: a task cannot be cancelled twice, nor when it is complete") {
    World world({linear4()});
    const Uuid cancelled = world.submit("linear");
    CHECK_FALSE(world.client().cancel(cancelled).has_value());
    auto refused = world.client().cancel(cancelled);
    REQUIRE(refused.has_value());
    CHECK(refused->why == Refusal::Invalid);
    const Uuid complete = world.submit("linear");
    // The cancelled task's first step may have been claimed before.
    while (world.state(complete) != TaskState::Complete) {
        const StepEvent event = world.take_any();
        static_cast<void>(world.answer(event, success(event)));
    }
    refused = world.client().cancel(complete);
    REQUIRE(refused.has_value());
    CHECK(refused->why == Refusal::Invalid);
    CHECK(world.state(complete) == TaskState::Complete);
}

TEST_CASE("S71: steps that are complete stay so when their task is cancelled") {
    World world({linear4()});
    const Uuid task = world.submit("linear");
    world.succeed(world.take("a"), R"({"kept":1})");
    static_cast<void>(world.take("b"));
    static_cast<void>(world.client().cancel(task));
    const TaskView view = world.task(task);
    CHECK(view.state == TaskState::Cancelled);
    CHECK(view.steps[0].state == StepState::Complete);
    CHECK(view.steps[0].results_json.find(R"("kept":1)") != std::string::npos);
    for (std::size_t i = 1; i < 4; ++i) CHECK(view.steps[i].state == StepState::Cancelled);
    CHECK(view.completed_steps == 1);
}

TEST_CASE("S72: the retry of a cancelled task never comes") {
    World world({linear4()});
    const Uuid task = world.submit("linear");
    world.fail(world.take("a"));
    CHECK(world.step(task, "a").state == StepState::WaitingForRetry);
    CHECK_FALSE(world.client().cancel(task).has_value());
    world.advance(3'600'000);
    CHECK(world.quiet());
    CHECK(world.step(task, "a").state == StepState::Cancelled);
    CHECK(world.state(task) == TaskState::Cancelled);
}

TEST_CASE("S: a task that is blocked by a failure can be cancelled") {
    World world({graph("pair", {{"bad"}, {"join", {"bad"}}})});
    const Uuid task = world.submit("pair");
    world.fail(world.take("bad"), {.retryable = false});
    REQUIRE(world.state(task) == TaskState::BlockedByFailures);
    CHECK_FALSE(world.client().cancel(task).has_value());
    CHECK(world.state(task) == TaskState::Cancelled);
    CHECK(world.step(task, "bad").state == StepState::Cancelled);
}

TEST_CASE("S: a cancelled task's enqueued steps are never claimed") {
    World world({linear4()}, {.capacity = capacity(0)});
    const Uuid task = world.submit("linear");
    static_cast<void>(world.client().cancel(task));
    world.runtime().set_capacity(capacity(10));
    CHECK(world.quiet());
    CHECK(world.step(task, "a").attempts == 0);
}

TEST_CASE("S: the audit of a cancelled running step says so") {
    World world({linear4()});
    const Uuid task = world.submit("linear");
    const StepEvent running = world.take("a");
    static_cast<void>(world.client().cancel(task));
    const auto audit = world.client().step_audit(task, running.step_uuid);
    REQUIRE_FALSE(audit.empty());
    CHECK(audit.back().to_state == "cancelled");
    CHECK(std::none_of(audit.begin(), audit.end(),
                       [](const StepAuditRecord& record) { return record.success; }));
}

}  // namespace tasker::host::conformance
