#include "host/subscriber/lane_queues.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "tests/support/fake_runtime.hpp"
#include "tests/support/manual_clock.hpp"
#include "tests/unit/subscriber/probe_handler.hpp"

using namespace tasker::host;
using namespace tasker::host::testing;

namespace {
struct Fixture {
    ManualClock clock;
    FakeRuntime runtime;
    std::shared_ptr<Backend> backend = std::make_shared<Backend>(runtime, clock);
    HandlerRegistry registry;
    SubscriberOptions options;
    std::uint64_t number = 0;

    void push(LaneQueues& queues, const std::string& callable, int count, std::int64_t now_ms = 0) {
        for (int i = 0; i < count; ++i) {
            queues.push(queues.lane_of(registry.resolve(callable)),
                        std::make_shared<StepJob>(make_event(callable, ++number), backend, Logger{}, 0),
                        now_ms);
        }
    }
};

std::string take_order(LaneQueues& queues) {
    std::string order;
    for (auto taken = queues.take(); taken.job; taken = queues.take()) {
        order += taken.lane->callable;
        queues.finished(*taken.lane);
    }
    return order;
}
}  // namespace

TEST_CASE("LaneQueues: handlers with work take turns") {
    Fixture f;
    for (const char* name : {"a", "b", "c"}) add_probe(f.registry, name, done);
    LaneQueues queues(f.registry, f.options);
    f.push(queues, "a", 3);
    f.push(queues, "b", 1);
    f.push(queues, "c", 2);
    CHECK(take_order(queues) == "abcaca");
    CHECK(queues.waiting() == 0);
}

TEST_CASE("LaneQueues: a handler at its limit waits while others run") {
    Fixture f;
    add_probe(f.registry, "a", done);
    add_probe(f.registry, "b", done);
    f.options.handler_concurrency["a"] = 1;
    LaneQueues queues(f.registry, f.options);
    f.push(queues, "a", 2);
    f.push(queues, "b", 1);
    const auto first = queues.take();
    CHECK(first.lane->callable == "a");
    CHECK(queues.take().lane->callable == "b");
    CHECK(queues.take().job == nullptr);
    queues.finished(*first.lane);
    CHECK(queues.take().lane->callable == "a");
}

TEST_CASE("LaneQueues: an unknown callable has a lane too, so that its failure gets recorded") {
    Fixture f;
    LaneQueues queues(f.registry, f.options);
    f.push(queues, "nobody", 1);
    const auto taken = queues.take();
    REQUIRE(taken.job != nullptr);
    CHECK(taken.lane->handler == nullptr);
}

TEST_CASE("handler_limit: configuration, the plugin's own limit, and a quarter kept for the others") {
    SubscriberOptions options;
    options.threads = 16;
    HandlerInfo info;
    info.callable = "a";
    CHECK(handler_limit(info, options, 1) == 16);
    CHECK(handler_limit(info, options, 2) == 12);
    info.max_instances = 2;
    CHECK(handler_limit(info, options, 2) == 2);
    options.handler_concurrency["a"] = 1;
    CHECK(handler_limit(info, options, 2) == 1);
    options.handler_concurrency["a"] = 1000;
    info.max_instances = 0;
    CHECK(handler_limit(info, options, 2) == 16);
    options.handler_concurrency.clear();
    info.threading = Threading::Affine;
    CHECK(handler_limit(info, options, 2) == 1);
    options.threads = 1;
    info.threading = Threading::Serial;
    CHECK(handler_limit(info, options, 2) == 1);
}

TEST_CASE("LaneQueues: capacity offers each handler, method and namespace, and never a lane all slots") {
    Fixture f;
    auto probe = add_probe(f.registry, "a", done);
    probe->change_info().methods = {"refund"};
    add_probe(f.registry, "b", done);
    f.options.threads = 4;
    f.options.prefetch = 8;
    f.options.namespaces = {"x", "y"};
    LaneQueues queues(f.registry, f.options);
    const Capacity capacity = queues.capacity(0);
    CHECK(capacity.slots == 12);
    REQUIRE(capacity.lanes.size() == 6);  // a, a.refund, b in two namespaces
    for (const LaneOffer& lane : capacity.lanes) CHECK(lane.limit == 9);
    CHECK(queues.capacity(1).slots == 11);
}

TEST_CASE("LaneQueues: nothing is claimed ahead of a handler whose calls are long") {
    Fixture f;
    add_probe(f.registry, "a", done);
    f.options.threads = 4;
    f.options.prefetch = 100;
    LaneQueues queues(f.registry, f.options);
    CHECK(queues.capacity(0).lanes[0].limit == 20);
    HandlerLane& lane = queues.lane_of(f.registry.resolve("a"));
    CHECK_FALSE(queues.outdated(lane));
    lane.average_us = 25'000;
    CHECK(queues.capacity(0).lanes[0].limit == 12);
    lane.average_us = 10'000'000;
    CHECK(queues.outdated(lane));
    CHECK(queues.capacity(0).lanes[0].limit == 4);
    CHECK(queues.capacity(0).slots == 4);
}

TEST_CASE("LaneQueues: a handler whose every place hangs is offered no more, and its queue comes out") {
    Fixture f;
    add_probe(f.registry, "a", done, Threading::Serial, 1);
    LaneQueues queues(f.registry, f.options);
    f.push(queues, "a", 3);
    auto taken = queues.take();
    taken.lane->hung = 1;
    CHECK(queues.remove_stuck().size() == 2);
    // Still served, so that nobody else answers for it, but nothing is claimed.
    CHECK(queues.capacity(1).lanes.front().limit == 0);
    CHECK(queues.waiting() == 0);
}

TEST_CASE("LaneQueues: what waited too long comes out, the rest stays") {
    Fixture f;
    add_probe(f.registry, "a", done);
    LaneQueues queues(f.registry, f.options);
    f.push(queues, "a", 2, 100);
    f.push(queues, "a", 1, 200);
    CHECK(queues.oldest_ms() == 100);
    CHECK(queues.remove_stale(150).size() == 2);
    CHECK(queues.oldest_ms() == 200);
    CHECK(queues.ready());
    CHECK(queues.remove_all().size() == 1);
    CHECK_FALSE(queues.ready());
    CHECK(queues.oldest_ms() == kNever);
}

TEST_CASE(
    "LaneQueues: what waits for nobody gets stale as well, so that nothing is looked at again and again") {
    Fixture f;
    add_probe(f.registry, "a", done);
    LaneQueues queues(f.registry, f.options);
    f.push(queues, "nobody", 2, 100);
    CHECK(queues.oldest_ms() == 100);
    CHECK(queues.remove_stale(150).size() == 2);
    CHECK(queues.oldest_ms() == kNever);
    CHECK_FALSE(queues.ready());
}
