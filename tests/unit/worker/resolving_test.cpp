// A template's words for its handlers, from YAML through the store to the call: plugin lookup, custom resolvers, hints,
// methods and environment overrides.

#include <doctest/doctest.h>

#include "host/core/json_text.hpp"
#include "host/templates/template_loader.hpp"
#include "tests/unit/worker/worker_fixture.hpp"

using namespace tasker::host;
using namespace tasker::host::testing;

namespace {

// Answers with its own name, the method that it was asked for and its step's configuration.
class Telling final : public Handler {
  public:
    Telling(std::string callable, std::string plugin, std::vector<std::string> methods = {}) {
        info_.callable = std::move(callable);
        info_.plugin_id = std::move(plugin);
        info_.methods = std::move(methods);
        info_.threading = Threading::Reentrant;
    }
    const HandlerInfo& info() const override { return info_; }
    std::unique_ptr<HandlerInstance> create(unsigned) override {
        return std::make_unique<Instance>(info_.callable);
    }

  private:
    struct Instance final : HandlerInstance {
        explicit Instance(std::string handler) : name(std::move(handler)) {}
        StepOutcome call(const StepEvent& event, CallControl&) override {
            const HandlerRef& ref = event.task_sequence_step.step_definition().handler;
            return Succeeded{"{\"handler\":" + json_string(name) +
                                 ",\"invoked_method\":" + json_string(effective_method(ref.method)) +
                                 ",\"config\":" + ref.initialization_json + "}",
                             "{}"};
        }
        const std::string name;
    };
    HandlerInfo info_;
};

std::shared_ptr<Handler> telling(std::string callable, std::string plugin = {},
                                 std::vector<std::string> methods = {}) {
    return std::make_shared<Telling>(std::move(callable), std::move(plugin), std::move(methods));
}

struct Run {
    Run(const std::string& steps, HandlerRegistry registry, const std::string& environment = {}) {
        BootstrapConfig config = config_in(folder);
        const auto loaded =
            parse_template("name: flow\nnamespace_name: demo\nversion: 1.0.0\nsteps:\n" + steps, "flow.yaml",
                           {.environment = environment, .resolvers = {"mine"}});
        for (const Diagnostic& entry : loaded.diagnostics) {
            if (entry.severity == Severity::Error) FAIL(entry.str());
        }
        config.templates = loaded.catalog;
        started = bootstrap_worker(std::move(config), std::move(registry));
        REQUIRE(started.result.success);
        const auto submitted = started.worker->tasks().create(request_for("demo", "flow"));
        REQUIRE(std::holds_alternative<Uuid>(submitted));
        task = std::get<Uuid>(submitted);
    }
    bool reaches(TaskState state) {
        return eventually(30s, [&] { return started.worker->tasks().get(task)->state == state; });
    }
    std::string results(const std::string& name) {
        const auto view = started.worker->tasks().get(task);
        for (const StepView& step : view->steps) {
            if (step.name == name) return step.results_json;
        }
        return "no such step";
    }
    bool says(const std::string& name, const std::string& part) {
        const std::string text = results(name);
        INFO(text);
        const bool found = text.find(part) != std::string::npos;
        CHECK(found);
        return found;
    }

    TempDir folder;
    Bootstrapped started;
    Uuid task;
};

}  // namespace

TEST_CASE(
    "V02 V03 V06: plugin lookup, a custom resolver and a method of the YAML run, each the right handler") {
    HandlerRegistry registry;
    registry.register_handler(telling("charge", "shop", {"refund"}));
    registry.register_handler(telling("other.charge", "other"));
    registry.add_resolver(prefix_resolver("mine", "my:", [](std::string_view rest) {
        return telling("made for " + std::string(rest), {}, {"twice"});
    }));
    Run run(
        "  - {name: looked_up, handler: {callable: 'shop:charge', method: refund}}\n"
        "  - {name: dotted, handler: {callable: shop.charge}}\n"
        "  - {name: other, handler: {callable: 'other::charge', resolver: plugin_lookup}}\n"
        "  - {name: custom, handler: {callable: 'my:thing', method: twice}}\n"
        "  - {name: hinted, handler: {callable: 'my:thing', resolver: mine}}\n"
        "  - {name: plain, handler: {callable: charge, method: call}}\n",
        std::move(registry));
    REQUIRE(run.reaches(TaskState::Complete));
    run.says("looked_up", R"("handler":"charge","invoked_method":"refund")");
    run.says("dotted", R"("handler":"charge","invoked_method":"call")");
    run.says("other", R"("handler":"other.charge","invoked_method":"call")");
    run.says("custom", R"("handler":"made for thing","invoked_method":"twice")");
    run.says("hinted", R"("handler":"made for thing","invoked_method":"call")");
    run.says("plain", R"("handler":"charge","invoked_method":"call")");
    const WorkerStatus status = worker_status(*run.started.worker);
    CHECK(status.missing_callables.empty());
}

TEST_CASE("V05: a step whose resolver does not exist fails and names those that do") {
    HandlerRegistry registry;
    registry.register_handler(telling("charge", "shop"));
    Run run("  - {name: only, handler: {callable: charge, resolver: nowhere}}\n", std::move(registry));
    REQUIRE(run.reaches(TaskState::BlockedByFailures));
    run.says("only", "RESOLVER_NOT_FOUND");
    run.says("only", "there is no resolver 'nowhere'; there are: explicit_mapping, plugin_lookup");
    const WorkerStatus status = worker_status(*run.started.worker);
    CHECK(status.missing_callables == std::vector<std::string>{"charge"});
}

TEST_CASE(
    "V07: a step whose method does not exist fails with METHOD_NOT_FOUND instead of waiting or running "
    "another") {
    HandlerRegistry registry;
    registry.register_handler(telling("charge", "shop", {"refund"}));
    Run run("  - {name: only, handler: {callable: charge, method: refnud}}\n", std::move(registry));
    REQUIRE(run.reaches(TaskState::BlockedByFailures));
    run.says("only", "METHOD_NOT_FOUND");
    run.says("only", "it has call, refund");
}

TEST_CASE("V08: the handler of the step's name runs where the registry was told so") {
    HandlerRegistry registry;
    registry.register_handler(telling("only", "shop"));
    registry.fall_back_to_step_name(true);
    Run run("  - {name: only, handler: {callable: nobody}}\n", std::move(registry));
    REQUIRE(run.reaches(TaskState::Complete));
    run.says("only", R"("handler":"only")");
}

TEST_CASE("T09 C07: the handler sees the configuration of the worker's environment") {
    HandlerRegistry registry;
    registry.register_handler(telling("charge", "shop"));
    Run run(
        "  - {name: only, handler: {callable: charge, initialization: {url: live, kept: 1}}}\n"
        "environments:\n  test: {steps: [{name: ALL, handler: {initialization: {url: local}}}]}\n",
        std::move(registry), "test");
    REQUIRE(run.reaches(TaskState::Complete));
    run.says("only", R"("config":{"kept":1,"url":"local"})");
}

TEST_CASE("V03: what a stored task asks for is served after a restart, also when its template is gone") {
    const TempDir folder;
    Uuid task;
    {
        BootstrapConfig config = config_in(folder);
        config.templates = parse_template(
                               "name: flow\nnamespace_name: demo\nversion: 1.0.0\nsteps:\n"
                               "  - {name: only, handler: {callable: 'my:thing'}}\n",
                               "flow.yaml", {})
                               .catalog;
        const auto first = bootstrap_worker(std::move(config), {});
        REQUIRE(first.result.success);
        task = std::get<Uuid>(first.worker->tasks().create(request_for("demo", "flow")));
        stop_worker(*first.worker);
    }
    HandlerRegistry registry;
    registry.add_resolver(
        prefix_resolver("mine", "my:", [](std::string_view rest) { return telling(std::string(rest)); }));
    const auto second = bootstrap_worker(config_in(folder), std::move(registry));
    REQUIRE(second.result.success);
    CHECK(eventually(30s, [&] { return second.worker->tasks().get(task)->state == TaskState::Complete; }));
}

TEST_CASE("templates that are read again are offered as they ask, too") {
    HandlerRegistry registry;
    registry.register_handler(telling("charge", "shop"));
    Run run("  - {name: only, handler: {callable: charge}}\n", std::move(registry));
    REQUIRE(run.reaches(TaskState::Complete));
    const auto again = parse_template(
        "name: later\nnamespace_name: demo\nversion: 1.0.0\nsteps:\n"
        "  - {name: only, handler: {callable: 'shop:charge'}}\n",
        "later.yaml", {});
    Worker& worker = *run.started.worker;
    worker.engine().set_catalog(std::make_shared<const TemplateCatalog>(again.catalog));
    worker.event_system().subscriber().offer(again.catalog);
    run.task = std::get<Uuid>(worker.tasks().create(request_for("demo", "later")));
    REQUIRE(run.reaches(TaskState::Complete));
    run.says("only", R"("handler":"charge")");
}
