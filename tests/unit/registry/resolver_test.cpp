#include "host/registry/resolver.hpp"

#include <doctest/doctest.h>

#include <stdexcept>

#include "host/core/error.hpp"
#include "tests/unit/registry/named_handler.hpp"

using namespace tasker::host;
using namespace tasker::host::testing;

namespace {

using Verdict = Resolution::Verdict;

// Answers to everything, with a handler of its own name.
class Anything final : public HandlerResolver {
  public:
    Anything(std::string name, int priority, bool has = true)
        : name_(std::move(name)), priority_(priority), has_(has) {}
    const std::string& name() const override { return name_; }
    int priority() const override { return priority_; }
    bool can_resolve(std::string_view) const override { return true; }
    std::shared_ptr<Handler> resolve(std::string_view) const override {
        return has_ ? named(name_) : nullptr;
    }

  private:
    std::string name_;
    int priority_;
    bool has_;
};

std::string found_by(const HandlerRegistry& registry, const HandlerRef& ref) {
    const Resolution resolution = registry.find(ref);
    CHECK((resolution.handler != nullptr) == (resolution.verdict == Verdict::Found));
    CHECK(resolution.fault.empty() == (resolution.verdict == Verdict::Found));
    return resolution.resolver;
}

}  // namespace

TEST_CASE("V01: the explicit mapping finds the exact name and nothing like it") {
    HandlerRegistry registry;
    registry.register_handler(named("pay.charge"));
    CHECK(found_by(registry, asking("pay.charge")) == "explicit_mapping");
    for (const char* other : {"pay.charg", "pay.charges", "Pay.charge", "pay", ""})
        CHECK(registry.find(asking(other)).verdict == Verdict::NoHandler);
}

TEST_CASE("V02: a handler is found by its plugin and its name, in each spelling") {
    HandlerRegistry registry;
    registry.register_handler(named("charge", "shop"));
    registry.register_handler(named("shop.refund", "shop"));
    registry.register_handler(named("org.acme.tools.clean", "org.acme.tools"));
    for (const char* name : {"shop:charge", "shop::charge", "shop.charge"}) {
        CAPTURE(name);
        const Resolution found = registry.find(asking(name));
        REQUIRE(found.handler != nullptr);
        CHECK(found.handler->info().callable == "charge");
        CHECK(found.resolver == "plugin_lookup");
    }
    CHECK(registry.resolve("shop:refund")->info().callable == "shop.refund");
    CHECK(registry.resolve("shop:shop.refund")->info().callable == "shop.refund");
    CHECK(found_by(registry, asking("shop.refund")) == "explicit_mapping");
    CHECK(registry.resolve("org.acme.tools:clean")->info().callable == "org.acme.tools.clean");
    for (const char* name :
         {"shop:", "shop", "shop:char", "other:charge", ":charge", "shop/charge", "shop:::charge"}) {
        CAPTURE(name);
        CHECK(registry.resolve(name) == nullptr);
    }
}

TEST_CASE("V02: a callable that looks like a file leads nowhere") {
    HandlerRegistry registry;
    registry.register_handler(named("charge", "shop"));
    for (const char* name :
         {"../shop.so:charge", "/usr/lib/shop.so:charge", "./shop:charge", "shop.so:charge"})
        CHECK(registry.resolve(name) == nullptr);
}

TEST_CASE("V02: a name that two handlers fit finds neither") {
    HandlerRegistry registry;
    registry.register_handler(named("charge", "shop"));
    registry.register_handler(named("shop.charge2", "shop"));
    CHECK(registry.resolve("shop:charge") != nullptr);
    registry.register_handler(named("shop.charge", "shop"));
    CHECK(registry.resolve("shop:charge") == nullptr);
}

TEST_CASE("V03: a custom resolver by prefix is given the rest, one by pattern what its groups caught") {
    HandlerRegistry registry;
    std::string rest, caught;
    registry.add_resolver(prefix_resolver("by_prefix", "http:", [&](std::string_view text) {
        rest = text;
        return named("h");
    }));
    registry.add_resolver(pattern_resolver("by_pattern", "sql\\.([a-z]+)",
                                           [&](std::string_view callable, const CaughtGroups& groups) {
                                               caught = std::string(callable) + "|" + groups.at(0);
                                               return named("q");
                                           }));
    CHECK(found_by(registry, asking("http:get")) == "by_prefix");
    CHECK(rest == "get");
    CHECK(found_by(registry, asking("sql.insert")) == "by_pattern");
    CHECK(caught == "sql.insert|insert");
    CHECK(registry.resolve("sql.insert now") == nullptr);
    CHECK(registry.resolve("xsql.insert") == nullptr);
    CHECK_THROWS_AS(pattern_resolver("bad", "(", nullptr), Error);
    CHECK_THROWS_AS(registry.add_resolver(prefix_resolver("by_prefix", "x", nullptr)), PluginError);
    CHECK_THROWS_AS(registry.add_resolver(prefix_resolver("explicit_mapping", "x", nullptr)), PluginError);
    CHECK_THROWS_AS(registry.add_resolver(prefix_resolver("", "x", nullptr)), PluginError);
}

TEST_CASE("V04: lower priorities are asked first, equal ones in the order in which they were added") {
    HandlerRegistry registry;
    registry.register_handler(named("x"));
    registry.add_resolver(std::make_shared<Anything>("last", 200));
    registry.add_resolver(std::make_shared<Anything>("second", 50, false));
    registry.add_resolver(std::make_shared<Anything>("third", 50));
    registry.add_resolver(std::make_shared<Anything>("fourth", 50));
    const std::vector<ResolverEntry> order{{"explicit_mapping", 10}, {"second", 50},         {"third", 50},
                                           {"fourth", 50},           {"plugin_lookup", 100}, {"last", 200}};
    CHECK(registry.list_resolvers() == order);
    CHECK(found_by(registry, asking("x")) == "explicit_mapping");
    CHECK(found_by(registry, asking("y")) == "third");
    registry.add_resolver(std::make_shared<Anything>("first", 5));
    CHECK(found_by(registry, asking("x")) == "first");
}

TEST_CASE("V05: a hint asks that resolver alone and never falls back to another") {
    HandlerRegistry registry;
    registry.register_handler(named("x", "shop"));
    registry.add_resolver(std::make_shared<Anything>("mine", 50));
    registry.add_resolver(std::make_shared<Anything>("empty", 60, false));
    CHECK(registry.find(asking("x", "mine")).handler->info().callable == "mine");
    CHECK(registry.find(asking("x", "explicit_mapping")).handler->info().callable == "x");
    const Resolution none = registry.find(asking("x", "empty"));
    CHECK(none.verdict == Verdict::NoHandler);
    CHECK(none.fault == "resolver 'empty' has no handler 'x', and no other one is asked");
    CHECK(registry.find(asking("x", "plugin_lookup")).handler == nullptr);
}

TEST_CASE("V05: an unknown hint is told with the resolvers that there are") {
    HandlerRegistry registry;
    registry.register_handler(named("x"));
    const Resolution unknown = registry.find(asking("x", "explicit_maping"));
    CHECK(unknown.verdict == Verdict::NoSuchResolver);
    CHECK(unknown.handler == nullptr);
    CHECK(unknown.fault ==
          "there is no resolver 'explicit_maping', did you mean 'explicit_mapping'?; there are: "
          "explicit_mapping, "
          "plugin_lookup");
}

TEST_CASE("V03: a resolver that throws counts as one that has nothing, and its words are told") {
    HandlerRegistry registry;
    registry.add_resolver(prefix_resolver("broken", "", [](std::string_view) -> std::shared_ptr<Handler> {
        throw std::runtime_error("no luck");
    }));
    const Resolution none = registry.find(asking("x"));
    CHECK(none.verdict == Verdict::NoHandler);
    CHECK(none.resolver_failed);
    CHECK(none.fault.find("resolver 'broken' failed: no luck") != std::string::npos);
    registry.add_resolver(std::make_shared<Anything>("good", 60));
    CHECK(found_by(registry, asking("x")) == "good");
}

TEST_CASE("V08: the step's name is looked for only when that was asked for, and not behind a hint") {
    HandlerRegistry registry;
    registry.register_handler(named("validate"));
    CHECK(registry.find(asking("nobody"), "validate").verdict == Verdict::NoHandler);
    registry.fall_back_to_step_name(true);
    const Resolution found = registry.find(asking("nobody"), "validate");
    REQUIRE(found.handler != nullptr);
    CHECK(found.by_step_name);
    CHECK(registry.find(asking("nobody", "explicit_mapping"), "validate").handler == nullptr);
    CHECK_FALSE(registry.find(asking("validate"), "other").by_step_name);
}

TEST_CASE("H10: call is a method of every handler, the others only where they are offered") {
    const auto handler = named("x", "", {"refund"});
    CHECK(offers_method(handler->info(), ""));
    CHECK(offers_method(handler->info(), "call"));
    CHECK(offers_method(handler->info(), "refund"));
    CHECK_FALSE(offers_method(handler->info(), "Refund"));
    CHECK(methods_of(handler->info()) == "call, refund");
}
