// From the words of a template (callable, resolver, method) to the handler that runs, through the whole executor.

#include "host/subscriber/resolutions.hpp"

#include <doctest/doctest.h>

#include "tests/unit/subscriber/executor_fixture.hpp"

using namespace tasker::host;
using namespace tasker::host::testing;

namespace {

TaskTemplate with_handler(const HandlerRef& ref, const std::string& namespace_name = "default") {
    TaskTemplate one;
    one.namespace_name = namespace_name;
    one.name = "t";
    one.version = "1";
    StepTemplate step;
    step.name = "only";
    step.handler = ref;
    one.steps.push_back(step);
    return one;
}

HandlerRef ref_of(std::string callable, std::string resolver = {}, std::string method = {}) {
    HandlerRef ref;
    ref.callable = std::move(callable);
    ref.resolver = std::move(resolver);
    ref.method = std::move(method);
    return ref;
}

// Tells which handler ran, and which method it was asked for.
ProbeBody telling(const std::string& who) {
    return [who](const StepEvent& event, CallControl&) -> StepOutcome {
        const std::string& method = event.task_sequence_step.step_definition().handler.method;
        return Succeeded{
            R"({"who":")" + who + R"(","invoked_method":")" + (method.empty() ? "call" : method) + "\"}",
            "{}"};
    };
}

struct Resolving : ExecutorFixture {
    // Runs one step that asks so, and gives its result.
    StepExecutionResult run(const HandlerRef& ref) {
        if (!subscriber) start();
        StepEvent event = make_event(ref.callable, ++number);
        event.task_sequence_step.task_template = std::make_shared<TaskTemplate>(with_handler(ref));
        runtime.offer(event);
        for (const StepEvent& polled : runtime.poll_step_events(100))
            bridge.step_execution_received.publish(polled);
        REQUIRE(completed(number));
        return runtime.completions().back().result;
    }
    std::vector<std::string> lanes() {
        std::vector<std::string> out;
        const Capacity told = runtime.capacities().back();
        for (const LaneOffer& lane : told.lanes) out.push_back(lane.callable + "." + lane.method);
        return out;
    }
    bool offered(const std::string& lane) {
        const auto all = lanes();
        return std::find(all.begin(), all.end(), lane) != all.end();
    }
};

std::shared_ptr<Handler> probe(const std::string& callable, std::vector<std::string> methods = {},
                               std::string plugin = "probe") {
    auto handler = std::make_shared<ProbeHandler>(callable, Threading::Serial, 0, telling(callable));
    handler->change_info().methods = std::move(methods);
    handler->change_info().plugin_id = std::move(plugin);
    return handler;
}

}  // namespace

TEST_CASE("V06: the method that the template says is the one that is invoked") {
    Resolving f;
    f.registry.register_handler(probe("pay", {"refund", "void"}));
    for (const char* method : {"refund", "void", "call"})
        CHECK(f.run(ref_of("pay", {}, method)).result_json ==
              R"({"who":"pay","invoked_method":")" + std::string(method) + "\"}");
    CHECK(f.run(ref_of("pay")).result_json == R"({"who":"pay","invoked_method":"call"})");
}

TEST_CASE("V07: a method that the handler lacks fails the step by name, and no method runs") {
    Resolving f;
    f.registry.register_handler(probe("pay", {"refund"}));
    const auto result = f.run(ref_of("pay", {}, "refnud"));
    REQUIRE(result.error.has_value());
    CHECK(result.error->error_code == "METHOD_NOT_FOUND");
    CHECK(result.error->message == "handler 'pay' has no method 'refnud'; it has call, refund");
}

TEST_CASE("V05: the hint decides between two handlers of one callable") {
    Resolving f;
    f.registry.register_handler(probe("pay"));
    f.registry.add_resolver(prefix_resolver("mine", "", [](std::string_view) { return probe("other"); }));
    CHECK(f.run(ref_of("pay")).result_json == R"({"who":"pay","invoked_method":"call"})");
    CHECK(f.run(ref_of("pay", "mine")).result_json == R"({"who":"other","invoked_method":"call"})");
    const auto none = f.run(ref_of("pay", "plugin_lookup"));
    REQUIRE(none.error.has_value());
    CHECK(none.error->error_code == "HANDLER_NOT_FOUND");
    CHECK(none.error->message ==
          "Handler not found: pay; resolver 'plugin_lookup' has no handler 'pay', and no other one is asked");
}

TEST_CASE("V05: an unknown hint fails the step with the resolvers that there are") {
    Resolving f;
    f.registry.register_handler(probe("pay"));
    const auto result = f.run(ref_of("pay", "nowhere"));
    REQUIRE(result.error.has_value());
    CHECK(result.error->error_code == "RESOLVER_NOT_FOUND");
    CHECK_FALSE(result.error->retryable);
    CHECK(
        result.error->message ==
        "Handler not found: pay; there is no resolver 'nowhere'; there are: explicit_mapping, plugin_lookup");
}

TEST_CASE("V02: a step finds its handler through the plugin's id") {
    Resolving f;
    f.registry.register_handler(probe("charge", {"refund"}, "shop"));
    CHECK(f.run(ref_of("shop:charge", {}, "refund")).result_json ==
          R"({"who":"charge","invoked_method":"refund"})");
    CHECK(f.run(ref_of("shop.charge", "plugin_lookup")).result_json ==
          R"({"who":"charge","invoked_method":"call"})");
}

TEST_CASE("V03: a resolver is asked once for a callable, and its steps share one handler") {
    Resolving f;
    int made = 0;
    f.registry.add_resolver(prefix_resolver("mine", "my:", [&](std::string_view rest) {
        ++made;
        return probe(std::string(rest));
    }));
    CHECK(f.run(ref_of("my:a")).success);
    CHECK(f.run(ref_of("my:a")).success);
    CHECK(made == 1);
    CHECK(f.run(ref_of("my:b")).result_json == R"({"who":"b","invoked_method":"call"})");
    CHECK(made == 2);
}

TEST_CASE("V08: the fallback to the step's name is logged, once") {
    Resolving f;
    f.registry.register_handler(probe("only"));
    f.registry.fall_back_to_step_name(true);
    CHECK(f.run(ref_of("nobody")).result_json == R"({"who":"only","invoked_method":"call"})");
    CHECK(f.run(ref_of("nobody")).success);
    int told = 0;
    for (const auto& record : f.sink->records())
        told += record.message.find("step's name") != std::string::npos;
    CHECK(told == 1);
}

TEST_CASE(
    "what a template asks for is offered as it asks, also what resolvers find and what has to fail by name") {
    Resolving f;
    f.registry.register_handler(probe("charge", {"refund"}, "shop"));
    f.registry.add_resolver(prefix_resolver("mine", "my:", [](std::string_view) { return probe("made"); }));
    f.start();
    CHECK(f.lanes() == std::vector<std::string>{"charge.", "charge.refund"});
    f.subscriber->offer(TemplateCatalog(
        {with_handler(ref_of("shop:charge", {}, "refund")), with_handler(ref_of("my:thing")),
         with_handler(ref_of("charge", {}, "call")), with_handler(ref_of("charge", {}, "typo")),
         with_handler(ref_of("hinted", "nowhere")), with_handler(ref_of("nobody")),
         with_handler(ref_of("my:elsewhere"), "elsewhere")}));
    CHECK(f.offered("shop:charge.refund"));
    CHECK(f.offered("my:thing."));
    CHECK(f.offered("charge.call"));
    CHECK(f.offered("charge.typo"));
    CHECK(f.offered("hinted."));
    CHECK_FALSE(f.offered("nobody."));
    CHECK_FALSE(f.offered("my:elsewhere."));
    const Capacity told = f.runtime.capacities().back();
    for (const LaneOffer& lane : told.lanes) CHECK(lane.limit > 0);
}

TEST_CASE("a handler that a resolver made under a taken name counts apart") {
    Resolving f;
    f.registry.register_handler(probe("pay"));
    f.registry.add_resolver(prefix_resolver("mine", "", [](std::string_view) { return probe("pay"); }));
    CHECK(f.run(ref_of("pay")).success);
    CHECK(f.run(ref_of("pay", "mine")).success);
    const auto counts = f.subscriber->handler_counts();
    REQUIRE(counts.size() == 2);
    CHECK(counts[0].callable == "pay");
    CHECK(counts[1].callable == "pay#2");
    CHECK(counts[0].succeeded == 1);
    CHECK(counts[1].succeeded == 1);
}
