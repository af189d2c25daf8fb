#include "host/events/domain_event_bus.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <stdexcept>
#include <string>

#include "host/core/guarded.hpp"
#include "host/logging/sinks.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/gate.hpp"

using namespace tasker::host;
using namespace tasker::host::testing;
using namespace std::chrono_literals;

namespace {
Publication publication(const std::string& name, std::size_t bytes = 2) {
    auto event = std::make_shared<DomainEvent>();
    event->name = name;
    event->event_json.assign(bytes, ' ');
    return {event, true, {}};
}
std::vector<Publication> one(const std::string& name) {
    std::vector<Publication> list;
    list.push_back(publication(name));
    return list;
}

struct Heard {
    Guarded<std::vector<std::string>> names;
    DomainEventBus::Handle handle() {
        return
            [this](const DomainEvent& event) { names.with([&](auto& all) { all.push_back(event.name); }); };
    }
    std::vector<std::string> all() const {
        return names.with([](const auto& all) { return all; });
    }
};
}  // namespace

TEST_CASE("E04: subscribers hear what their patterns name, in order") {
    Heard everything, payments;
    DomainEventBus bus;
    const auto a = bus.subscribe("a", {"*"}, everything.handle());
    const auto b = bus.subscribe("b", {"payment.*", "refund.made"}, payments.handle());
    bus.start();
    for (const char* name : {"payment.made", "order.shipped", "refund.made", "refund.lost"})
        bus.publish(one(name));
    bus.stop();
    CHECK(everything.all() ==
          std::vector<std::string>{"payment.made", "order.shipped", "refund.made", "refund.lost"});
    CHECK(payments.all() == std::vector<std::string>{"payment.made", "refund.made"});
    CHECK(bus.stats().delivered == 6);
    CHECK(bus.stats().dropped == 0);
}

TEST_CASE("E05: a subscriber that throws keeps the event from nobody, and is told of in the log") {
    const auto sink = std::make_shared<CaptureSink>();
    Heard heard;
    DomainEventBus bus({}, Logger(sink));
    const auto bad =
        bus.subscribe("bad", {"*"}, [](const DomainEvent&) { throw std::runtime_error("broken"); });
    const auto worse = bus.subscribe("worse", {"*"}, [](const DomainEvent&) { throw 42; });
    const auto good = bus.subscribe("good", {"*"}, heard.handle());
    bus.start();
    bus.publish(one("a.b"));
    bus.publish(one("a.c"));
    bus.stop();
    CHECK(heard.all() == std::vector<std::string>{"a.b", "a.c"});
    CHECK(bus.stats().failed == 4);
    CHECK(sink->contains("A subscriber of domain events failed"));
}

TEST_CASE("E06: what is published before the start is delivered after it; a stop delivers what is queued") {
    Heard heard;
    DomainEventBus bus;
    const auto subscription = bus.subscribe("s", {"*"}, heard.handle());
    bus.publish(one("a.early"));
    CHECK(heard.all().empty());
    bus.start();
    bus.start();
    for (int i = 0; i < 100; ++i) bus.publish(one("a.late"));
    bus.stop();
    CHECK(heard.all().size() == 101);
    bus.publish(one("a.after"));
    bus.start();
    CHECK(heard.all().size() == 101);
    CHECK(bus.stats().dropped == 1);
}

TEST_CASE("a slow subscriber delays nobody who publishes; what does not fit is dropped and counted") {
    const auto sink = std::make_shared<CaptureSink>();
    Gate gate;
    Heard heard;
    DomainEventBus bus({.max_events = 3}, Logger(sink));
    const auto slow = bus.subscribe("slow", {"*"}, [&](const DomainEvent&) { gate.pass(); });
    const auto other = bus.subscribe("other", {"*"}, heard.handle());
    bus.start();
    bus.publish(one("a.held"));
    REQUIRE(eventually(10s, [&] { return gate.waiting() == 1; }));
    for (int i = 0; i < 10; ++i) bus.publish(one("a.more"));  // returns although nobody takes them
    CHECK(bus.stats().waiting == 3);
    CHECK(bus.stats().dropped == 7);
    CHECK(sink->contains("Domain events are dropped"));
    gate.open();
    bus.stop();
    CHECK(heard.all().size() == 4);
}

TEST_CASE("the queue is bounded in bytes, too") {
    DomainEventBus bus({.max_bytes = 100});
    const auto subscription = bus.subscribe("s", {"*"}, [](const DomainEvent&) {});
    std::vector<Publication> list;
    for (int i = 0; i < 3; ++i) list.push_back(publication("a.b", 40));
    bus.publish(std::move(list));
    CHECK(bus.stats().waiting == 2);
    CHECK(bus.stats().dropped == 1);
}

TEST_CASE("a subscriber that does not return is given up at the stop") {
    const auto sink = std::make_shared<CaptureSink>();
    Gate gate;
    {
        DomainEventBus bus({}, Logger(sink));
        const auto stuck = bus.subscribe("stuck", {"*"}, [gate](const DomainEvent&) mutable { gate.pass(); });
        bus.start();
        bus.publish(one("a.b"));
        REQUIRE(eventually(10s, [&] { return gate.waiting() == 1; }));
        bus.publish(one("a.c"));
        bus.stop(1);
        CHECK(bus.stats().dropped == 1);
    }
    CHECK(sink->contains("does not return"));
    gate.open();
    CHECK(eventually(10s, [&] { return gate.waiting() == 0; }));
}

TEST_CASE("a subscription that ended hears nothing more; without any, events are not kept") {
    Heard heard;
    DomainEventBus bus;
    auto subscription = bus.subscribe("s", {"*"}, heard.handle());
    bus.publish(one("a.b"));
    subscription.reset();
    bus.publish(one("a.c"));
    CHECK(bus.stats().waiting == 1);
    bus.start();
    bus.stop();
    CHECK(heard.all().empty());
    CHECK(bus.stats().dropped == 0);
}

TEST_CASE("whoever published is told on the thread of the bus, after the subscribers") {
    Heard heard;
    DomainEventBus bus;
    const auto subscription = bus.subscribe("s", {"*"}, heard.handle());
    std::vector<Publication> list;
    for (const bool deliver : {true, false}) {
        list.push_back(publication(deliver ? "a.shown" : "a.hidden"));
        list.back().deliver = deliver;
        list.back().after = [&heard] { heard.names.with([](auto& all) { all.push_back("after"); }); };
    }
    list.push_back(publication("a.last"));
    list.back().after = [] { throw std::runtime_error("broken"); };
    bus.publish(std::move(list));
    bus.start();
    bus.stop();
    CHECK(heard.all() == std::vector<std::string>{"a.shown", "after", "after", "a.last"});
    CHECK(bus.stats().failed == 1);
}
