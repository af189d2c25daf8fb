#include "host/subscriber/step_execution_subscriber.hpp"

#include <doctest/doctest.h>

#include "host/events/event_poller.hpp"
#include "tests/unit/subscriber/executor_fixture.hpp"

using namespace tasker::host;
using namespace tasker::host::testing;

TEST_CASE("StepExecutionSubscriber: start and stop are idempotent") {
    ExecutorFixture f;
    add_probe(f.registry, "a", done);
    f.start();
    f.subscriber->start();
    CHECK(f.bridge.step_execution_received.listener_count() == 1);
    f.subscriber->stop();
    f.subscriber->stop();
    CHECK(f.bridge.step_execution_received.listener_count() == 0);
    CHECK_FALSE(f.subscriber->running());
}

TEST_CASE("StepExecutionSubscriber: after stop no handler is called any more") {
    ExecutorFixture f;
    auto probe = add_probe(f.registry, "a", done);
    f.start();
    f.subscriber->stop();
    f.dispatch("a");
    CHECK(probe->record->calls == 0);
}

TEST_CASE("StepExecutionSubscriber: it leaves other listeners of the bridge alone") {
    ExecutorFixture f;
    int heard = 0;
    const auto mine = f.bridge.step_execution_received.subscribe([&](const StepEvent&) { ++heard; });
    f.start();
    f.subscriber->stop();
    f.dispatch("a");
    CHECK(heard == 1);
}

TEST_CASE("StepExecutionSubscriber: stopped before it ever started it does nothing") {
    ExecutorFixture f;
    StepExecutionSubscriber subscriber(f.bridge, f.registry, f.runtime, "w1", f.options, Logger{}, f.clock);
    const DrainReport report = subscriber.stop();
    CHECK(report.handed_back == 0);
    CHECK(f.runtime.capacities().empty());
}

TEST_CASE("The chain: poll, publish, run and complete, and claims never exceed the granted slots") {
    ExecutorFixture f;
    f.options.threads = 4;
    f.options.prefetch = 4;
    add_probe(f.registry, "a", done);
    add_probe(f.registry, "b", done, Threading::Reentrant);
    f.runtime.honour_capacity();
    EventPoller poller(f.runtime, f.clock);
    poller.on_step_event([&](const StepEvent& event) { f.bridge.step_execution_received.publish(event); });
    f.start();
    poller.start();
    std::vector<StepEvent> events;
    for (std::uint64_t i = 0; i < 2000; ++i) events.push_back(make_event(i % 2 == 0 ? "a" : "b", i));
    f.runtime.offer_all(std::move(events));
    CHECK(f.completed(2000));
    CHECK(f.runtime.most_out() <= 8);
    CHECK(poller.stop());
    f.subscriber->stop();
}

TEST_CASE(
    "Subscriber: a failure that is tried again is a warning, one that is final an error, each with its "
    "cause") {
    ExecutorFixture f;
    const auto failing = [](const std::string& message, bool retryable) {
        return [message, retryable](const StepEvent&, CallControl&) -> StepOutcome {
            Failed failed;
            failed.message = message;
            failed.retryable = retryable;
            return failed;
        };
    };
    add_probe(f.registry, "again", failing("the bank is closed", true));
    add_probe(f.registry, "final", failing("no such account", false));
    f.start();
    f.dispatch("again");
    f.dispatch("final");
    REQUIRE(f.completed(2));
    const auto level_of = [&](const std::string& cause) {
        for (const LogRecord& record : f.sink->records()) {
            for (const LogField& field : record.fields) {
                if (field.key == "error_message" && field.value == cause) return record.level;
            }
        }
        return LogLevel::Trace;
    };
    CHECK(level_of("the bank is closed") == LogLevel::Warn);
    CHECK(level_of("no such account") == LogLevel::Error);
}
