#include "host/subscriber/step_executor.hpp"

#include <doctest/doctest.h>

#include <set>

#include "tests/unit/subscriber/executor_fixture.hpp"

using namespace tasker::host;
using namespace tasker::host::testing;

TEST_CASE("StepExecutor: a step's result reaches the runtime with worker, host and handler version") {
    ExecutorFixture f;
    add_probe(f.registry, "a", [&](const StepEvent&, CallControl&) {
        f.clock.advance(30);
        return Succeeded{R"({"value":36})", "{}"};
    });
    f.start();
    const StepEvent event = f.dispatch("a");
    REQUIRE(f.completed(1));
    const StepExecutionResult result = f.runtime.completions()[0].result;
    CHECK(f.runtime.completions()[0].event_id == event.event_id);
    CHECK(result.success);
    CHECK(result.result_json == R"({"value":36})");
    CHECK(result.worker_id == "w1");
    CHECK(result.worker_hostname == "host-1");
    CHECK(result.handler_version == "probe@1.2.3");
    CHECK(result.execution_time_ms == 30);
    CHECK(result.completed_ms - result.started_ms == 30);
    CHECK(eventually(5s, [&] { return f.subscriber->stats().succeeded == 1; }));
}

TEST_CASE("StepExecutor: an unknown callable is answered with the seed's failure") {
    ExecutorFixture f;
    f.start();
    f.dispatch("nobody");
    REQUIRE(f.completed(1));
    CHECK(f.runtime.completions()[0].result.error->message == "Handler not found: nobody");
    CHECK(eventually(5s, [&] { return f.subscriber->stats().failed == 1; }));
}

TEST_CASE("StepExecutor: claims are granted at the start and withdrawn by the drain") {
    ExecutorFixture f;
    add_probe(f.registry, "a", done);
    f.start();
    REQUIRE(f.runtime.capacities().size() == 1);
    CHECK(f.runtime.capacities()[0].slots == 20);
    f.subscriber->stop();
    CHECK(f.runtime.capacities().back().slots == 0);
}

TEST_CASE("StepExecutor: a handler's limit is never exceeded and slow handlers leave threads to others") {
    ExecutorFixture f;
    Gate gate;
    auto slow = add_probe(f.registry, "slow", [&](const StepEvent&, CallControl&) {
        gate.pass();
        return Succeeded{};
    });
    auto quick = add_probe(f.registry, "quick", done);
    f.start();
    for (int i = 0; i < 10; ++i) f.dispatch("slow");
    REQUIRE(eventually(5s, [&] { return gate.waiting() == 3; }));  // four threads less a quarter
    for (int i = 0; i < 20; ++i) f.dispatch("quick");
    CHECK(f.completed(20));
    CHECK(quick->record->calls == 20);
    gate.open();
    CHECK(f.completed(30));
    CHECK(slow->record->most_running == 3);
}

TEST_CASE("StepExecutor: a Serial instance never has two calls at a time") {
    ExecutorFixture f;
    auto probe = add_probe(f.registry, "a", done, Threading::Serial, 2);
    f.start();
    for (int i = 0; i < 200; ++i) f.dispatch("a");
    REQUIRE(f.completed(200));
    f.subscriber->stop();
    CHECK(probe->record->overlapping_calls_of_an_instance == 0);
    CHECK(probe->record->created <= 2);
    CHECK(probe->record->most_running <= 2);
}

TEST_CASE("StepExecutor: a Reentrant handler has one instance that is called concurrently") {
    ExecutorFixture f;
    Gate gate;
    auto probe = add_probe(
        f.registry, "a",
        [&](const StepEvent&, CallControl&) {
            gate.pass();
            return Succeeded{};
        },
        Threading::Reentrant);
    f.start();
    for (int i = 0; i < 8; ++i) f.dispatch("a");
    CHECK(eventually(5s, [&] { return gate.waiting() == 4; }));
    gate.open();
    CHECK(f.completed(8));
    CHECK(probe->record->created == 1);
}

TEST_CASE("StepExecutor: an Affine instance is created, called and destroyed on one thread of its own") {
    ExecutorFixture f;
    auto probe = add_probe(f.registry, "a", done, Threading::Affine, 1);
    add_probe(f.registry, "b", done);
    f.start();
    for (int i = 0; i < 50; ++i) {
        f.dispatch("a");
        f.dispatch("b");
    }
    REQUIRE(f.completed(100));
    f.subscriber->stop();
    CHECK(probe->record->calls == 50);
    CHECK(probe->record->thread_count() == 1);
    CHECK(probe->record->calls_on_a_foreign_thread == 0);
    CHECK(probe->record->created == 1);
    CHECK(probe->record->destroyed == 1);
}

TEST_CASE("StepExecutor: an Affine handler with several instances gives each its own thread") {
    ExecutorFixture f;
    Gate gate;
    auto probe = add_probe(
        f.registry, "a",
        [&](const StepEvent&, CallControl&) {
            gate.pass();
            return Succeeded{};
        },
        Threading::Affine, 3);
    f.start();
    for (int i = 0; i < 6; ++i) f.dispatch("a");
    CHECK(eventually(5s, [&] { return gate.waiting() == 3; }));
    gate.open();
    REQUIRE(f.completed(6));
    f.subscriber->stop();
    CHECK(probe->record->most_running == 3);
    CHECK(probe->record->calls_on_a_foreign_thread == 0);
    CHECK(probe->record->created == probe->record->destroyed);
}

TEST_CASE("StepExecutor: a listener that floods it beyond what was granted gets the surplus given back") {
    ExecutorFixture f;
    Gate gate;
    f.options.threads = 1;
    f.options.prefetch = 0;
    add_probe(f.registry, "a", [&](const StepEvent&, CallControl&) {
        gate.pass();
        return Succeeded{};
    });
    f.start();
    for (int i = 0; i < 400; ++i) f.dispatch("a");
    CHECK(f.runtime.releases().size() > 0);
    CHECK(f.subscriber->stats().waiting <= 258);
    gate.open();
    CHECK(
        eventually(10s, [&] { return f.runtime.completions().size() + f.runtime.releases().size() == 400; }));
}

TEST_CASE("StepExecutor: thousands of steps of many handlers all come to exactly one result") {
    ExecutorFixture f;
    f.options.threads = 8;
    f.options.prefetch = 4096;
    const Threading kinds[] = {Threading::Serial, Threading::Reentrant, Threading::Affine};
    std::vector<std::shared_ptr<ProbeHandler>> probes;
    for (int i = 0; i < 6; ++i)
        probes.push_back(add_probe(f.registry, "h" + std::to_string(i), done, kinds[i % 3], 2));
    f.start();
    std::set<Uuid> expected;
    for (int i = 0; i < 3000; ++i) expected.insert(f.dispatch("h" + std::to_string(i % 6)).event_id);
    REQUIRE(f.completed(3000));
    std::set<Uuid> seen;
    for (const auto& completion : f.runtime.completions()) {
        CHECK(completion.verdict == CompletionVerdict::Accepted);
        seen.insert(completion.event_id);
    }
    CHECK(seen == expected);
    for (const auto& probe : probes) CHECK(probe->record->overlapping_calls_of_an_instance == 0);
}
