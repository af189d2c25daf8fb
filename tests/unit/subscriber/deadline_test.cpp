#include <doctest/doctest.h>

#include "tests/unit/subscriber/executor_fixture.hpp"

using namespace tasker::host;
using namespace tasker::host::testing;

namespace {
// A handler that looks at its control only when the test lets it, and never gives up before.
struct Stubborn {
    Gate gate;
    std::atomic<CallControl*> control = nullptr;

    ProbeBody body() {
        return [this](const StepEvent&, CallControl& given) -> StepOutcome {
            control = &given;
            gate.pass();
            return Succeeded{R"({"late":true})", "{}"};
        };
    }
    bool started() {
        return eventually(5s, [this] { return control.load() != nullptr; });
    }
    StopReason reason() { return control.load()->stop_requested(); }
};
}  // namespace

TEST_CASE("Deadline: the handler is asked to stop at its deadline, not before") {
    ExecutorFixture f;
    Stubborn handler;
    add_probe(f.registry, "a", handler.body());
    f.start();
    f.dispatch("a", 5000);
    REQUIRE(handler.started());
    CHECK(handler.control.load()->remaining_ms() == 5000);
    CHECK(handler.control.load()->deadline_unix_ms() == f.clock.unix_ms() + 5000);
    f.clock.advance(4999);
    CHECK(handler.reason() == StopReason::None);
    f.clock.advance(1);
    CHECK(eventually(5s, [&] { return handler.reason() == StopReason::Deadline; }));
    CHECK(f.runtime.completions().empty());
    CHECK_FALSE(handler.control.load()->heartbeat(0, 0));
    CHECK(handler.reason() == StopReason::Deadline);
    handler.gate.open();
    REQUIRE(f.completed(1));
    // The grace is for cleaning up: what is too late does not count.
    CHECK(f.runtime.completions()[0].result.error->error_code == "HANDLER_TIMEOUT");
}

TEST_CASE(
    "Deadline: after the grace the failure is recorded, the slot withheld and the late result refused") {
    ExecutorFixture f;
    Stubborn handler;
    add_probe(f.registry, "a", handler.body(), Threading::Serial, 2);
    f.start();
    const StepEvent event = f.dispatch("a", 5000);
    REQUIRE(handler.started());
    f.clock.advance(5000);
    REQUIRE(eventually(5s, [&] { return handler.reason() == StopReason::Deadline; }));
    f.clock.advance(10'000);
    REQUIRE(f.completed(1));
    const StepError error = *f.runtime.completions()[0].result.error;
    CHECK(f.runtime.completions()[0].event_id == event.event_id);
    CHECK(error.error_type == "handler_timeout");
    CHECK(error.error_code == "HANDLER_TIMEOUT");
    CHECK(error.retryable);
    CHECK(f.runtime.completions()[0].result.execution_time_ms == 15'000);
    CHECK(f.subscriber->stats().abandoned == 1);
    CHECK(eventually(
        5s, [&] { return f.runtime.capacities().back().slots < f.runtime.capacities().front().slots; }));
    CHECK(f.sink->contains("ignored its deadline"));

    handler.gate.open();
    CHECK(eventually(5s, [&] { return f.subscriber->stats().abandoned == 0; }));
    CHECK(f.runtime.completions().size() == 1);
    CHECK(f.subscriber->stats().refused == 1);
    CHECK(f.sink->contains("Late step result refused"));
}

TEST_CASE("Deadline: a hung handler does not stop other steps") {
    ExecutorFixture f;
    Stubborn handler;
    add_probe(f.registry, "hung", handler.body());
    add_probe(f.registry, "good", done);
    f.start();
    f.dispatch("hung", 1000);
    REQUIRE(handler.started());
    f.clock.advance(1000);
    REQUIRE(eventually(5s, [&] { return handler.reason() == StopReason::Deadline; }));
    f.clock.advance(10'000);
    REQUIRE(f.completed(1));
    for (int i = 0; i < 20; ++i) f.dispatch("good", 1000);
    CHECK(f.completed(21));
    handler.gate.open();
}

TEST_CASE("Deadline: a handler whose only instance hangs is offered no more and its queue goes back") {
    ExecutorFixture f;
    Stubborn handler;
    add_probe(f.registry, "a", handler.body(), Threading::Serial, 1);
    f.start();
    f.dispatch("a", 1000);
    REQUIRE(handler.started());
    f.dispatch("a", 1000);
    f.clock.advance(1000);
    REQUIRE(eventually(5s, [&] { return handler.reason() == StopReason::Deadline; }));
    f.clock.advance(10'000);
    REQUIRE(eventually(5s, [&] { return f.runtime.releases().size() == 1; }));
    CHECK(eventually(5s, [&] { return f.runtime.capacities().back().lanes.front().limit == 0; }));
    handler.gate.open();
    CHECK(eventually(5s, [&] { return f.runtime.capacities().back().lanes.front().limit > 0; }));
}

TEST_CASE("Deadline: a heartbeat extends it, up to the longest runtime") {
    ExecutorFixture f;
    Stubborn handler;
    f.options.max_runtime_ms = 8000;
    add_probe(f.registry, "a", handler.body());
    f.start();
    f.dispatch("a", 5000);
    REQUIRE(handler.started());
    CallControl& control = *handler.control.load();
    f.clock.advance(2000);
    CHECK(control.heartbeat(1, 10));
    CHECK(control.remaining_ms() == 5000);
    f.clock.advance(4000);
    CHECK(control.heartbeat(2, 10));
    CHECK(control.remaining_ms() == 2000);
    f.clock.advance(2000);
    CHECK(eventually(5s, [&] { return handler.reason() == StopReason::Deadline; }));
    handler.gate.open();
    CHECK(f.completed(1));
}

TEST_CASE("Deadline: heartbeats in a tight loop reach the runtime only now and then") {
    ExecutorFixture f;
    Stubborn handler;
    add_probe(f.registry, "a", handler.body());
    f.start();
    f.dispatch("a", 5000);
    REQUIRE(handler.started());
    for (std::uint64_t i = 0; i < 1000; ++i) CHECK(handler.control.load()->heartbeat(i, 1000));
    CHECK(f.runtime.heartbeats() == 1);
    handler.gate.open();
    CHECK(f.completed(1));
}

TEST_CASE("Deadline: a heartbeat for a lost claim says so, and the handler is asked to stop") {
    ExecutorFixture f;
    Stubborn handler;
    add_probe(f.registry, "a", handler.body());
    f.runtime.refuse_heartbeats();
    f.start();
    f.dispatch("a", 5000);
    REQUIRE(handler.started());
    CHECK_FALSE(handler.control.load()->heartbeat(0, 0));
    CHECK(handler.reason() == StopReason::LeaseLost);
    handler.gate.open();
    CHECK(f.completed(1));
}

TEST_CASE("Deadline: a step without a timeout runs as long as it likes") {
    ExecutorFixture f;
    Stubborn handler;
    add_probe(f.registry, "a", handler.body());
    f.start();
    f.dispatch("a", 0);
    REQUIRE(handler.started());
    CHECK(handler.control.load()->deadline_unix_ms() == 0);
    f.clock.advance(1'000'000'000);
    f.dispatch("nobody");  // a later event: its failure shows that the watchdog's time has passed
    REQUIRE(f.completed(1));
    CHECK(handler.reason() == StopReason::None);
    handler.gate.open();
    CHECK(f.completed(2));
}

TEST_CASE("Revocation: the handler of a cancelled step is asked to stop") {
    ExecutorFixture f;
    Stubborn handler;
    add_probe(f.registry, "a", handler.body());
    f.start();
    const StepEvent event = f.dispatch("a", 5000);
    REQUIRE(handler.started());
    f.subscriber->on_revocation({event.event_id, Revocation::Why::Cancelled});
    CHECK(handler.reason() == StopReason::Cancelled);
    f.subscriber->on_revocation({event.event_id, Revocation::Why::LeaseLost});
    CHECK(handler.reason() == StopReason::LeaseLost);
    handler.gate.open();
    CHECK(f.completed(1));
}

TEST_CASE("Revocation: a step that waits for its handler does not start any more") {
    ExecutorFixture f;
    Stubborn handler;
    auto probe = add_probe(f.registry, "a", handler.body(), Threading::Serial, 1);
    f.start();
    f.dispatch("a");
    REQUIRE(handler.started());
    const StepEvent second = f.dispatch("a");
    f.subscriber->on_revocation({second.event_id, Revocation::Why::Cancelled});
    CHECK(f.subscriber->stats().waiting == 0);
    handler.gate.open();
    CHECK(f.completed(1));
    CHECK(probe->record->calls <= 1);
}

TEST_CASE("Waiting: a step that waits four seconds for its handler goes back uncharged") {
    ExecutorFixture f;
    Stubborn handler;
    add_probe(f.registry, "a", handler.body(), Threading::Serial, 1);
    f.start();
    f.dispatch("a");
    REQUIRE(handler.started());
    const StepEvent second = f.dispatch("a");
    f.clock.advance(3999);
    CHECK(f.runtime.releases().empty());
    f.clock.advance(1);
    REQUIRE(eventually(5s, [&] { return f.runtime.releases().size() == 1; }));
    CHECK(f.runtime.releases()[0].event_id == second.event_id);
    // and nothing more is claimed ahead of this handler
    CHECK(eventually(5s, [&] { return f.runtime.capacities().back().lanes[0].limit == 1; }));
    handler.gate.open();
    CHECK(f.completed(1));
}
