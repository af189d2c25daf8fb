#include <doctest/doctest.h>

#include "host/scan/declared_handlers.hpp"
#include "host/templates/template_loader.hpp"
#include "tests/unit/scan/sample_facts.hpp"

using namespace tasker::host;
using namespace tasker::host::testing;

namespace {
ScannedFile file(const std::string& state) {
    ScannedFile out;
    const PluginFacts facts = sample_facts();
    out.report.path = "/plugins/shop.so";
    out.report.state = state;
    out.report.handlers = facts.handlers;
    out.report.resolvers = facts.resolvers;
    return out;
}

std::vector<std::string> codes(const std::string& handler, const HandlerRegistry& registry) {
    const auto loaded = parse_template(
        "name: t\nnamespace_name: n\nversion: 1.0.0\nsteps:\n  - name: s\n    handler: " + handler + "\n",
        "t.yaml", {.resolvers = {"shop.by_prefix"}});
    REQUIRE(loaded.catalog.all().size() == 1);
    std::vector<std::string> out;
    for (const auto& one : link_templates(loaded.catalog, registry)) out.push_back(one.code);
    return out;
}
using Codes = std::vector<std::string>;
}  // namespace

TEST_CASE("templates are linked against what plugins declare") {
    const HandlerRegistry registry = declared_registry({file("loaded")});
    CHECK(codes("{callable: shop.plain}", registry) == Codes{});
    CHECK(codes("{callable: shop.charge, method: refund, initialization: {}}", registry) == Codes{});
    CHECK(codes("{callable: shop.charge, method: fly}", registry) == Codes{"METHOD_NOT_FOUND"});
    CHECK(codes("{callable: shop.gone}", registry) == Codes{"HANDLER_NOT_FOUND"});
    CHECK(codes("{callable: report.daily, resolver: shop.by_prefix}", registry) == Codes{});
    CHECK(codes("{callable: ab}", registry) == Codes{});
    CHECK(codes("{callable: abc}", registry) == Codes{"HANDLER_NOT_FOUND"});
}

TEST_CASE("a file that is not usable declares nothing, and a declaration cannot be run") {
    CHECK(declared_registry({file("quarantined")}).handler_count() == 0);
    CHECK(declared_registry({file("rejected")}).list_resolvers().size() == 2);
    const HandlerRegistry registry = declared_registry({file("duplicate")});
    CHECK(registry.handler_count() == 2);
    CHECK_THROWS_AS(registry.resolve("shop.plain")->create(0), PluginError);
}
