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
    explicit Fake(HandlerInfo info) : info_(std::move(info)) {}
    const HandlerInfo& info() const override { return info_; }
    std::unique_ptr<HandlerInstance> create(unsigned) override { return nullptr; }

  private:
    HandlerInfo info_;
};

// What the linker says of the template's one step, whose handler is of a plugin and of this kind.
std::vector<Diagnostic> linked(const TaskTemplate& one, const std::string& kind,
                               const std::string& schema = {}) {
    HandlerInfo info;
    info.callable = one.steps[0].handler.callable;
    info.kind = kind;
    info.config_schema_json = schema;
    info.plugin_id = "org.example.demo";
    info.plugin_version = "1.0.0";
    HandlerRegistry registry;
    registry.register_handler(std::make_shared<Fake>(info));
    return link_templates(TemplateCatalog({one}), registry);
}

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

TEST_CASE("T12: a callable that nobody offers is named with step, file and the nearest one") {
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

TEST_CASE("V03: a resolver that the embedding program names is known when the file is read") {
    const std::string yaml = minimal("demo", "      resolver: mine\n");
    CHECK(with_code(parsed(yaml), "UNKNOWN_RESOLVER") != nullptr);
    CHECK(parsed(yaml, {.resolvers = {"mine"}}).diagnostics.empty());
}

TEST_CASE("V05: a resolver that does not exist is an error at the place where the template says it") {
    const auto loaded = parsed(minimal("demo", "      resolver: mine\n"));
    const auto found = link_templates(loaded.catalog, offering({"demo.first"}));
    REQUIRE(found.size() == 1);
    CHECK(found[0].str() ==
          "t.yaml:9:17: error: first.handler.resolver: there is no resolver 'mine'; there are: "
          "explicit_mapping, "
          "plugin_lookup; step 'first' of examples/demo/1.0.0 fails until that is corrected "
          "[RESOLVER_NOT_FOUND]");
    HandlerRegistry registry = offering({"demo.first"});
    registry.add_resolver(prefix_resolver("mine", "demo.", [](std::string_view) {
        return std::make_shared<Fake>("made", std::vector<std::string>{});
    }));
    CHECK(link_templates(loaded.catalog, registry).empty());
}

TEST_CASE("T12: linking goes through the resolvers, as running does") {
    HandlerRegistry registry;
    const auto loaded = parsed(minimal());
    CHECK(link_templates(loaded.catalog, registry).size() == 1);
    registry.add_resolver(prefix_resolver("mine", "demo.", [](std::string_view) {
        return std::make_shared<Fake>("made", std::vector<std::string>{});
    }));
    CHECK(link_templates(loaded.catalog, registry).empty());
}

TEST_CASE(
    "H03: a configuration that the handler's schema refuses is an error with place, pointer and plugin") {
    const auto loaded = parsed(minimal("demo", "      initialization: {url: 5}\n"));
    REQUIRE(loaded.catalog.all().size() == 1);
    const TaskTemplate& one = *loaded.catalog.all()[0];
    CHECK(linked(one, "step", R"({"properties":{"url":{"type":"integer"}}})").empty());
    const auto found = linked(one, "step", R"({"properties":{"url":{"type":"string"}}})");
    REQUIRE(found.size() == 1);
    CHECK(found[0].severity == Severity::Error);
    const std::string text = found[0].str();
    for (const auto* part : {"t.yaml:8:17: error: first.handler.initialization:", "'/url' breaks 'type'",
                             "step 'first'", "org.example.demo@1.0.0", "[CONFIG_INVALID]"})
        CHECK_MESSAGE(text.find(part) != std::string::npos, text);
}

TEST_CASE("H02: a handler whose kind cannot do what the step's type asks is a warning") {
    TaskTemplate one = *parsed(minimal()).catalog.all().at(0);
    const auto said = [&](StepType type, const std::string& kind) {
        one.steps[0].type = type;
        const auto found = linked(one, kind);
        return found.empty() ? std::string("-")
                             : found[0].code + " " +
                                   std::string(found[0].severity == Severity::Warning ? "warning" : "error");
    };
    const std::string warned = "HANDLER_KIND warning";
    CHECK(said(StepType::Standard, "step") == "-");
    CHECK(said(StepType::Decision, "decision") == "-");
    CHECK(said(StepType::Decision, "step") == warned);
    CHECK(said(StepType::Decision, "batch_worker") == warned);
    CHECK(said(StepType::Batchable, "batch_analyzer") == "-");
    CHECK(said(StepType::Batchable, "step") == warned);
    CHECK(said(StepType::BatchWorker, "batch_worker") == "-");
    CHECK(said(StepType::BatchWorker, "step") == "-");
    CHECK(said(StepType::Standard, "batch_worker") == warned);
}
