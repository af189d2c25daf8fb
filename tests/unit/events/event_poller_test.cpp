#include "host/events/event_poller.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <mutex>
#include <stdexcept>
#include <string>
#include <vector>

#include "host/logging/sinks.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/fake_runtime.hpp"
#include "tests/support/manual_clock.hpp"

using namespace tasker::host;
using namespace tasker::host::testing;
using namespace std::chrono_literals;

namespace {
struct Heard {
    std::mutex mutex;
    std::vector<Uuid> events;
    std::vector<std::string> errors;
    std::size_t event_count() {
        const std::scoped_lock lock(mutex);
        return events.size();
    }
    std::size_t error_count() {
        const std::scoped_lock lock(mutex);
        return errors.size();
    }
    void listen_to(EventPoller& poller) {
        poller.on_step_event([this](const StepEvent& event) {
            const std::scoped_lock lock(mutex);
            events.push_back(event.event_id);
        });
        poller.on_error([this](const std::string& error) {
            const std::scoped_lock lock(mutex);
            errors.push_back(error);
        });
    }
};

// Advances the clock until the condition holds: the poller may not be waiting yet when time moves.
template <class Condition>
bool as_time_passes(ManualClock& clock, std::int64_t step_ms, Condition condition) {
    return eventually(5s, [&] {
        clock.advance(step_ms);
        return condition();
    });
}
}  // namespace

TEST_CASE("EventPoller: the defaults are the seed's 10 ms, 100 and 1000") {
    const EventPollerConfig config;
    CHECK(config.polling_interval_ms == 10);
    CHECK(config.starvation_check_interval == 100);
    CHECK(config.cleanup_interval == 1000);
}

TEST_CASE("EventPoller: events arrive in claim order, woken by the runtime without any time passing") {
    const ManualClock clock;
    FakeRuntime runtime;
    Heard heard;
    EventPoller poller(runtime, clock);
    heard.listen_to(poller);
    poller.start();
    runtime.offer(make_event("a", 1));
    runtime.offer(make_event("a", 2));
    REQUIRE(eventually(5s, [&] { return heard.event_count() == 2; }));
    CHECK(heard.events[0] == make_event("a", 1).event_id);
    CHECK(heard.events[1] == make_event("a", 2).event_id);
}

TEST_CASE("EventPoller: takes more events than fit in one cycle") {
    const ManualClock clock;
    FakeRuntime runtime;
    Heard heard;
    EventPollerConfig config;
    config.max_events_per_cycle = 3;
    EventPoller poller(runtime, clock, config);
    heard.listen_to(poller);
    std::vector<StepEvent> events;
    for (std::uint64_t i = 0; i < 10; ++i) events.push_back(make_event("a", i));
    runtime.offer_all(events);
    poller.start();
    CHECK(eventually(5s, [&] { return heard.event_count() == 10; }));
}

TEST_CASE("EventPoller: start and stop are idempotent, and it can be started again") {
    const ManualClock clock;
    FakeRuntime runtime;
    Heard heard;
    EventPoller poller(runtime, clock);
    heard.listen_to(poller);
    CHECK(poller.stop());
    poller.start();
    poller.start();
    CHECK(poller.running());
    CHECK(poller.stop());
    CHECK(poller.stop());
    CHECK_FALSE(poller.running());
    poller.start();
    runtime.offer(make_event("a", 1));
    CHECK(eventually(5s, [&] { return heard.event_count() == 1; }));
}

TEST_CASE("EventPoller: nothing is polled after stop, which is announced once") {
    const ManualClock clock;
    FakeRuntime runtime;
    std::atomic<int> announced = 0;
    EventPoller poller(runtime, clock);
    poller.on_stopped([&] { ++announced; });
    poller.start();
    REQUIRE(eventually(5s, [&] { return runtime.polls() > 0; }));
    poller.stop();
    poller.stop();
    const int polls = runtime.polls();
    runtime.offer(make_event("a", 1));
    CHECK(runtime.polls() == polls);
    CHECK(announced == 1);
}

TEST_CASE("EventPoller: a stop that comes from its own callback does not deadlock") {
    const ManualClock clock;
    FakeRuntime runtime;
    EventPoller poller(runtime, clock);
    std::atomic<bool> called = false;
    poller.on_step_event([&](const StepEvent&) {
        poller.stop();
        called = true;
    });
    poller.start();
    runtime.offer(make_event("a", 1));
    REQUIRE(eventually(5s, [&] { return called.load(); }));
    CHECK(poller.stop());
    CHECK_FALSE(poller.running());
}

TEST_CASE("EventPoller: stop reports a callback that does not return in time") {
    const ManualClock clock;
    FakeRuntime runtime;
    EventPoller poller(runtime, clock);
    std::atomic<bool> entered = false;
    std::atomic<bool> leave = false;
    poller.on_step_event([&](const StepEvent&) {
        entered = true;
        eventually(10s, [&] { return leave.load(); });
    });
    poller.start();
    runtime.offer(make_event("a", 1));
    REQUIRE(eventually(5s, [&] { return entered.load(); }));
    CHECK_FALSE(poller.stop(1));
    leave = true;
    CHECK(poller.stop());
}

TEST_CASE("EventPoller: an error of a poll goes to the error callback and polling goes on") {
    ManualClock clock;
    FakeRuntime runtime;
    Heard heard;
    EventPoller poller(runtime, clock);
    heard.listen_to(poller);
    runtime.fail_next_polls(3);
    runtime.offer(make_event("a", 1));
    poller.start();
    CHECK(as_time_passes(clock, 50, [&] { return heard.event_count() == 1; }));
    CHECK(heard.error_count() == 3);
    CHECK(heard.errors[0] == "store unavailable");
}

TEST_CASE("EventPoller: activity does not shorten the pause after an error") {
    const ManualClock clock;
    FakeRuntime runtime;
    Heard heard;
    EventPoller poller(runtime, clock);
    heard.listen_to(poller);
    runtime.fail_next_polls(1'000'000);
    poller.start();
    REQUIRE(eventually(5s, [&] { return heard.error_count() == 1; }));
    for (std::uint64_t i = 0; i < 100; ++i) runtime.offer(make_event("a", i));
    CHECK(runtime.polls() == 1);
}

TEST_CASE("EventPoller: one listener that throws does not lose the other events of the batch") {
    const ManualClock clock;
    FakeRuntime runtime;
    std::atomic<int> good = 0;
    std::atomic<int> errors = 0;
    EventPoller poller(runtime, clock);
    poller.on_step_event([&](const StepEvent& event) {
        if (event.event_id == make_event("a", 1).event_id) throw std::runtime_error("listener");
        ++good;
    });
    poller.on_error([&](const std::string&) { ++errors; });
    runtime.offer_all({make_event("a", 1), make_event("a", 2), make_event("a", 3)});
    poller.start();
    CHECK(eventually(5s, [&] { return good == 2; }));
    CHECK(errors == 1);
}

TEST_CASE("EventPoller: revocations are fetched too") {
    const ManualClock clock;
    FakeRuntime runtime;
    std::atomic<int> cancelled = 0;
    EventPoller poller(runtime, clock);
    poller.on_revocation([&](const Revocation& revocation) {
        if (revocation.why == Revocation::Why::Cancelled) ++cancelled;
    });
    poller.start();
    runtime.revoke(make_event("a", 1).event_id, Revocation::Why::Cancelled);
    CHECK(eventually(5s, [&] { return cancelled == 1; }));
}

TEST_CASE("EventPoller: starvation is checked every hundred polls and warned about with its counts") {
    ManualClock clock;
    FakeRuntime runtime;
    const auto sink = std::make_shared<CaptureSink>();
    EventPoller poller(runtime, clock, {}, Logger(sink));
    runtime.starve(2);
    poller.start();
    REQUIRE(as_time_passes(clock, 10, [&] { return runtime.starvation_checks() >= 1; }));
    CHECK(poller.poll_count() >= 100);
    REQUIRE(eventually(5s, [&] { return sink->contains("wait too long to be polled"); }));
    const LogRecord record = sink->records().front();
    CHECK(record.level == LogLevel::Warn);
    bool counted = false;
    for (const LogField& field : record.fields)
        counted |= field.key == "starving_event_count" && field.value == "2";
    CHECK(counted);
}

TEST_CASE("EventPoller: clean-up runs every thousand polls, after ten starvation checks") {
    ManualClock clock;
    FakeRuntime runtime;
    EventPoller poller(runtime, clock);
    poller.start();
    REQUIRE(as_time_passes(clock, 10, [&] { return runtime.cleanups() == 1; }));
    CHECK(poller.poll_count() >= 1000);
    CHECK(runtime.starvation_checks() >= 9);
    CHECK(runtime.starvation_checks() <= 11);
}

TEST_CASE("EventPoller: an idle poller sleeps from duty to duty instead of polling") {
    ManualClock clock;
    FakeRuntime runtime;
    EventPoller poller(runtime, clock);
    poller.start();
    // Long enough idle that the clock-driven polls have stopped.
    REQUIRE(as_time_passes(clock, 10, [&] { return poller.poll_count() >= 300; }));
    const int before = runtime.polls();
    REQUIRE(as_time_passes(clock, 1000, [&] { return poller.poll_count() >= 5000; }));
    CHECK(runtime.polls() - before < 500);
    CHECK(runtime.cleanups() >= 4);
}

TEST_CASE("EventPoller: an event is seen at once by an idle poller") {
    ManualClock clock;
    FakeRuntime runtime;
    Heard heard;
    EventPoller poller(runtime, clock);
    heard.listen_to(poller);
    poller.start();
    REQUIRE(as_time_passes(clock, 10, [&] { return poller.poll_count() >= 300; }));
    runtime.offer(make_event("a", 1));
    CHECK(eventually(5s, [&] { return heard.event_count() == 1; }));
}

TEST_CASE("EventPoller: listeners may throw anything, the poller goes on") {
    ManualClock clock;
    FakeRuntime runtime;
    std::atomic<int> events = 0, errors = 0;
    EventPoller poller(runtime, clock);
    poller.on_step_event([&](const StepEvent&) {
        ++events;
        throw 42;
    });
    poller.on_error([&](const std::string&) {
        ++errors;
        throw 43;
    });
    poller.start();
    runtime.offer_all({make_event("a", 1), make_event("a", 2)});
    REQUIRE(eventually(5s, [&] { return events == 2 && errors == 2; }));
    runtime.fail_next_polls(1);
    runtime.offer(make_event("a", 3));
    CHECK(as_time_passes(clock, 100, [&] { return events == 3 && errors == 4; }));
    CHECK(poller.stop(5000));
}
