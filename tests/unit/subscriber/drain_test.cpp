#include <doctest/doctest.h>

#include <thread>

#include "host/core/named_thread.hpp"
#include "tests/unit/subscriber/executor_fixture.hpp"

using namespace tasker::host;
using namespace tasker::host::testing;

namespace {
// Runs the drain beside the test, which advances the clock meanwhile.
struct Draining {
    explicit Draining(StepExecutionSubscriber& subscriber, std::int64_t timeout_ms)
        : thread("drain", [this, &subscriber, timeout_ms](const std::stop_token&) {
              report = subscriber.drain(timeout_ms);
              over = true;
          }) {}
    bool ends() {
        return eventually(10s, [this] { return over.load(); });
    }
    DrainReport report;
    std::atomic<bool> over = false;
    NamedThread thread;
};
}  // namespace

TEST_CASE("Drain: with nothing running it ends at once") {
    ExecutorFixture f;
    add_probe(f.registry, "a", done);
    f.start();
    const DrainReport report = f.subscriber->drain(30'000);
    CHECK(report.finished == 0);
    CHECK(report.handed_back == 0);
    CHECK_FALSE(f.subscriber->running());
}

TEST_CASE("Drain: running handlers finish and are recorded, what did not start goes back") {
    ExecutorFixture f;
    Gate gate;
    add_probe(
        f.registry, "a",
        [&](const StepEvent&, CallControl&) {
            gate.pass();
            return Succeeded{};
        },
        Threading::Serial, 2);
    f.start();
    for (int i = 0; i < 5; ++i) f.dispatch("a");
    REQUIRE(eventually(5s, [&] { return gate.waiting() == 2; }));
    Draining draining(*f.subscriber, 30'000);
    REQUIRE(eventually(5s, [&] { return f.runtime.releases().size() == 3; }));
    CHECK_FALSE(draining.over.load());
    gate.open();
    REQUIRE(draining.ends());
    CHECK(draining.report.finished == 2);
    CHECK(draining.report.handed_back == 0);
    CHECK(draining.report.unstarted == 3);
    CHECK(f.runtime.completions().size() == 2);
}

TEST_CASE("Drain: handlers get the whole time, are asked to stop, get the grace, then are handed back") {
    ExecutorFixture f;
    f.options.cancel_grace_ms = 100'000'000;  // the clock below is advanced faster than threads look at it
    Gate gate;
    std::atomic<CallControl*> control = nullptr;
    add_probe(f.registry, "a", [&](const StepEvent&, CallControl& given) {
        control = &given;
        gate.pass();
        return Succeeded{};
    });
    f.start();
    const StepEvent event = f.dispatch("a");
    REQUIRE(eventually(5s, [&] { return control.load() != nullptr; }));
    Draining draining(*f.subscriber, 30'000);
    REQUIRE(eventually(5s, [&] { return !f.subscriber->running(); }));
    CHECK(control.load()->stop_requested() == StopReason::None);
    // When the drain's time began is known only from below.
    std::int64_t passed = 0;
    REQUIRE(eventually(5s, [&] {
        f.clock.advance(1000);
        passed += 1000;
        return control.load()->stop_requested() == StopReason::Draining;
    }));
    CHECK(passed >= 30'000);
    CHECK_FALSE(draining.over.load());
    f.clock.advance(f.options.cancel_grace_ms);
    REQUIRE(draining.ends());
    CHECK(draining.report.handed_back == 1);
    CHECK(draining.report.finished == 0);
    REQUIRE(f.runtime.releases().size() == 1);
    CHECK(f.runtime.releases()[0].event_id == event.event_id);
    gate.open();
    f.subscriber->stop();
    CHECK(f.runtime.completions().empty());
}

TEST_CASE("Drain: a cooperative handler gives its step back when it is asked to stop") {
    ExecutorFixture f;
    std::atomic<bool> entered = false;
    add_probe(f.registry, "a", [&](const StepEvent&, CallControl& control) -> StepOutcome {
        entered = true;
        eventually(10s, [&] { return control.stop_requested() == StopReason::Draining; });
        return Released{"interrupted"};
    });
    f.start();
    f.dispatch("a");
    REQUIRE(eventually(5s, [&] { return entered.load(); }));
    Draining draining(*f.subscriber, 2000);
    REQUIRE(eventually(10s, [&] {
        if (!f.subscriber->running()) f.clock.advance(200);
        return draining.over.load();
    }));
    CHECK(draining.report.handed_back + draining.report.finished == 1);
    CHECK(f.runtime.releases().size() == 1);
}

TEST_CASE("Drain: it can be cut short, and the hung handler outlives the subscriber without harm") {
    auto gate = std::make_shared<Gate>();
    auto finished = std::make_shared<std::atomic<bool>>(false);
    {
        ExecutorFixture f;
        add_probe(f.registry, "a", [gate, finished](const StepEvent&, CallControl& control) -> StepOutcome {
            gate->pass();
            // Whatever it asks for now, nobody is home.
            const bool alone = !control.heartbeat(1, 2) && control.remaining_ms() != 0;
            control.logger().info("still here");
            *finished = alone;
            return Succeeded{};
        });
        f.start();
        f.dispatch("a", 1000);
        REQUIRE(eventually(5s, [&] { return gate->waiting() == 1; }));
        Draining draining(*f.subscriber, 1'000'000);
        f.subscriber->abort_drain();
        REQUIRE(draining.ends());
        CHECK(draining.report.handed_back == 1);
    }
    gate->open();
    CHECK(eventually(5s, [&] { return finished->load(); }));
}

TEST_CASE("Drain: an event that arrives while draining is given back at once") {
    ExecutorFixture f;
    add_probe(f.registry, "a", done);
    f.start();
    StepExecutor executor(f.registry, f.runtime, {"w2", ""}, f.options, Logger{}, f.clock);
    executor.start();
    executor.drain(0);
    executor.accept(make_event("a", 77));
    REQUIRE(f.runtime.releases().size() == 1);
    CHECK(f.runtime.releases()[0].event_id == make_event("a", 77).event_id);
}

TEST_CASE("Drain: a handler whose task is cancelled meanwhile hears of it") {
    ExecutorFixture f;
    std::atomic<bool> entered = false;
    std::atomic<StopReason> heard = StopReason::None;
    add_probe(f.registry, "a", [&](const StepEvent&, CallControl& control) -> StepOutcome {
        entered = true;
        eventually(10s, [&] { return control.stop_requested() != StopReason::None; });
        heard = control.stop_requested();
        return Released{"cancelled"};
    });
    f.start();
    const StepEvent event = f.dispatch("a");
    REQUIRE(eventually(5s, [&] { return entered.load(); }));
    Draining draining(*f.subscriber, 1'000'000);
    REQUIRE(eventually(5s, [&] { return !f.subscriber->running(); }));
    f.runtime.revoke(event.event_id, Revocation::Why::Cancelled);
    REQUIRE(eventually(5s, [&] {
        f.clock.advance(100);
        return draining.over.load();
    }));
    CHECK(heard == StopReason::Cancelled);
}
