// Publishers and subscribers of domain events through their C functions, as the host calls them.
#include <doctest/doctest.h>

#include <cstring>
#include <stdexcept>
#include <string>
#include <tasker/sdk.hpp>
#include <tasker/testing.hpp>

using namespace tasker;
using tasker::detail::borrow;

namespace {
struct Written {
    std::string text;
    tasker_sink sink{this, [](void* to, const char* bytes, std::size_t size) noexcept -> std::int32_t {
                         static_cast<Written*>(to)->text.append(bytes, size);
                         return TASKER_OK;
                     }};
};

struct Masked : EventPublisher {
    static constexpr std::string_view publisher_name = "pay.masked";
    explicit Masked(const EventSetup& setup) : mask(setup.config.value("mask", "****")) {}
    bool should_publish(const DomainEvent& event) override { return event.success; }
    std::optional<json> transform_payload(const DomainEvent& event) override {
        if (!event.payload.contains("card")) return std::nullopt;
        if (event.payload["card"] == "nan") return json(std::numeric_limits<double>::quiet_NaN());
        auto payload = event.payload;
        payload["card"] = mask;
        return payload;
    }
    json additional_metadata(const DomainEvent& event) override {
        return event.name == "payment.made" ? json{{"by", event.step_name}} : json();
    }
    bool before_publish(const DomainEvent& event) override {
        return event.metadata.value("by", "") != "nobody";
    }
    void after_publish(const DomainEvent& event) override { last = "after " + event.name; }
    void on_publish_error(const DomainEvent&, std::string_view why) override {
        last = why;
        throw std::runtime_error("contained");
    }
    std::string mask, last;
};
struct Quiet : EventPublisher {
    static constexpr std::string_view publisher_name = "pay.quiet";
    Quiet() = default;
};
struct Picky : EventPublisher {
    static constexpr std::string_view publisher_name = "pay.picky";
    explicit Picky(const EventSetup&) { throw std::runtime_error("no mask configured"); }
    bool should_publish(const DomainEvent&) override { throw 42; }
};
using Amount = publisher_function<"pay.amount", [](const DomainEvent& event) -> std::optional<json> {
    if (!event.payload.contains("amount")) return std::nullopt;
    return json{{"amount", event.payload["amount"]}};
}>;

struct Counter : EventSubscriber {
    static constexpr std::string_view subscriber_name = "pay.counter";
    static constexpr std::array subscribes_to{"payment.*", "refund.made"};
    bool before_handle(const DomainEvent& event) override { return event.name != "payment.vetoed"; }
    void handle(const DomainEvent& event) override {
        if (event.name == "payment.bad") throw std::runtime_error("cannot count");
        ++count;
    }
    void after_handle(const DomainEvent&) override { ++after; }
    void on_handle_error(const DomainEvent&, std::string_view why) override { last = why; }
    int count = 0, after = 0;
    std::string last;
};
struct Everything : EventSubscriber {
    static constexpr std::string_view subscriber_name = "all";
    void handle(const DomainEvent&) override {}
};
int heard = 0;
using Log = subscriber_function<"pay.log", "order.*", [](const DomainEvent&) { ++heard; }>;

struct Handle : StepHandler {
    static constexpr std::string_view handler_name = "h";
    StepHandlerResult call(StepContext&) override { return success(); }
};
using Whole = tasker::detail::PluginOf<"org.example.p", "1.0.0", tasker::detail::NoState, Counter, Masked,
                                       Handle, Log, Everything, Amount>::type;
using Plain = tasker::detail::PluginOf<"org.example.p", "1.0.0", tasker::detail::NoState, Handle>::type;

struct Event {
    std::string name = "payment.made", payload = R"({"card":"4111","amount":5})",
                metadata = R"({"by":"charge"})";
    std::uint32_t flags = TASKER_EVENT_SUCCESS;
    tasker_event_v0 table() const {
        tasker_event_v0 event{};
        event.struct_size = sizeof event;
        event.flags = flags;
        event.delivery = TASKER_DELIVERY_FAST;
        event.name = borrow(name);
        event.step_name = borrow("charge");
        event.payload_json = borrow(payload);
        event.metadata_json = borrow(metadata);
        return event;
    }
};

// An instance made and destroyed through the table.
template <class Table>
struct Made {
    explicit Made(const Table& given, const std::string& config = "{}") : table(given) {
        const tasker_create_v0 args{sizeof args, 0, host.table(), borrow(config), nullptr, &error.sink};
        status = table.create(&table, &args, &instance);
    }
    ~Made() { table.destroy(instance); }
    Made(const Made&) = delete;
    Made& operator=(const Made&) = delete;
    const Table& table;
    testing::detail::FakeHost host;
    Written error;
    void* instance = nullptr;
    std::int32_t status = 0;
};
}  // namespace

TEST_CASE("E03: a publisher's functions through the ABI") {
    const auto& table = tasker::detail::PublisherDescriptor<Masked>::value;
    CHECK(std::string(table.name) == "pay.masked");
    const Made made(table, R"({"mask":"##"})");
    REQUIRE(made.status == TASKER_OK);
    auto& masked = *static_cast<Masked*>(made.instance);
    Event given;
    auto event = given.table();
    Written error, text;
    CHECK(table.should_publish(made.instance, &event, &error.sink) == 1);
    CHECK(table.transform_payload(made.instance, &event, &text.sink, &error.sink) == TASKER_OK);
    CHECK(json::parse(text.text) == json{{"card", "##"}, {"amount", 5}});
    text.text.clear();
    CHECK(table.additional_metadata(made.instance, &event, &text.sink, &error.sink) == TASKER_OK);
    CHECK(json::parse(text.text) == json{{"by", "charge"}});
    CHECK(table.before_publish(made.instance, &event, &error.sink) == 1);
    table.after_publish(made.instance, &event);
    CHECK(masked.last == "after payment.made");
    table.on_error(made.instance, &event, "why", 3);  // what it throws stays inside
    CHECK(masked.last == "why");
    CHECK(error.text.empty());

    given = {"other.event", "{}", R"({"by":"nobody"})", 0};
    event = given.table();
    text.text.clear();
    CHECK(table.should_publish(made.instance, &event, &error.sink) == 0);
    CHECK(table.transform_payload(made.instance, &event, &text.sink, &error.sink) == TASKER_OK);
    CHECK(table.additional_metadata(made.instance, &event, &text.sink, &error.sink) == TASKER_OK);
    CHECK(text.text.empty());
    CHECK(table.before_publish(made.instance, &event, &error.sink) == 0);
}

TEST_CASE("E03: what a publisher throws becomes a status and a text") {
    Written error, text;
    const Made made(tasker::detail::PublisherDescriptor<Masked>::value);
    Event given{"payment.made", R"({"card":"nan"})", "{}", TASKER_EVENT_SUCCESS};
    auto event = given.table();
    CHECK(made.table.transform_payload(made.instance, &event, &text.sink, &error.sink) == TASKER_E_FAILED);
    CHECK(error.text == "it has a number that is not finite");
    given.payload = "{broken";
    event = given.table();
    CHECK(made.table.should_publish(made.instance, &event, &error.sink) == TASKER_E_FAILED);
    CHECK(text.text.empty());

    const Made picky(tasker::detail::PublisherDescriptor<Picky>::value);
    CHECK(picky.status == TASKER_E_CONFIG);
    CHECK(picky.error.text == "no mask configured");
    const Made quiet(tasker::detail::PublisherDescriptor<Quiet>::value);
    CHECK(quiet.status == TASKER_OK);
}

TEST_CASE("a publisher of one line: its value is the payload, nothing is no event") {
    const Made made(tasker::detail::PublisherDescriptor<Amount>::value);
    Written error, text;
    Event given;
    auto event = given.table();
    CHECK(made.table.should_publish(made.instance, &event, &error.sink) == 1);
    CHECK(made.table.transform_payload(made.instance, &event, &text.sink, &error.sink) == TASKER_OK);
    CHECK(json::parse(text.text) == json{{"amount", 5}});
    given.payload = "{}";
    event = given.table();
    CHECK(made.table.should_publish(made.instance, &event, &error.sink) == 0);
}

TEST_CASE("E04: a subscriber's functions and patterns through the ABI") {
    const auto& table = tasker::detail::SubscriberDescriptor<Counter>::value;
    REQUIRE(table.pattern_count == 2);
    CHECK(std::string(table.patterns[0]) == "payment.*");
    CHECK(std::string(table.patterns[1]) == "refund.made");
    const Made made(table);
    auto& counter = *static_cast<Counter*>(made.instance);
    Written error;
    Event given;
    auto event = given.table();
    CHECK(table.before_handle(made.instance, &event, &error.sink) == 1);
    CHECK(table.handle(made.instance, &event, &error.sink) == TASKER_OK);
    table.after_handle(made.instance, &event);
    CHECK(counter.count == 1);
    CHECK(counter.after == 1);
    given.name = "payment.vetoed";
    event = given.table();
    CHECK(table.before_handle(made.instance, &event, &error.sink) == 0);
    given.name = "payment.bad";
    event = given.table();
    CHECK(table.handle(made.instance, &event, &error.sink) == TASKER_E_FAILED);
    CHECK(error.text == "cannot count");
    table.on_error(made.instance, &event, "why", 3);
    CHECK(counter.last == "why");

    const auto& all = tasker::detail::SubscriberDescriptor<Everything>::value;
    REQUIRE(all.pattern_count == 1);
    CHECK(std::string(all.patterns[0]) == "*");
    const Made log(tasker::detail::SubscriberDescriptor<Log>::value);
    CHECK(std::string(log.table.patterns[0]) == "order.*");
    CHECK(log.table.handle(log.instance, &event, &error.sink) == TASKER_OK);
    CHECK(heard == 1);
}

TEST_CASE("handlers, publishers and subscribers of a plugin are told apart by their bases") {
    const auto& plugin = Whole::plugin;
    REQUIRE(plugin.handler_count == 1);
    CHECK(std::string(plugin.handlers[0]->callable) == "h");
    const auto* publishers = static_cast<const tasker_event_publishers_v0*>(
        plugin.get_extension(&plugin, TASKER_EXT_EVENT_PUBLISHER));
    REQUIRE(publishers != nullptr);
    REQUIRE(publishers->count == 2);
    CHECK(std::string(publishers->items[0]->name) == "pay.masked");
    CHECK(std::string(publishers->items[1]->name) == "pay.amount");
    const auto* subscribers = static_cast<const tasker_event_subscribers_v0*>(
        plugin.get_extension(&plugin, TASKER_EXT_EVENT_SUBSCRIBER));
    REQUIRE(subscribers != nullptr);
    CHECK(subscribers->count == 3);
    CHECK(plugin.get_extension(&plugin, "tasker.unknown/0") == nullptr);
    CHECK((Plain::plugin.get_extension == nullptr));
}

TEST_CASE("an event as C++ sees it") {
    const Event given;
    const auto event = tasker::detail::event_of(given.table());
    CHECK(event.name == "payment.made");
    CHECK(event.delivery == Delivery::Fast);
    CHECK(event.success);
    CHECK_FALSE(event.retryable);
    CHECK(event.payload["amount"] == 5);
    CHECK(event.step_result.is_null());
    CHECK(event.text.empty());
}
