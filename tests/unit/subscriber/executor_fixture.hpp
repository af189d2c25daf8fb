#pragma once
// A subscriber over a runtime in memory, fed through the bridge as the poller would.

#include <memory>
#include <string>

#include "host/logging/sinks.hpp"
#include "host/subscriber/step_execution_subscriber.hpp"
#include "tests/support/fake_runtime.hpp"
#include "tests/support/manual_clock.hpp"
#include "tests/unit/subscriber/probe_handler.hpp"

namespace tasker::host::testing {

using namespace std::chrono_literals;

struct ExecutorFixture {
    ExecutorFixture() {
        options.threads = 4;
        options.prefetch = 16;
        options.worker_hostname = "host-1";
    }
    void start() {
        subscriber = std::make_unique<StepExecutionSubscriber>(bridge, registry, runtime, "w1", options,
                                                               Logger(sink), clock);
        subscriber->start();
    }
    // The event as a runtime would have handed it out.
    StepEvent dispatch(const std::string& callable, std::int64_t timeout_ms = 0) {
        const StepEvent event = make_event(callable, ++number, timeout_ms);
        runtime.offer(event);
        for (const StepEvent& polled : runtime.poll_step_events(100))
            bridge.step_execution_received.publish(polled);
        return event;
    }
    bool completed(std::size_t count) {
        return eventually(10s, [&] { return runtime.completions().size() >= count; });
    }

    ManualClock clock;
    FakeRuntime runtime;
    EventBridge bridge;
    HandlerRegistry registry;
    SubscriberOptions options;
    std::shared_ptr<CaptureSink> sink = std::make_shared<CaptureSink>();
    std::uint64_t number = 0;
    std::unique_ptr<StepExecutionSubscriber> subscriber;
};

}  // namespace tasker::host::testing
