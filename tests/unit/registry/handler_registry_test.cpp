#include "host/registry/handler_registry.hpp"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "host/core/error.hpp"
#include "tests/unit/registry/named_handler.hpp"

using namespace tasker::host;
using namespace tasker::host::testing;

TEST_CASE("V09: handlers are registered, resolved, listed, counted, taken out and cleared") {
    HandlerRegistry registry;
    CHECK(registry.handler_count() == 0);
    registry.register_handler(named("b"));
    registry.register_handler("a", [](const StepEvent&, CallControl&) -> StepOutcome { return Succeeded{}; });
    CHECK(registry.list_handlers() == std::vector<std::string>{"a", "b"});
    CHECK(registry.handler_count() == 2);
    CHECK(registry.is_registered("a"));
    CHECK(registry.resolve("a")->info().callable == "a");
    CHECK(registry.unregister_handler("a"));
    CHECK_FALSE(registry.unregister_handler("a"));
    CHECK_FALSE(registry.is_registered("a"));
    CHECK(registry.resolve("a") == nullptr);
    registry.clear();
    CHECK(registry.handler_count() == 0);
    CHECK(registry.all().empty());
    CHECK(registry.list_resolvers().size() == 2);
}

TEST_CASE("V10: a callable that is taken is refused with both sources, and the first one stays") {
    HandlerRegistry registry;
    registry.register_handler(named("pay", "one"));
    try {
        registry.register_handler(named("pay", "two"));
        FAIL("accepted");
    } catch (const PluginError& error) {
        CHECK(std::string(error.what()) == "callable 'pay' is offered twice: by one.so and by two.so");
        CHECK(error.hint().find("remove one") != std::string::npos);
    }
    CHECK(registry.resolve("pay")->info().plugin_id == "one");
}

TEST_CASE("V11: debug_info tells each callable with plugin, version and source, and the resolvers in order") {
    HandlerRegistry registry;
    registry.register_handler(named("pay \"now\"", "shop", {"refund"}));
    registry.add_resolver(prefix_resolver("mine", "my:", [](std::string_view) { return nullptr; }));
    const auto info = nlohmann::json::parse(registry.debug_info());
    CHECK(info == nlohmann::json::parse(R"({
        "handlers": [{"callable": "pay \"now\"", "plugin": "shop", "version": "1.2.3", "source": "shop.so",
                      "kind": "step", "methods": "call, refund"}],
        "resolvers": [{"name": "explicit_mapping", "priority": 10}, {"name": "mine", "priority": 50},
                      {"name": "plugin_lookup", "priority": 100}],
        "fallback_to_step_name": false})"));
}

TEST_CASE("two registries share nothing, and a moved one keeps its handlers and resolvers") {
    HandlerRegistry one, two;
    one.register_handler(named("a"));
    CHECK(two.resolve("a") == nullptr);
    const HandlerRegistry moved = std::move(one);
    CHECK(moved.resolve("a") != nullptr);
    CHECK(moved.find(asking("a", "explicit_mapping")).handler != nullptr);
}
