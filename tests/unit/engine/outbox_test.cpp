#include "host/engine/outbox.hpp"

#include <doctest/doctest.h>

#include "tests/unit/engine/engine_fixture.hpp"

namespace tasker::host::testing {

namespace {
constexpr std::chrono::seconds kLimit{20};

DomainEvent event(int number, DeliveryMode delivery = DeliveryMode::Durable,
                  const std::string& space = "ns") {
    DomainEvent made;
    made.event_id.bytes[15] = static_cast<std::uint8_t>(number);
    made.name = "order.placed";
    made.namespace_name = space;
    made.delivery = delivery;
    made.event_json = R"({"number":)" + std::to_string(number) + "}";
    return made;
}

struct EventFixture : EngineFixture {
    int submitted = 0;
    EventFixture() { options.upkeep.max_events = 20; }
    void start() {
        open({make_template("one", {{"only", {}}})});
        attach();
    }
    StepEvent next() {
        submit(request("one", R"({"n":)" + std::to_string(++submitted) + "}"));
        return next_event();
    }
    void publish(std::vector<DomainEvent> events) {
        const StepEvent claimed = next();
        StepExecutionResult result = success(claimed);
        result.events = std::move(events);
        REQUIRE(complete(claimed.event_id, std::move(result)) == CompletionVerdict::Accepted);
    }
    EventPage page(const std::string& space = "ns", std::int64_t after = 0, int limit = 100) {
        return engine->events().list(space, after, limit);
    }
};
}  // namespace

TEST_CASE("durable and broadcast events are stored with the result, fast ones are not") {
    EventFixture f;
    f.start();
    f.publish({event(1), event(2, DeliveryMode::Fast), event(3, DeliveryMode::Broadcast)});
    const EventPage page = f.page();
    REQUIRE(page.events.size() == 2);
    CHECK(page.events[0].event.event_json == R"({"number":1})");
    CHECK(page.events[0].event.name == "order.placed");
    CHECK(page.events[0].event.event_id == event(1).event_id);
    CHECK(page.events[1].event.delivery == DeliveryMode::Broadcast);
    CHECK(page.events[0].sequence < page.events[1].sequence);
    CHECK(page.events[0].stored_ms == f.clock.unix_ms());
    CHECK_FALSE(page.more);
}

TEST_CASE("the events of a refused result are not stored, those of a failure are") {
    EventFixture f;
    f.start();
    const StepEvent claimed = f.next();
    StepExecutionResult failed = failure(claimed);
    failed.events = {event(1)};
    CHECK(f.complete(claimed.event_id, failed) == CompletionVerdict::Accepted);
    CHECK(f.page().events.size() == 1);
    failed.events = {event(2)};
    CHECK(f.complete(claimed.event_id, failed) != CompletionVerdict::Accepted);
    CHECK(f.page().events.size() == 1);

    const StepEvent other = f.next();
    StepExecutionResult invalid = success(other, "{");
    invalid.events = {event(3)};
    CHECK(f.complete(other.event_id, invalid) == CompletionVerdict::Accepted);  // as a failure
    CHECK(f.page().events.size() == 1);
}

TEST_CASE("an event that is no JSON, or one of too many, is dropped and its step succeeds") {
    EventFixture f;
    f.options.upkeep.max_events = 10'000;
    f.start();
    DomainEvent broken = event(1);
    broken.event_json = "{";
    f.publish({broken, event(2)});
    CHECK(f.page().events.size() == 1);
    std::vector<DomainEvent> many(kMaxEventsOfResult + 5, event(3));
    CHECK_FALSE(keep_queued(many).empty());
    CHECK(many.size() == kMaxEventsOfResult);
}

TEST_CASE("events are read by namespace and after a sequence, in pages") {
    EventFixture f;
    f.start();
    f.publish({event(1), event(2, DeliveryMode::Durable, "other"), event(3), event(4)});
    const EventPage first = f.page("ns", 0, 2);
    REQUIRE(first.events.size() == 2);
    CHECK(first.more);
    const EventPage second = f.page("ns", first.events.back().sequence, 2);
    REQUIRE(second.events.size() == 1);
    CHECK_FALSE(second.more);
    CHECK(second.events[0].event.event_json == R"({"number":4})");
    CHECK(f.page("other").events.size() == 1);
    CHECK(f.page("").events.size() == 4);
    CHECK(f.page("absent").events.empty());
    const auto counts = f.engine->events().counts();
    REQUIRE(counts.size() == 2);
    CHECK(counts[0].namespace_name == "ns");
    CHECK(counts[0].events == 3);
    CHECK(counts[0].bytes == 36);
    CHECK(counts[0].newest_sequence == second.events[0].sequence);
}

TEST_CASE("what is acknowledged is gone, of that namespace and up to there; its sequences never come again") {
    EventFixture f;
    f.start();
    f.publish({event(1), event(2, DeliveryMode::Durable, "other"), event(3)});
    const std::int64_t last = f.page().events.back().sequence;
    std::int64_t deleted = 0;
    CHECK_FALSE(f.engine->events().acknowledge("ns", last, deleted));
    CHECK(deleted == 2);
    CHECK(f.page().events.empty());
    CHECK(f.page("other").events.size() == 1);
    CHECK_FALSE(f.engine->events().acknowledge("other", last, deleted));
    f.close();
    f.start();
    f.publish({event(4)});
    CHECK(f.page().events.front().sequence > last);
}

TEST_CASE("a queue that nobody reads keeps the newest events only, and none for longer than its retention") {
    EventFixture f;
    f.start();
    for (int i = 0; i < 60; ++i) f.publish({event(i)});
    REQUIRE(eventually(kLimit, [&] {
        f.clock.advance(60'000);
        return f.page().events.size() <= 20;
    }));
    CHECK(f.page().events.back().event.event_json == R"({"number":59})");
    CHECK_FALSE(f.page().events.empty());
    f.clock.advance(f.options.upkeep.retain_events_ms);
    REQUIRE(eventually(kLimit, [&] {
        f.clock.advance(60'000);
        return f.page().events.empty();
    }));
}

TEST_CASE("a queue is bounded in bytes too") {
    EventFixture f;
    f.options.upkeep.max_events = 1000;
    f.options.upkeep.max_event_bytes = 500;
    f.start();
    for (int i = 0; i < 60; ++i) f.publish({event(i)});
    REQUIRE(eventually(kLimit, [&] {
        f.clock.advance(60'000);
        const auto counts = f.engine->events().counts();
        return !counts.empty() && counts.front().bytes <= 500;
    }));
    CHECK(f.page().events.size() > 10);
}

}  // namespace tasker::host::testing
