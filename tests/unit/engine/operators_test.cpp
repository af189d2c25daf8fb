#include <doctest/doctest.h>

#include <map>
#include <set>

#include "host/core/failpoint.hpp"
#include "host/engine/sqlite.hpp"
#include "host/engine/store_file.hpp"
#include "tests/unit/engine/engine_fixture.hpp"

namespace tasker::host::testing {

namespace {
constexpr std::chrono::seconds kLimit{20};
using Kind = StepAction::Kind;

// One step that nobody serves, and what the template says of how long that may last.
TaskTemplate unserved() {
    std::string json = make_template("one", {{"only", {}, "ns.nobody"}}).definition_json;
    const std::string none = R"("lifecycle":null)";
    json.replace(json.find(none), none.size(), R"("lifecycle":{"max_steps_in_process_minutes":30})");
    return template_from_json(json);
}

struct OperatorFixture : EngineFixture {
    // A step may run for as long as the case wants.
    OperatorFixture() { options.default_step_timeout_ms = 0; }
    std::optional<Refused> act(const Uuid& task, std::string_view name, Kind kind,
                               const std::string& result = "{}") {
        StepAction action;
        action.kind = kind;
        action.reason = "seen to";
        action.by = "ann";
        action.result_json = result;
        return engine->tasks().act_on_step(task, step(task, name).step_uuid, action);
    }
    // Gives it up as stale.
    void stall(const Uuid& task) {
        REQUIRE(eventually(kLimit, [&] {
            if (view(task).state == TaskState::Error) return true;
            clock.advance(300'000);
            return false;
        }));
    }
};
}  // namespace

TEST_CASE("what an operator did holds after a restart, with the task read back from the store") {
    OperatorFixture f;
    f.open({linear_template()});
    f.attach();
    const Uuid task = f.submit(request("linear"));
    f.fail(f.next_event(), false);
    CHECK_FALSE(f.act(task, "a", Kind::CompleteManually, R"({"kept":1})"));
    f.close();
    f.open({linear_template()});
    CHECK(f.engine->check().empty());
    f.attach();
    const StepEvent b = f.next_event();
    REQUIRE(b.task_sequence_step.dependency_results.size() == 1);
    CHECK(b.task_sequence_step.dependency_results[0].envelope_json->find(R"("kept":1)") != std::string::npos);
    f.succeed(b);
    CHECK(f.step(task, "a").attempts == 1);
}

TEST_CASE("a step that never ran can be completed by hand before its parents, and is not run after them") {
    OperatorFixture f;
    f.open({linear_template()});
    f.attach();
    const Uuid task = f.submit(request("linear"));
    CHECK_FALSE(f.act(task, "b", Kind::CompleteManually, R"({"early":true})"));
    CHECK(f.step(task, "b").state == StepState::Complete);
    CHECK(f.engine->check().empty());
    const StepEvent c = f.next_event();
    const StepEvent other = f.next_event();
    const StepEvent& a = c.task_sequence_step.workflow_step.name == "a" ? c : other;
    const StepEvent& third = &a == &c ? other : c;
    CHECK(third.task_sequence_step.workflow_step.name == "c");
    REQUIRE(third.task_sequence_step.dependency_results.size() == 1);
    CHECK(third.task_sequence_step.dependency_results[0].envelope_json->find("early") != std::string::npos);
    f.succeed(a);
    f.succeed(third);
    CHECK(f.step(task, "b").attempts == 0);
    f.succeed(f.next_event());
    CHECK(f.view(task).state == TaskState::Complete);
    CHECK(f.engine->check().empty());
}

TEST_CASE("a step that is only enqueued leaves the ready index when it is resolved") {
    OperatorFixture f;
    f.open({linear_template()});
    const Uuid task = f.submit(request("linear"));
    CHECK(f.engine->info().ready_steps == 1);
    CHECK_FALSE(f.act(task, "a", Kind::ResolveManually));
    CHECK(f.engine->info().ready_steps == 1);  // b in its place
    f.attach();
    CHECK(f.next_event().task_sequence_step.workflow_step.name == "b");
    CHECK(f.engine->check().empty());
}

TEST_CASE("the queues: a namespace at a time, the fullest first, with the age of its oldest step") {
    EngineFixture f;
    TaskTemplate other = linear_template("other");
    other.namespace_name = "elsewhere";
    f.open({linear_template(), other});
    CHECK(f.engine->queues().empty());
    f.submit(request("linear"));
    f.clock.advance(3000);
    f.submit(request("linear", R"({"n":2})"));
    f.clock.advance(500);
    TaskRequest there = request("other");
    there.namespace_name = "elsewhere";
    f.submit(there);
    auto queues = f.engine->queues();
    REQUIRE(queues.size() == 2);
    CHECK(queues[0].namespace_name == "ns");
    CHECK(queues[0].ready_steps == 2);
    CHECK(queues[0].oldest_ms >= 3490);
    CHECK(queues[0].oldest_ms <= 3500);
    CHECK(queues[1].namespace_name == "elsewhere");
    CHECK(queues[1].ready_steps == 1);
    // What is claimed is no queue.
    f.attach();
    f.next_event();
    f.next_event();
    queues = f.engine->queues();
    REQUIRE(queues.size() == 1);
    CHECK(queues[0].namespace_name == "elsewhere");
}

TEST_CASE("resolving every step of a task completes it") {
    OperatorFixture f;
    f.open({linear_template()});
    const Uuid task = f.submit(request("linear"));
    for (const char* name : {"d", "b", "a", "c"}) CHECK_FALSE(f.act(task, name, Kind::ResolveManually));
    CHECK(f.view(task).state == TaskState::Complete);
    CHECK(f.act(task, "a", Kind::ResolveManually).value().why == Refusal::Invalid);
    CHECK(f.engine->check().empty());
}

TEST_CASE("a stale task with a step in error stays given up until that is repaired too") {
    OperatorFixture f;
    f.open({make_template("pair", {{"left", {}}, {"right", {}}})});
    f.attach(1);
    const Uuid task = f.submit(request("pair"));
    const StepEvent first = f.next_event();
    f.stall(task);
    f.fail(first, false);  // the late answer of a task that was given up
    const std::string failed = first.task_sequence_step.workflow_step.name;
    const std::string other = failed == "left" ? "right" : "left";
    CHECK(f.view(task).state == TaskState::Error);
    f.succeed(f.next_event());  // what was ready may still run
    CHECK(f.step(task, other).state == StepState::Complete);
    CHECK(f.view(task).state == TaskState::Error);
    CHECK_FALSE(f.act(task, failed, Kind::ResetForRetry));
    CHECK(f.view(task).state == TaskState::StepsInProcess);
    f.succeed(f.next_event());
    CHECK(f.view(task).state == TaskState::Complete);
    CHECK(f.engine->check().empty());
}

TEST_CASE("running steps of a stale task survive a restart of the host") {
    OperatorFixture f;
    f.open({linear_template()});
    f.attach();
    const Uuid task = f.submit(request("linear"));
    static_cast<void>(f.next_event());
    f.stall(task);
    f.close();
    f.open({linear_template()});
    CHECK(f.view(task).state == TaskState::Error);
    f.attach();
    f.succeed(f.next_event());
    CHECK(f.view(task).state == TaskState::Error);
    CHECK(f.step(task, "b").state == StepState::Pending);
    CHECK(f.engine->check().empty());
}

TEST_CASE("one look gives up a hundred tasks at most, the longest waiting first") {
    OperatorFixture f;
    f.open({unserved()});
    std::vector<Uuid> tasks;
    for (int i = 0; i < 150; ++i) {
        tasks.push_back(f.submit(request("one", R"({"n":)" + std::to_string(i) + "}")));
        f.clock.advance(1);
    }
    // All of them are old enough by the next look.
    f.clock.advance(29 * 60'000);
    DlqFilter all;
    all.limit = 200;
    REQUIRE(eventually(kLimit, [&] {
        if (f.engine->dlq().list(all).size() == tasks.size()) return true;
        f.clock.advance(300'000);
        return false;
    }));
    // The hand of the clock may have run ahead of the writer: what one look did is what has its time.
    std::map<std::int64_t, std::set<Uuid>> looks;
    for (const DlqEntry& entry : f.engine->dlq().list(all)) looks[entry.created_ms].insert(entry.task_uuid);
    REQUIRE(looks.size() == 2);
    CHECK(looks.begin()->second == std::set<Uuid>(tasks.begin(), tasks.begin() + 100));
    CHECK(f.engine->dlq().stats().at(0).pending == 150);
    CHECK(f.engine->dlq().investigation_queue(7).size() == 7);
    DlqFilter page;
    page.limit = 10;
    page.offset = 145;
    CHECK(f.engine->dlq().list(page).size() == 5);
}

TEST_CASE("a round in which the clock leapt is skipped") {
    OperatorFixture f;
    f.open({unserved()});
    const Uuid task = f.submit(request("one"));
    f.clock.jump_wall(3'600'000);
    f.submit(request("one", R"({"n":2})"));  // a turn of the writer, which sees the leap
    f.clock.advance(300'000);
    f.submit(request("one", R"({"n":3})"));
    f.submit(request("one", R"({"n":4})"));
    CHECK(f.view(task).state == TaskState::StepsInProcess);
    f.stall(task);
}

TEST_CASE("the staleness monitor shows the worst first and the thresholds that count") {
    OperatorFixture f;
    f.options.upkeep.staleness_interval_ms = 0;  // so that stale ones stay
    f.open({unserved()});
    const Uuid old = f.submit(request("one"));
    f.clock.advance(6 * 60'000);
    const Uuid middle = f.submit(request("one", R"({"n":2})"));
    f.clock.advance(24 * 60'000);
    const Uuid young = f.submit(request("one", R"({"n":3})"));
    const auto watched = f.engine->dlq().staleness(10);
    REQUIRE(watched.size() == 3);
    CHECK(watched[0].task_uuid == old);
    CHECK(watched[0].health == StalenessHealth::Stale);
    CHECK(watched[0].minutes_in_state == 30);
    CHECK(watched[0].threshold_minutes == 30);
    CHECK(watched[1].task_uuid == middle);
    CHECK(watched[1].health == StalenessHealth::Warning);
    CHECK(watched[2].task_uuid == young);
    CHECK(watched[2].health == StalenessHealth::Healthy);
    CHECK(watched[2].task_name == "one");
    CHECK(f.engine->dlq().staleness(1).size() == 1);
    CHECK(f.view(old).state == TaskState::StepsInProcess);
}

TEST_CASE("the figures count what ended in the period, and name slow and failing steps") {
    OperatorFixture f;
    f.open({make_template("fast", {{"quick", {}}}), make_template("slow", {{"heavy", {}}})});
    f.attach(1);
    const auto run = [&](const std::string& name, int n, std::int64_t took, bool well) {
        f.submit(request(name, R"({"n":)" + std::to_string(n) + "}"));
        const StepEvent event = f.next_event();
        StepExecutionResult result = well ? success(event) : failure(event, false);
        result.execution_time_ms = took;
        f.complete(event.event_id, result);
    };
    run("fast", 1, 10, true);
    f.clock.advance(3 * 3'600'000);
    for (int i = 2; i < 6; ++i) run("fast", i, 10, true);
    for (int i = 0; i < 3; ++i) run("slow", i, 40'000, i > 0);
    const Performance hour = f.engine->analytics().performance(1);
    CHECK(hour.total_tasks == 8);
    CHECK(hour.active_tasks == 1);  // the blocked one
    CHECK(hour.completed_tasks == 6);
    CHECK(hour.failed_tasks == 1);
    CHECK(hour.completion_rate == doctest::Approx(6.0 / 7));
    CHECK(hour.tasks_per_hour == 7);
    CHECK(hour.steps_per_hour == 7);
    CHECK(hour.average_step_seconds == doctest::Approx((4 * 0.01 + 3 * 40) / 7));
    CHECK_FALSE(hour.sampled);
    CHECK(f.engine->analytics().performance(24).completed_tasks == 7);

    const Bottlenecks found = f.engine->analytics().bottlenecks(10, 3);
    REQUIRE(found.steps.size() == 2);
    CHECK(found.steps[0].step_name == "heavy");
    CHECK(found.steps[0].task_name == "slow");
    CHECK(found.steps[0].average_seconds == doctest::Approx(40));
    CHECK(found.steps[0].executions == 3);
    CHECK(found.steps[0].errors == 1);
    CHECK(found.steps[1].step_name == "quick");
    CHECK(found.recommendations.size() == 2);
    CHECK(found.counts.tasks[static_cast<std::size_t>(TaskState::Complete)] == 7);
    CHECK(found.counts.steps[static_cast<std::size_t>(StepState::Error)] == 1);
    CHECK(f.engine->analytics().bottlenecks(1, 3).steps.size() == 1);
    CHECK(f.engine->analytics().bottlenecks(10, 5).steps.size() == 1);
}

#ifdef TASKER_FAILPOINTS
TEST_CASE("a look that fails half way is undone as a whole") {
    OperatorFixture f;
    f.open({unserved()});
    const Uuid task = f.submit(request("one"));
    // Each time, so that the next look cannot bring the entry before this thread has looked.
    arm_failpoints("staleness.after_entry=error");
    REQUIRE(eventually(kLimit, [&] {
        f.clock.advance(300'000);
        return !f.engine->trouble().empty();
    }));
    CHECK(f.engine->dlq().list({}).empty());
    CHECK(f.view(task).state == TaskState::StepsInProcess);
    arm_failpoints("");
    f.stall(task);
    CHECK(f.engine->dlq().list({}).size() == 1);
}
#endif

TEST_CASE("after stop() every operator is told so") {
    OperatorFixture f;
    f.open({linear_template()});
    const Uuid task = f.submit(request("linear"));
    const Uuid step_uuid = f.step(task, "a").step_uuid;
    f.engine->stop();
    StepAction action;
    action.kind = Kind::ResolveManually;
    action.reason = action.by = "x";
    CHECK(f.engine->tasks().act_on_step(task, step_uuid, action).value().why == Refusal::Unavailable);
    CHECK_THROWS_AS(f.engine->prune({}), StoreUnavailable);
    CHECK_THROWS_AS(f.engine->dlq().list({}), StoreUnavailable);
    std::int64_t deleted = 0;
    CHECK(f.engine->events().acknowledge("ns", 1, deleted).value().why == Refusal::Unavailable);
}

}  // namespace tasker::host::testing
