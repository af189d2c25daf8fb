// W21, W22: which method of which handler runs.

#include "tests/workflows/flow_world.hpp"

using namespace tasker::host;
using namespace tasker::host::flows;

TEST_CASE("W21: each step runs the method of the one handler that it names") {
    FlowWorld world;
    const Uuid task = world.submit("resolver_tests", "method_dispatch", {{"amount", 5}});
    CHECK(world.run(task).state == TaskState::Complete);
    const std::vector<std::pair<std::string, std::string>> expected{{"validate_step", "validate"},
                                                                    {"process_step", "process"},
                                                                    {"refund_step", "refund"},
                                                                    {"default_step", "call"}};
    for (const auto& [step, method] : expected) {
        CHECK(world.result(task, step)["invoked_method"] == method);
        CHECK(world.result(task, step)["asked"] == (method == "call" ? "" : method));
    }
}

TEST_CASE("W22: a hint asks that resolver, alone and with a method; without one the chain is asked") {
    FlowWorld world;
    const Uuid task = world.submit("resolver_tests", "resolver_hints");
    CHECK(world.run(task).state == TaskState::Complete);
    CHECK(world.result(task, "hint_only") ==
          json{{"invoked_method", "call"}, {"resolver", "explicit_mapping"}, {"chain", 0}});
    CHECK(world.result(task, "hint_and_method") ==
          json{{"invoked_method", "execute_action"}, {"resolver", "plugin_lookup"}, {"chain", 1}});
    CHECK(world.result(task, "chain") ==
          json{{"invoked_method", "call"}, {"resolver", nullptr}, {"chain", 2}});
}

TEST_CASE(
    "W22: a resolver that does not exist fails its step by name; one that has nothing is not replaced by "
    "another") {
    FlowWorld world;
    const Uuid task = world.submit("resolver_tests", "unknown_hint");
    world.worker().event_system().start();
    using namespace std::chrono_literals;
    REQUIRE(testing::eventually(30s, [&] { return world.step(task, "nowhere").state == StepState::Error; }));
    CHECK(world.error(task, "nowhere")["error_code"] == "RESOLVER_NOT_FOUND");
    const auto message = world.error(task, "nowhere")["message"].get<std::string>();
    CHECK(message.find("there is no resolver 'nowhere'; there are: explicit_mapping, plugin_lookup") !=
          std::string::npos);
    CHECK(world.step(task, "not_there").state != StepState::Complete);
    const auto missing = worker_status(world.worker()).missing_callables;
    CHECK(missing.size() == 3);  // these two, and the one of W20
}
