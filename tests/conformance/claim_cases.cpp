// What a claim promises: capacity, lanes, hand-back, the end of a session.

#include <algorithm>
#include <atomic>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "tests/conformance/runtime_suite.hpp"
#include "tests/support/eventually.hpp"

namespace tasker::host::conformance {

using namespace std::chrono_literals;

namespace {

TaskTemplate single() { return graph("single", {{"only"}}); }
TaskTemplate foreign() { return graph("foreign", {{"theirs", {}, {}, "other"}}); }

// Enough passes of whoever claims that it would have claimed more if it could.
void let_it_claim(World& world) {
    for (int i = 0; i < 3; ++i) static_cast<void>(world.submit("single"));
    world.poll();
}

}  // namespace

TEST_CASE("S: no more steps are claimed than there are slots") {
    World world({single()}, {.capacity = capacity(3)});
    for (int i = 0; i < 20; ++i) static_cast<void>(world.submit("single"));
    std::vector<StepEvent> held = world.take_all(3);
    let_it_claim(world);
    CHECK(world.waiting() == 0);
    CHECK(world.runtime().status().claimed == 3);
    world.succeed(held.back());
    held.pop_back();
    held.push_back(world.take("only"));
    let_it_claim(world);
    CHECK(world.waiting() == 0);
    CHECK(world.runtime().status().claimed == 3);
}

TEST_CASE("S: claims stay within the slots while many tasks run") {
    World world({diamond()}, {.capacity = capacity(5)});
    constexpr std::size_t kSteps = 4 * 40;
    for (std::size_t i = 0; i < kSteps / 4; ++i) static_cast<void>(world.submit("diamond"));
    std::size_t most = 0, done = 0;
    std::vector<StepEvent> held;
    CHECK(testing::eventually(60s, [&] {
        for (StepEvent& event : world.runtime().poll_step_events(1)) held.push_back(std::move(event));
        const std::size_t claimed = world.runtime().status().claimed;
        most = std::max({most, claimed, held.size()});
        // Answered once the worker is as full as it gets, so that claiming is always at its limit.
        if (held.size() >= 4 || held.size() == claimed) {
            for (const StepEvent& event : held) {
                world.runtime().complete_step_event(event.event_id, success(event));
                ++done;
            }
            held.clear();
        }
        return done == kSteps;
    }));
    CHECK(most <= 5);
    CHECK(most >= 4);
}

TEST_CASE("S: a lane's own limit holds below the slots") {
    Capacity two = capacity(10);
    two.lanes[0].limit = 2;
    World world({single()}, {.capacity = two});
    for (int i = 0; i < 6; ++i) static_cast<void>(world.submit("single"));
    const auto held = world.take_all(2);
    let_it_claim(world);
    CHECK(world.waiting() == 0);
    world.succeed(held[0]);
    static_cast<void>(world.take("only"));
    let_it_claim(world);
    CHECK(world.waiting() == 0);
}

TEST_CASE("S: a full lane does not hold up another") {
    Capacity lanes = capacity(10, {kCallable, "other"});
    lanes.lanes[0].limit = 1;
    World world({single(), foreign()}, {.capacity = lanes});
    for (int i = 0; i < 5; ++i) static_cast<void>(world.submit("single"));
    static_cast<void>(world.submit("foreign"));
    static_cast<void>(world.take("only"));
    static_cast<void>(world.take("theirs"));
}

TEST_CASE("S: a lane that is not offered is not claimed, and is once it is offered") {
    World world({single(), foreign()});
    const Uuid task = world.submit("foreign");
    CHECK(world.quiet());
    CHECK(world.step(task, "theirs").state == StepState::Enqueued);
    CHECK(world.step(task, "theirs").attempts == 0);
    world.runtime().set_capacity(capacity(10, {kCallable, "other"}));
    world.pass("theirs");
    CHECK(world.state(task) == TaskState::Complete);
}

TEST_CASE("S: another namespace's steps are not claimed") {
    World world({graph("single", {{"elsewhere"}}, {.namespace_name = "other_ns"})});
    TaskRequest request = world.request("single");
    request.namespace_name = "other_ns";
    const Uuid task = world.submit(request);
    CHECK(world.quiet());
    CHECK(world.step(task, "elsewhere").state == StepState::Enqueued);
}

TEST_CASE("S: zero slots pause claiming, and slots resume it") {
    World world({single()});
    static_cast<void>(world.submit("single"));
    const StepEvent held = world.take("only");
    Capacity none = capacity(10);
    none.slots = 0;
    world.runtime().set_capacity(none);
    const Uuid task = world.submit("single");
    world.succeed(held);
    CHECK(testing::eventually(10s, [&] { return world.runtime().status().claimed == 0; }));
    CHECK(world.step(task, "only").state == StepState::Enqueued);
    world.runtime().set_capacity(capacity(10));
    CHECK(world.take("only").task_uuid == task);
}

TEST_CASE("S: capacity below what is claimed takes nothing back") {
    World world({single()}, {.capacity = capacity(3)});
    for (int i = 0; i < 3; ++i) static_cast<void>(world.submit("single"));
    const auto held = world.take_all(3);
    world.runtime().set_capacity(capacity(1));
    for (const StepEvent& event : held) world.succeed(event);
    CHECK(world.quiet());
}

TEST_CASE("S: a poll gives at most what it is asked for, in claim order") {
    World world({single()}, {.capacity = capacity(10)});
    std::vector<Uuid> tasks;
    for (int i = 0; i < 6; ++i) tasks.push_back(world.submit("single"));
    REQUIRE(testing::eventually(10s, [&] { return world.runtime().status().claimed == 6; }));
    std::vector<StepEvent> polled = world.runtime().poll_step_events(4);
    REQUIRE(polled.size() == 4);
    for (StepEvent& event : world.runtime().poll_step_events(4)) polled.push_back(std::move(event));
    REQUIRE(polled.size() == 6);
    for (std::size_t i = 0; i < 6; ++i) CHECK(polled[i].task_uuid == tasks[i]);
}

TEST_CASE("S: the worker is woken when a step is claimed") {
    World world({single()}, {.capacity = capacity(0)});
    const auto woken = std::make_shared<std::atomic<int>>(0);
    world.runtime().on_activity([woken] { ++*woken; });
    world.runtime().set_capacity(capacity(10));
    static_cast<void>(world.submit("single"));
    CHECK(testing::eventually(10s, [&] { return woken->load() > 0; }));
}

TEST_CASE("S: a released step is ready at once and its attempt is not counted") {
    World world({graph("single", {{"only", {}, attempts(1)}})});
    const Uuid task = world.submit("single");
    const StepEvent first = world.take("only");
    CHECK(world.step(task, "only").attempts == 1);
    world.runtime().release_step_event(first.event_id, "draining");
    const StepEvent second = world.take("only");
    CHECK(second.step_uuid == first.step_uuid);
    CHECK(second.event_id != first.event_id);
    CHECK(second.task_sequence_step.workflow_step.attempts == 0);
    CHECK(world.step(task, "only").attempts == 1);
    CHECK(world.answer(first, success(first, R"({"late":1})")) == CompletionVerdict::Superseded);
    world.succeed(second);
    CHECK(world.state(task) == TaskState::Complete);
    CHECK(world.step(task, "only").results_json.find("late") == std::string::npos);
}

TEST_CASE("S: an answer for an event that never was is refused") {
    World world({single()});
    const Uuid task = world.submit("single");
    StepEvent event = world.take("only");
    const Uuid right = event.event_id;
    event.event_id.bytes[3] ^= 0x5a;
    CHECK(world.answer(event, success(event)) == CompletionVerdict::Superseded);
    CHECK(world.step(task, "only").state == StepState::InProgress);
    event.event_id = right;
    world.succeed(event);
}

TEST_CASE("S: a graceful transition hands back what was not polled and still takes results") {
    World world({single()}, {.capacity = capacity(4)});
    std::vector<Uuid> tasks;
    for (int i = 0; i < 4; ++i) tasks.push_back(world.submit("single"));
    REQUIRE(testing::eventually(10s, [&] { return world.runtime().status().claimed == 4; }));
    const auto polled = world.runtime().poll_step_events(1);
    REQUIRE(polled.size() == 1);
    world.runtime().transition_to_graceful_shutdown();
    CHECK(world.runtime().status().core_status == "draining");
    CHECK(
        testing::eventually(10s, [&] { return world.step(tasks[3], "only").state == StepState::Enqueued; }));
    CHECK(testing::eventually(10s, [&] { return world.runtime().status().claimed == 1; }));
    for (std::size_t i = 1; i < 4; ++i) CHECK(world.step(tasks[i], "only").attempts == 0);
    CHECK(world.runtime().poll_step_events(10).empty());
    world.succeed(polled[0]);
    CHECK(world.state(tasks[0]) == TaskState::Complete);
    let_it_claim(world);
    CHECK(world.waiting() == 0);
}

TEST_CASE("S: stop hands back what is claimed, uncharged, for the next worker") {
    World world({single()}, {.capacity = capacity(3)});
    for (int i = 0; i < 3; ++i) static_cast<void>(world.submit("single"));
    REQUIRE(testing::eventually(10s, [&] { return world.runtime().status().claimed == 3; }));
    const auto polled = world.runtime().poll_step_events(2);
    REQUIRE(polled.size() == 2);
    CHECK(world.runtime().stop() == 2);
    CHECK(world.runtime().stop() == 0);
    CHECK(world.runtime().status().core_status == "stopped");
    CHECK(world.answer(polled[0], success(polled[0])) == CompletionVerdict::Superseded);
    const auto next = world.deployment().attach("next-worker");
    next->set_capacity(capacity(10));
    std::set<std::string> steps;
    CHECK(testing::eventually(10s, [&] {
        for (const StepEvent& event : next->poll_step_events(10)) {
            CHECK(event.task_sequence_step.workflow_step.attempts == 0);
            steps.insert(event.step_uuid.str());
        }
        return steps.size() == 3;
    }));
    CHECK(next->stop() == 3);
}

TEST_CASE("S: two workers never claim the same step") {
    World world({diamond()}, {.capacity = capacity(7)});
    const auto second = world.deployment().attach("second-worker");
    second->set_capacity(capacity(5));
    constexpr std::size_t kTasks = 50;
    for (std::size_t i = 0; i < kTasks; ++i) static_cast<void>(world.submit("diamond"));
    std::map<std::string, int> claims;
    std::size_t by_second = 0;
    const auto serve = [&](TaskerRuntime& runtime) {
        const auto events = runtime.poll_step_events(100);
        for (const StepEvent& event : events) {
            ++claims[event.step_uuid.str()];
            runtime.complete_step_event(event.event_id, success(event));
        }
        return events.size();
    };
    CHECK(testing::eventually(30s, [&] {
        serve(world.runtime());
        by_second += serve(*second);
        return claims.size() == 4 * kTasks;
    }));
    for (const auto& [step, times] : claims) CHECK(times == 1);
    CHECK(by_second > 0);
    TaskFilter complete;
    complete.state = TaskState::Complete;
    CHECK(testing::eventually(10s, [&] { return world.client().list(complete).total == kTasks; }));
    CHECK(second->stop() == 0);
}

TEST_CASE("S: one worker cannot answer for a step that another holds") {
    World world({single()});
    const auto second = world.deployment().attach("second-worker");
    const Uuid task = world.submit("single");
    const StepEvent event = world.take("only");
    const auto verdict = std::make_shared<std::atomic<int>>(-1);
    second->complete_step_event(event.event_id, success(event),
                                [verdict](CompletionVerdict given) { *verdict = static_cast<int>(given); });
    CHECK(testing::eventually(10s, [&] { return verdict->load() >= 0; }));
    CHECK(verdict->load() == static_cast<int>(CompletionVerdict::Superseded));
    CHECK_FALSE(second->heartbeat(event.event_id));
    CHECK(world.step(task, "only").state == StepState::InProgress);
    world.succeed(event);
    CHECK(second->stop() == 0);
}

TEST_CASE("S: the audit tells every attempt with its worker and outcome") {
    World world({graph("single", {{"only"}})});
    const Uuid task = world.submit("single");
    const StepEvent first = world.take("only");
    world.fail(first, {.error_type = "downstream_error"});
    world.advance(world.delay_of(task, "only"));
    const StepEvent second = world.take("only");
    world.succeed(second);
    const auto audit = world.client().step_audit(task, first.step_uuid);
    std::vector<StepAuditRecord> answers;
    for (const StepAuditRecord& record : audit) {
        if (record.event == "failed" || record.event == "succeeded") answers.push_back(record);
    }
    REQUIRE(answers.size() == 2);
    CHECK(answers[0].attempt == 1);
    CHECK_FALSE(answers[0].success);
    CHECK(answers[0].error_type == "downstream_error");
    CHECK(answers[0].to_state == "waiting_for_retry");
    CHECK(answers[1].attempt == 2);
    CHECK(answers[1].success);
    CHECK(answers[1].to_state == "complete");
    for (const StepAuditRecord& record : answers) {
        CHECK(record.worker_id == "conformance-worker");
        CHECK(record.step_name == "only");
    }
}

}  // namespace tasker::host::conformance
