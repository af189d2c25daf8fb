#include "host/worker/event_system.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <mutex>
#include <string>
#include <vector>

#include "tests/support/manual_clock.hpp"
#include "tests/unit/worker/worker_fixture.hpp"

using namespace tasker::host;
using namespace tasker::host::testing;

namespace {
struct Fixture {
    Fixture() {
        options.threads = 2;
        add_greeter(registry);
    }
    EventSystem make() { return {registry, runtime, "w1", options, {}, Logger(sink), clock}; }

    ManualClock clock;
    FakeRuntime runtime;
    HandlerRegistry registry;
    SubscriberOptions options;
    std::shared_ptr<CaptureSink> sink = std::make_shared<CaptureSink>();
};
}  // namespace

TEST_CASE("EventSystem: what the runtime offers is polled, published, run and completed") {
    Fixture f;
    EventSystem events = f.make();
    std::atomic<int> published = 0;
    const auto heard =
        events.bridge().step_execution_received.subscribe([&](const StepEvent&) { ++published; });
    events.start();
    events.start();
    f.runtime.offer(make_event("greet", 1));
    CHECK(eventually(5s, [&] { return f.runtime.completions().size() == 1; }));
    CHECK(published == 1);
}

TEST_CASE("EventSystem: an error of the poller is logged and published") {
    Fixture f;
    EventSystem events = f.make();
    std::atomic<int> errors = 0;
    const auto heard = events.bridge().poller_error.subscribe([&](const std::string& error) {
        if (error == "store unavailable") ++errors;
    });
    f.runtime.fail_next_polls(1);
    events.start();
    CHECK(eventually(5s, [&] { return errors == 1; }));
    CHECK(f.sink->contains("EventPoller error: store unavailable"));
}

TEST_CASE("EventSystem: a stop announces poller:stopped before the bridge is cleared") {
    Fixture f;
    EventSystem events = f.make();
    std::atomic<int> stopped = 0;
    const auto heard = events.bridge().poller_stopped.subscribe([&] { ++stopped; });
    events.start();
    events.stop();
    events.stop();
    CHECK(stopped == 1);
    CHECK(events.bridge().poller_stopped.listener_count() == 0);
    CHECK_FALSE(events.poller().running());
    CHECK_FALSE(events.subscriber().running());
}
