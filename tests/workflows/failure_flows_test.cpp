// W10, W13-W20: failures, retries and limits.

#include <set>

#include "tests/workflows/flow_world.hpp"

using namespace tasker::host;
using namespace tasker::host::flows;
using namespace std::chrono_literals;

TEST_CASE("W13: the smallest task completes with its one step") {
    FlowWorld world;
    const Uuid task = world.submit("test_errors", "success_only");
    CHECK(world.run(task).state == TaskState::Complete);
    CHECK(world.result(task, "succeed") == json{{"ok", true}});
    CHECK(world.view(task).total_steps == 1);
    CHECK(world.step(task, "succeed").attempts == 1);
}

TEST_CASE("W14: a permanent error is one attempt, and all of it is kept") {
    FlowWorld world;
    const Uuid task = world.submit("test_errors", "permanent_error_only");
    CHECK(world.run(task).state == TaskState::BlockedByFailures);
    CHECK(world.step(task, "fail_for_good").attempts == 1);
    CHECK(world.step(task, "fail_for_good").state == StepState::Error);
    const json stored = world.envelope(task, "fail_for_good");
    CHECK(stored["success"] == false);
    CHECK(stored["error"]["message"] == "this cannot work");
    CHECK(stored["error"]["error_type"] == "permanent_error");
    CHECK(stored["error"]["error_code"] == "NO_WAY");
    CHECK(stored["error"]["retryable"] == false);
    CHECK(stored["metadata"]["retryable"] == false);
    CHECK(stored["metadata"]["custom"]["asked"] == true);
    CHECK(stored["metadata"]["handler_version"] == "org.example.flows.numbers@1.0.0");
}

TEST_CASE("W15: a retryable error is tried again after its delay, until the attempts are used up") {
    FlowWorld world;
    const Uuid task = world.submit("test_errors", "retryable_error_only");
    const std::int64_t begun = world.clock().unix_ms();
    CHECK(world.run(task).state == TaskState::BlockedByFailures);
    CHECK(world.clock().unix_ms() - begun >= 100);
    CHECK(world.step(task, "fail_each_time").attempts == 2);
    const auto attempts = world.attempts(task, "fail_each_time");
    REQUIRE(attempts.size() == 2);
    CHECK(attempts[0]["error"]["message"] == "attempt 1 fails");
    CHECK(attempts[1]["error"]["message"] == "attempt 2 fails");
    CHECK(attempts[0]["error"]["retryable"] == true);
}

TEST_CASE("W16: steps that have nothing to do with each other fail each in its own way") {
    FlowWorld world;
    const Uuid task = world.submit("test_errors", "error_testing");
    CHECK(world.run(task).state == TaskState::BlockedByFailures);
    CHECK(world.step(task, "succeed").state == StepState::Complete);
    CHECK(world.step(task, "fail_for_good").state == StepState::Error);
    CHECK(world.step(task, "fail_for_good").attempts == 1);
    // A task that is blocked tries nothing again until somebody has seen to it.
    CHECK(world.step(task, "fail_each_time").state != StepState::Complete);
    CHECK(world.step(task, "fail_each_time").attempts >= 1);
    CHECK(world.view(task).completed_steps == 1);
}

TEST_CASE("W17: the third attempt succeeds; the handler counts its retries from 0") {
    FlowWorld world;
    const Uuid task = world.submit("rust_e2e_retry", "retry_mechanics_test");
    CHECK(world.run(task).state == TaskState::Complete);
    const json last = world.result(task, "recover");
    CHECK(last["retry_count"] == 2);
    CHECK(last["is_retry"] == true);
    CHECK(last["is_last_retry"] == false);
    CHECK(last["max_retries"] == 5);
    const auto attempts = world.attempts(task, "recover");
    REQUIRE(attempts.size() == 3);
    for (int i = 0; i < 2; ++i) {
        CHECK(attempts[i]["metadata"]["custom"]["retry_count"] == i);
        CHECK(attempts[i]["metadata"]["custom"]["is_retry"] == (i > 0));
    }
    CHECK(world.step(task, "recover").attempts == 3);
}

TEST_CASE("W18: the last attempt knows that it is the last, and its failure is final") {
    FlowWorld world;
    const Uuid task = world.submit("rust_e2e_retry", "retry_exhaustion_test");
    CHECK(world.run(task).state == TaskState::BlockedByFailures);
    const auto attempts = world.attempts(task, "exhaust");
    REQUIRE(attempts.size() == 3);
    for (int i = 0; i < 3; ++i) CHECK(attempts[i]["metadata"]["custom"]["is_last_retry"] == (i == 2));
    CHECK(world.step(task, "exhaust").state == StepState::Error);
}

TEST_CASE("W19: one attempt, three, and none again: what a template may say at its edges") {
    FlowWorld world;
    for (const auto* name :
         {"boundary_max_attempts_1", "boundary_max_attempts_3", "boundary_non_retryable"}) {
        const Uuid task = world.submit("test_sql", name);
        CHECK(world.run(task).state == TaskState::Complete);
        CHECK(world.step(task, "only").attempts == 1);
    }
    CHECK(world.step(world.submit("test_sql", "boundary_max_attempts_1", {{"n", 2}}), "only").max_attempts ==
          1);
    const auto none = templates_of({files("refused/boundary_max_attempts_0.yaml")});
    REQUIRE(none.diagnostics.size() == 1);
    CHECK(none.diagnostics[0].code == "OUT_OF_RANGE");
    CHECK(none.diagnostics[0].path == "steps[0].retry.max_attempts");
}

TEST_CASE(
    "W20: a lifecycle is read, and a task that does not get on becomes a dead letter after its two minutes") {
    FlowWorld world;
    const auto definition = world.worker().config().templates.find("dlq_test", "dlq_staleness_test", "1.0.0");
    REQUIRE(definition != nullptr);
    CHECK(definition->lifecycle == Lifecycle{2, 2, 2, 30, "dlq"});
    // An override replaces the whole retry section.
    CHECK(definition->steps[0].retry == RetryPolicy{.max_attempts = 7, .base_ms = 1000, .max_ms = 3'600'000});

    const Uuid task = world.submit("dlq_test", "dlq_staleness_test");
    world.worker().event_system().start();
    REQUIRE(testing::eventually(30s, [&] { return world.step(task, "first").state == StepState::Complete; }));
    REQUIRE(testing::eventually(30s, [&] {
        if (world.view(task).state == TaskState::Error) return true;
        world.clock().advance(60'000);
        return false;
    }));
    const auto entry = world.worker().engine().dlq().find_by_task(task);
    REQUIRE(entry.has_value());
    CHECK(entry->reason == DlqReason::StalenessTimeout);
    CHECK(entry->snapshot_json.find(R"("threshold_minutes":2)") != std::string::npos);
}

TEST_CASE("W10: a batch that fails half way goes on from its checkpoint and does no item twice") {
    FlowWorld world;
    const Uuid task = world.submit("rust_e2e_batch_retry", "batch_resumption_test", {{"items", 100}});
    CHECK(world.run(task).state == TaskState::Complete);
    const json worker = world.result(task, "process_items_001");
    CHECK(worker["resumed_at"] == 50);
    CHECK(worker["touched"] == 100);
    CHECK(worker["sum"] == 4950);
    CHECK(worker["retry_count"] == 1);
    CHECK(world.step(task, "process_items_001").attempts == 2);
    CHECK(world.attempts(task, "process_items_001")[0]["error"]["error_code"] == "HALF_WAY");
    CHECK(world.result(task, "aggregate_items")["count"] == 1);
}

TEST_CASE("W11: yields are no attempts, carry what was gathered, and each goes on under a new event") {
    FlowWorld world;
    const Uuid task = world.submit("checkpoint_yield", "checkpoint_yield_test", {{"items", 110}});
    CHECK(world.run(task).state == TaskState::Complete);
    const json worker = world.result(task, "process_items_001");
    CHECK(worker["items_processed"] == 110);
    CHECK(worker["results"]["sum"] == 5995);
    CHECK(worker["results"]["touched"] == 110);
    CHECK(worker["results"]["retry_count"] == 0);
    const auto events = worker["results"]["events"].get<Names>();
    CHECK(events.size() == 5);
    CHECK(std::set<std::string>(events.begin(), events.end()).size() == 5);
    CHECK(world.step(task, "process_items_001").attempts == 1);
    CHECK(world.result(task, "aggregate_items")["batches"][0]["results"]["sum"] == 5995);
}
