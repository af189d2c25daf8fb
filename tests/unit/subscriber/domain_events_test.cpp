// Domain events of steps that run: what travels with the result, what the bus hears, publishers that are called.
#include "host/subscriber/domain_events.hpp"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "tests/unit/subscriber/executor_fixture.hpp"

using namespace tasker::host;
using namespace tasker::host::testing;
using Json = nlohmann::json;

namespace {
struct RecordingPublisher final : EventPublisher {
    explicit RecordingPublisher(std::string known_as) : name_(std::move(known_as)) {}
    const std::string& name() const override { return name_; }
    const std::string& source() const override { return source_; }
    bool should_publish(const EventNote& note) override {
        note_call("should", note);
        return wanted;
    }
    std::optional<std::string> transform_payload(const EventNote& note) override {
        note_call("transform", note);
        if (throws) throw std::runtime_error("cannot transform");
        return payload;
    }
    std::string additional_metadata(const EventNote& note) override {
        note_call("metadata", note);
        return metadata;
    }
    bool before_publish(const EventNote& note) override {
        note_call("before", note);
        made = std::string(note.event_json);
        if (gate != nullptr) gate->pass();
        return allowed;
    }
    void after_publish(const EventNote& note) override { note_call("after", note); }
    void on_error(const EventNote& note, std::string_view message) override {
        note_call("error", note);
        error = std::string(message);
    }
    void note_call(const std::string& call, const EventNote& note) {
        calls.with([&](auto& all) { all.push_back(call + " " + std::string(note.name)); });
    }
    std::vector<std::string> all() const {
        return calls.with([](const auto& all) { return all; });
    }

    bool wanted = true, allowed = true, throws = false;
    std::optional<std::string> payload;
    std::string metadata, made, error;
    Gate* gate = nullptr;
    Guarded<std::vector<std::string>> calls;
    const std::string name_, source_ = "embedded";
};

struct RecordingSubscriber final : EventSubscriber {
    const std::string& name() const override { return name_; }
    const std::string& source() const override { return name_; }
    const std::vector<std::string>& patterns() const override { return patterns_; }
    bool before_handle(const EventNote& note) override { return note.name != vetoed; }
    void handle(const EventNote& note) override {
        if (throws) throw std::runtime_error("cannot handle");
        heard.with([&](auto& all) { all.emplace_back(note.name); });
        step_name = note.step_name;
        payload = std::string(note.payload_json);
        success = note.success;
    }
    void after_handle(const EventNote& note) override {
        heard.with([&](auto& all) { all.push_back("after " + std::string(note.name)); });
    }
    void on_error(const EventNote&, std::string_view message) override {
        heard.with([&](auto& all) { all.push_back("error " + std::string(message)); });
    }
    std::vector<std::string> all() const {
        return heard.with([](const auto& all) { return all; });
    }
    bool throws = false, success = false;
    std::string vetoed, step_name, payload;
    Guarded<std::vector<std::string>> heard;
    const std::string name_ = "recorder";
    const std::vector<std::string> patterns_{"*"};
};

struct EventsFixture : ExecutorFixture {
    EventsFixture() {
        options.threads = 2;
        extensions->add(publisher);
        extensions->add(subscriber_);
    }
    void begin() {
        bus = std::make_shared<DomainEventBus>(DomainEventBusOptions{}, Logger(sink));
        auto events = std::make_shared<DomainEvents>(extensions, bus, clock, random, Logger(sink));
        subscriber = std::make_unique<StepExecutionSubscriber>(bridge, registry, runtime, "w1", options,
                                                               Logger(sink), clock, std::move(events));
        subscriber->start();
    }
    StepEvent event_for(const std::string& callable, std::vector<EventDeclaration> declared,
                        std::int64_t timeout_ms = 0) {
        StepEvent event = make_event(callable, ++number, timeout_ms);
        auto copy = std::make_shared<TaskTemplate>(*event.task_sequence_step.task_template);
        copy->steps[0].publishes = std::move(declared);
        event.task_sequence_step.task_template = std::move(copy);
        return event;
    }
    void hand_out(const StepEvent& event) {
        runtime.offer(event);
        for (const StepEvent& polled : runtime.poll_step_events(100))
            bridge.step_execution_received.publish(polled);
    }
    // Runs one step; what was submitted for it.
    StepExecutionResult run(const std::string& callable, std::vector<EventDeclaration> declared) {
        const StepEvent event = event_for(callable, std::move(declared));
        hand_out(event);
        REQUIRE(eventually(10s, [&] { return runtime.completion_of(event.event_id).has_value(); }));
        return runtime.completion_of(event.event_id)->result;
    }

    SeededRandom random{7};
    std::shared_ptr<EventExtensions> extensions = std::make_shared<EventExtensions>();
    std::shared_ptr<RecordingPublisher> publisher = std::make_shared<RecordingPublisher>("my.publisher");
    std::shared_ptr<RecordingSubscriber> subscriber_ = std::make_shared<RecordingSubscriber>();
    std::shared_ptr<DomainEventBus> bus;
};

EventDeclaration declared(const std::string& name, DeliveryMode delivery = DeliveryMode::Durable,
                          const std::string& publisher = {},
                          EventCondition condition = EventCondition::Success) {
    EventDeclaration made;
    made.name = name;
    made.delivery = delivery;
    made.publisher = publisher;
    made.condition = condition;
    return made;
}
EventDeclaration with_schema(EventDeclaration made, const std::string& schema) {
    made.schema_json = schema;
    made.schema = std::make_shared<const InputSchema>(schema);
    return made;
}

StepOutcome emitting(const StepEvent&, CallControl&) {
    Succeeded made{R"({"value":1})", "{}", {}};
    made.events.push_back({"own.event", R"({"n":2})"});
    return made;
}
StepOutcome failing(const StepEvent&, CallControl&) {
    Failed made;
    made.message = "no";
    made.retryable = false;
    return made;
}
}  // namespace

TEST_CASE("durable and broadcast events travel with the result, fast and broadcast ones reach the bus") {
    EventsFixture f;
    add_probe(f.registry, "ok", &done);
    f.begin();
    const auto result = f.run("ok", {declared("e.durable"), declared("e.fast", DeliveryMode::Fast),
                                     declared("e.both", DeliveryMode::Broadcast)});
    REQUIRE(result.events.size() == 2);
    CHECK(result.events[0].name == "e.durable");
    CHECK(result.events[1].name == "e.both");
    CHECK(result.events[0].event_id != result.events[1].event_id);
    CHECK(Json::parse(result.events[0].event_json)["metadata"]["fired_by"] == "DefaultDomainEventPublisher");
    CHECK((result.events[0].event_id.bytes[6] >> 4U) == 7);
    f.subscriber.reset();
    f.bus->stop();
    CHECK(f.subscriber_->all() ==
          std::vector<std::string>{"e.fast", "after e.fast", "e.both", "after e.both"});
    CHECK(f.subscriber_->step_name == "only");
    CHECK(f.subscriber_->payload == R"({"value":1})");
    CHECK(f.subscriber_->success);
}

TEST_CASE("a superseded result publishes nothing") {
    EventsFixture f;
    Gate gate;
    add_probe(f.registry, "held", [&](const StepEvent& event, CallControl& control) {
        gate.pass();
        return done(event, control);
    });
    f.begin();
    const StepEvent event = f.event_for("held", {declared("e.fast", DeliveryMode::Fast, "my.publisher")});
    f.hand_out(event);
    REQUIRE(eventually(10s, [&] { return gate.waiting() == 1; }));
    f.runtime.release_step_event(event.event_id, "the runtime gave it to another");
    gate.open();
    REQUIRE(eventually(10s, [&] { return f.runtime.completion_of(event.event_id).has_value(); }));
    CHECK(f.runtime.completion_of(event.event_id)->verdict == CompletionVerdict::Superseded);
    f.subscriber.reset();
    f.bus->stop();
    CHECK(f.subscriber_->all().empty());
    const auto calls = f.publisher->all();
    CHECK(std::find(calls.begin(), calls.end(), "after e.fast") == calls.end());
}

TEST_CASE("E08: permanent and retryable failures fire, also those that the host makes") {
    EventsFixture f;
    add_probe(f.registry, "fails", &failing);
    f.begin();
    const std::vector<EventDeclaration> all{
        declared("e.permanent", DeliveryMode::Durable, {}, EventCondition::PermanentFailure),
        declared("e.retryable", DeliveryMode::Durable, {}, EventCondition::RetryableFailure)};
    const auto permanent = f.run("fails", all);
    REQUIRE(permanent.events.size() == 1);
    CHECK(permanent.events[0].name == "e.permanent");
    const auto missing = f.run("nobody", all);  // HANDLER_NOT_FOUND, retryable
    REQUIRE(missing.events.size() == 1);
    CHECK(missing.events[0].name == "e.retryable");
    CHECK(Json::parse(missing.events[0].event_json)["payload"]["payload"]["error_code"] ==
          "HANDLER_NOT_FOUND");
}

TEST_CASE("what a handler emits is published by the declaration of its name, or durable") {
    EventsFixture f;
    add_probe(f.registry, "emits", &emitting);
    f.begin();
    const auto free = f.run("emits", {});
    REQUIRE(free.events.size() == 1);
    CHECK(free.events[0].name == "own.event");
    CHECK(Json::parse(free.events[0].event_json)["payload"]["payload"] == Json{{"n", 2}});
    CHECK(f.run("emits", {declared("own.event", DeliveryMode::Fast)}).events.empty());
    f.subscriber.reset();
    f.bus->stop();
    CHECK(f.subscriber_->all() == std::vector<std::string>{"own.event", "after own.event"});
}

TEST_CASE("E02: a payload that does not fit its schema is skipped with a warning, the step is unaffected") {
    EventsFixture f;
    add_probe(f.registry, "ok", &done);
    f.begin();
    const auto result = f.run("ok", {with_schema(declared("e.bad"), R"({"required":["other"]})"),
                                     with_schema(declared("e.good"), R"({"required":["value"]})")});
    CHECK(result.success);
    REQUIRE(result.events.size() == 1);
    CHECK(result.events[0].name == "e.good");
    CHECK(f.sink->contains("Domain event is not published"));
}

TEST_CASE("E03: the hooks of a publisher are really called, in order, and do what they say") {
    EventsFixture f;
    add_probe(f.registry, "ok", &done);
    f.publisher->payload = R"({"masked":true})";
    f.publisher->metadata = R"({"region":"eu"})";
    f.begin();
    const auto result = f.run("ok", {declared("e.a", DeliveryMode::Durable, "my.publisher")});
    REQUIRE(result.events.size() == 1);
    const Json event = Json::parse(result.events[0].event_json);
    CHECK(event["payload"]["payload"] == Json{{"masked", true}});
    CHECK(event["payload"]["execution_result"]["result"] == Json{{"value", 1}});
    CHECK(event["metadata"]["region"] == "eu");
    CHECK(event["metadata"]["fired_by"] == "my.publisher");
    CHECK(f.publisher->made == result.events[0].event_json);
    CHECK(eventually(10s, [&] { return f.publisher->all().size() == 5; }));
    CHECK(f.publisher->all() ==
          std::vector<std::string>{"should e.a", "transform e.a", "metadata e.a", "before e.a", "after e.a"});
    f.subscriber.reset();
    f.bus->stop();
    CHECK(f.subscriber_->all().empty());  // a durable event is not heard here
}

TEST_CASE("E03: should_publish and before_publish can keep an event back") {
    EventsFixture f;
    add_probe(f.registry, "ok", &done);
    f.begin();
    f.publisher->wanted = false;
    CHECK(f.run("ok", {declared("e.a", DeliveryMode::Broadcast, "my.publisher")}).events.empty());
    CHECK(f.publisher->all() == std::vector<std::string>{"should e.a"});
    f.publisher->wanted = true;
    f.publisher->allowed = false;
    CHECK(f.run("ok", {declared("e.b", DeliveryMode::Broadcast, "my.publisher")}).events.empty());
    f.subscriber.reset();
    f.bus->stop();
    CHECK(f.subscriber_->all().empty());
    CHECK(f.publisher->error.empty());
}

TEST_CASE("E03: a publisher that fails, or makes what cannot be published, skips its event and hears why") {
    EventsFixture f;
    add_probe(f.registry, "ok", &done);
    f.begin();
    const auto run = [&] {
        return f.run("ok", {with_schema(declared("e.a", DeliveryMode::Durable, "my.publisher"),
                                        R"({"type":"object"})"),
                            declared("e.other")});
    };
    f.publisher->throws = true;
    CHECK(run().events.size() == 1);
    CHECK(f.publisher->error == "cannot transform");
    f.publisher->throws = false;
    for (const char* payload : {"[1]", "{\"a\":", "\"\\u0000\""}) {
        f.publisher->error.clear();
        f.publisher->payload = payload;
        CHECK(run().events.size() == 1);
        CHECK(f.publisher->error.starts_with("payload"));
    }
    f.publisher->payload.reset();
    f.publisher->metadata = "[]";
    CHECK(run().events.size() == 1);
    CHECK(f.publisher->error.find("metadata") != std::string::npos);
    f.publisher->metadata.clear();
    CHECK(run().events.size() == 2);
}

TEST_CASE("E07: an event whose publisher nobody offers is not published under another one's name") {
    EventsFixture f;
    add_probe(f.registry, "ok", &done);
    f.begin();
    const auto result = f.run("ok", {declared("e.a", DeliveryMode::Durable, "gone.publisher")});
    CHECK(result.success);
    CHECK(result.events.empty());
    CHECK(f.sink->contains("Domain event is not published"));
}

TEST_CASE("a publisher that hangs meets the step's deadline") {
    EventsFixture f;
    f.options.cancel_grace_ms = 50;
    Gate gate;
    f.publisher->gate = &gate;
    add_probe(f.registry, "ok", &done);
    f.begin();
    const StepEvent event =
        f.event_for("ok",
                    {declared("e.a", DeliveryMode::Durable, "my.publisher", EventCondition::Always),
                     declared("e.b", DeliveryMode::Durable, {}, EventCondition::Failure)},
                    100);
    f.hand_out(event);
    REQUIRE(eventually(10s, [&] { return gate.waiting() == 1; }));
    f.clock.advance(200);
    REQUIRE(eventually(10s, [&] { return f.runtime.completion_of(event.event_id).has_value(); }));
    const auto result = f.runtime.completion_of(event.event_id)->result;
    CHECK(result.error.value_or(StepError{}).error_code == "HANDLER_TIMEOUT");
    REQUIRE(result.events.size() == 1);  // the one that needs no plugin
    CHECK(result.events[0].name == "e.b");
    gate.open();
    CHECK(eventually(10s, [&] { return f.subscriber->stats().refused == 1; }));
    CHECK(f.runtime.completions().size() == 1);
}

TEST_CASE("E05: subscribers may veto; one that throws is told of it") {
    EventsFixture f;
    f.subscriber_->vetoed = "e.a";
    add_probe(f.registry, "ok", &done);
    f.begin();
    f.run("ok", {declared("e.a", DeliveryMode::Fast), declared("e.b", DeliveryMode::Fast)});
    CHECK(eventually(10s, [&] { return f.subscriber_->all().size() == 2; }));
    f.subscriber_->throws = true;
    f.run("ok", {declared("e.c", DeliveryMode::Fast)});
    f.subscriber.reset();
    f.bus->stop();
    CHECK(f.subscriber_->all() == std::vector<std::string>{"e.b", "after e.b", "error cannot handle"});
    CHECK(f.bus->stats().failed == 1);
}
