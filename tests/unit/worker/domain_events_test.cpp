// Domain events of a whole worker over the embedded engine.
#include <doctest/doctest.h>

#include "host/core/guarded.hpp"
#include "tests/unit/worker/worker_fixture.hpp"

using namespace tasker::host;
using namespace tasker::host::testing;

namespace {
TaskTemplate publishing(const std::string& declaration) {
    return template_from_json(
        R"({"name":"pay","namespace_name":"demo","version":"1.0.0","steps":[{"name":"charge","handler":{"callable":"greet","initialization":{}},"publishes_events":[)" +
        declaration + "]}]}");
}
struct Mask final : EventPublisher {
    const std::string& name() const override { return name_; }
    const std::string& source() const override { return name_; }
    const std::string name_ = "pay.masked";
};
struct Ears final : EventSubscriber {
    const std::string& name() const override { return name_; }
    const std::string& source() const override { return name_; }
    const std::vector<std::string>& patterns() const override { return patterns_; }
    void handle(const EventNote& note) override {
        heard.with([&](auto& all) { all.emplace_back(note.name); });
    }
    Guarded<std::vector<std::string>> heard;
    const std::string name_ = "ears";
    const std::vector<std::string> patterns_{"payment.*"};
};
}  // namespace

TEST_CASE(
    "E06: subscribers are started with the worker, hear what its steps publish, and are drained at its "
    "stop") {
    const TempDir folder;
    BootstrapConfig config = config_in(folder);
    config.templates = TemplateCatalog({publishing(
        R"({"name":"payment.made","description":"d","schema":{"type":"object"},"delivery_mode":"fast"},
           {"name":"other.thing","description":"d","schema":{"type":"object"},"delivery_mode":"broadcast"})")});
    const auto ears = std::make_shared<Ears>();
    auto extensions = std::make_shared<EventExtensions>();
    extensions->add(ears);
    config.event_extensions = extensions;
    HandlerRegistry registry;
    add_greeter(registry);
    auto [worker, result] = bootstrap_worker(std::move(config), std::move(registry));
    REQUIRE(result.success);
    Guarded<int> others;
    const auto subscription = worker->domain_events().subscribe(
        "test", {"other.*"}, [&](const DomainEvent&) { others.with([](int& count) { ++count; }); });
    const auto submitted = worker->tasks().create(request_for("demo", "pay"));
    REQUIRE(std::holds_alternative<Uuid>(submitted));
    CHECK(eventually(
        10s, [&] { return worker->tasks().get(std::get<Uuid>(submitted))->state == TaskState::Complete; }));
    stop_worker(*worker);
    CHECK(ears->heard.with([](const auto& all) { return all; }) == std::vector<std::string>{"payment.made"});
    CHECK(others.with([](int count) { return count; }) == 1);
    const WorkerStatus status = worker_status(*worker);
    CHECK(status.event_subscribers == 2);
    CHECK(status.events_delivered == 2);
    CHECK(status.events_dropped == 0);
    CHECK(to_json(status).find(R"("events_delivered":2)") != std::string::npos);
}

TEST_CASE("E07: a template that names a publisher which nobody offers keeps the worker from starting") {
    const TempDir folder;
    const std::string declaration =
        R"({"name":"payment.made","description":"d","schema":{"type":"object"},"publisher":"pay.maskd"})";
    const auto bootstrap = [&](const std::string& text, bool handler_is_here = true) {
        BootstrapConfig config = config_in(folder);
        config.templates = TemplateCatalog({publishing(text)});
        auto extensions = std::make_shared<EventExtensions>();
        extensions->add(std::make_shared<Mask>());
        config.event_extensions = extensions;
        HandlerRegistry registry;
        if (handler_is_here) add_greeter(registry);
        return bootstrap_worker(std::move(config), std::move(registry)).result;
    };
    const auto refused = bootstrap(declaration);
    CHECK_FALSE(refused.success);
    CHECK(refused.message.find(
              "event 'payment.made' of demo/pay/1.0.0#charge names the publisher 'pay.maskd', which "
              "no plugin offers, did you mean 'pay.masked'?") != std::string::npos);
    for (const char* good : {"pay.masked", "default"}) {
        std::string text = declaration;
        text.replace(text.find("pay.maskd"), 9, good);
        CHECK(bootstrap(text).success);
    }
    INFO("a step that runs elsewhere is published there");
    CHECK(bootstrap(declaration, false).success);
}

TEST_CASE("E07: publishers have one name each, and `default` is nobody's") {
    EventExtensions extensions;
    extensions.add(std::make_shared<Mask>());
    CHECK_THROWS_WITH_AS(extensions.add(std::make_shared<Mask>()), doctest::Contains("offered twice"),
                         PluginError);
    struct Default final : EventPublisher {
        const std::string& name() const override { return name_; }
        const std::string& source() const override { return name_; }
        const std::string name_ = "default";
    };
    CHECK_THROWS_AS(extensions.add(std::make_shared<Default>()), PluginError);
    CHECK(extensions.publisher_names() == std::vector<std::string>{"pay.masked"});
    CHECK(extensions.publisher("pay.masked") != nullptr);
    CHECK(extensions.publisher("default") == nullptr);
}
