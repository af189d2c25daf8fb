#include <doctest/doctest.h>

#include "host/model/template_catalog.hpp"

using namespace tasker::host;

namespace {

TaskTemplate entry(const char* namespace_name, const char* name, const char* version, const char* callable) {
    TaskTemplate out;
    out.namespace_name = namespace_name;
    out.name = name;
    out.version = version;
    StepTemplate step;
    step.name = "s";
    step.handler.callable = callable;
    out.steps.push_back(step);
    return out;
}

}  // namespace

TEST_CASE("a catalogue finds by all three parts of the id and lists in order") {
    const TemplateCatalog catalog(
        {entry("b", "x", "2", "c1"), entry("a", "y", "1", "c2"), entry("b", "x", "10", "c1")});
    REQUIRE(catalog.all().size() == 3);
    CHECK(catalog.all()[0]->id() == "a/y/1");
    CHECK(catalog.all()[1]->id() == "b/x/10");
    REQUIRE(catalog.find("b", "x", "2") != nullptr);
    CHECK(catalog.find("b", "x", "3") == nullptr);
    CHECK(catalog.find("a", "x", "2") == nullptr);
    CHECK(catalog.named("x").size() == 2);
    CHECK(catalog.named("z").empty());
}

TEST_CASE("namespaces and callables are told once, callables also for some namespaces only") {
    const TemplateCatalog catalog(
        {entry("b", "x", "2", "c1"), entry("a", "y", "1", "c2"), entry("b", "z", "1", "c1")});
    CHECK(catalog.namespaces() == std::set<std::string>{"a", "b"});
    CHECK(catalog.callables() == std::set<std::string>{"c1", "c2"});
    CHECK(catalog.callables({"a"}) == std::set<std::string>{"c2"});
    CHECK(catalog.callables({"none"}).empty());
}

TEST_CASE("an empty catalogue answers everything with nothing") {
    const TemplateCatalog catalog;
    CHECK(catalog.all().empty());
    CHECK(catalog.find("a", "b", "c") == nullptr);
    CHECK(catalog.namespaces().empty());
}
