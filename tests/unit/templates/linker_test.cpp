#include <doctest/doctest.h>

#include <memory>

#include "tests/unit/templates/template_text.hpp"

using namespace tasker::host;
using namespace tasker::host::testing;

namespace {

class Fake final : public Handler {
  public:
    Fake(std::string callable, std::vector<std::string> methods) {
        info_.callable = std::move(callable);
        info_.methods = std::move(methods);
    }
    const HandlerInfo& info() const override { return info_; }
    std::unique_ptr<HandlerInstance> create(unsigned) override { return nullptr; }

  private:
    HandlerInfo info_;
};

HandlerRegistry offering(std::vector<std::string> callables) {
    HandlerRegistry registry;
    for (auto& callable : callables) {
        registry.register_handler(std::make_shared<Fake>(callable, std::vector<std::string>{"refund"}));
    }
    return registry;
}

}  // namespace

TEST_CASE("a template whose callables are all offered links without a word") {
    const auto loaded = parsed(minimal());
    CHECK(link_templates(loaded.catalog, offering({"demo.first"})).empty());
}

TEST_CASE("a callable that nobody offers is named with step, file and the nearest one") {
    const auto loaded = parsed(minimal());
    const auto found = link_templates(loaded.catalog, offering({"demo.frist", "other.thing"}));
    REQUIRE(found.size() == 1);
    CHECK(
        found[0].str() ==
        "t.yaml:8:17: warning: first.handler.callable: no plugin offers 'demo.first', which step 'first' of "
        "examples/demo/1.0.0 needs, did you mean 'demo.frist'? [HANDLER_NOT_FOUND]");
    CHECK(link_templates(loaded.catalog, {}).at(0).message.find("did you mean") == std::string::npos);
}

TEST_CASE("a method that the handler lacks is named, call and the offered ones are known") {
    const auto with_method = [](const std::string& method) {
        return parsed(minimal("demo", "      method: " + method + "\n"));
    };
    const auto registry = offering({"demo.first"});
    CHECK(link_templates(with_method("refund").catalog, registry).empty());
    CHECK(link_templates(with_method("call").catalog, registry).empty());
    const auto found = link_templates(with_method("refnud").catalog, registry);
    REQUIRE(found.size() == 1);
    CHECK(found[0].code == "METHOD_NOT_FOUND");
    CHECK(found[0].line == 9);
    CHECK(found[0].column == 15);
    CHECK(found[0].message.find("did you mean 'refund'?") != std::string::npos);
}

TEST_CASE("only templates of the asked namespaces are linked") {
    const auto loaded = parsed(minimal());
    CHECK(link_templates(loaded.catalog, {}, {"elsewhere"}).empty());
    CHECK(link_templates(loaded.catalog, {}, {"examples"}).size() == 1);
}

TEST_CASE("a link warning of a later step leads to its own line, also when an environment changes the step") {
    const auto loaded = parsed(minimal("demo",
                                       "  - name: second\n"
                                       "    handler: {initialization: {a: 1}, callable: demo.second}\n"
                                       "environments:\n"
                                       "  test: {steps: [{name: ALL, timeout_seconds: 3}]}\n"),
                               {.environment = "test"});
    const auto found = link_templates(loaded.catalog, offering({"demo.first"}));
    REQUIRE(found.size() == 1);
    CHECK(found[0].line == 10);
    CHECK(found[0].column == 49);
}

TEST_CASE("a template from elsewhere has no places and is linked all the same") {
    const TemplateCatalog catalog({template_from_json(
        R"({"name":"t","namespace_name":"n","version":"1","steps":[{"name":"a","handler":{"callable":"x"}}]})")});
    const auto found = link_templates(catalog, {});
    REQUIRE(found.size() == 1);
    CHECK(found[0].str().starts_with("n/t/1: warning: a.handler.callable"));
}
