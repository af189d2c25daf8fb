#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "host/events/event_bridge.hpp"
#include "tests/support/fake_runtime.hpp"

using namespace tasker::host;

TEST_CASE("EventBridge: listeners hear an event in the order they subscribed") {
    EventBridge bridge;
    std::vector<int> heard;
    const auto first =
        bridge.step_execution_received.subscribe([&](const StepEvent&) { heard.push_back(1); });
    const auto second =
        bridge.step_execution_received.subscribe([&](const StepEvent&) { heard.push_back(2); });
    bridge.step_execution_received.publish(testing::make_event("a", 1));
    CHECK(heard == std::vector<int>{1, 2});
}

TEST_CASE("EventBridge: a subscription that ended hears nothing more") {
    EventBridge bridge;
    int heard = 0;
    auto subscription = bridge.poller_error.subscribe([&](const std::string&) { ++heard; });
    bridge.poller_error.publish("one");
    subscription.reset();
    bridge.poller_error.publish("two");
    CHECK(heard == 1);
    CHECK(bridge.poller_error.listener_count() == 0);
}

TEST_CASE("EventBridge: a listener may unsubscribe itself while it is called") {
    EventBridge bridge;
    int heard = 0;
    Subscription subscription;
    subscription = bridge.poller_stopped.subscribe([&] {
        ++heard;
        subscription.reset();
    });
    bridge.poller_stopped.publish();
    bridge.poller_stopped.publish();
    CHECK(heard == 1);
}

TEST_CASE("EventBridge: stop ends every subscription, and a subscription may outlive its bridge") {
    Subscription outliving;
    int heard = 0;
    {
        EventBridge bridge;
        outliving = bridge.step_execution_received.subscribe([&](const StepEvent&) { ++heard; });
        bridge.stop();
        bridge.step_execution_received.publish(testing::make_event("a", 1));
    }
    outliving.reset();
    CHECK(heard == 0);
}

TEST_CASE("Event names are the seed's") {
    CHECK(event_names::kStepExecutionReceived == "step:execution:received");
    CHECK(event_names::kPollerError == "poller:error");
    CHECK(event_names::kPollerStopped == "poller:stopped");
}
