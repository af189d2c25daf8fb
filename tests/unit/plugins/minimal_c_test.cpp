#include <doctest/doctest.h>

#include <tasker/testing.hpp>

using tasker::json;
using tasker::StopReason;
using tasker::testing::StepTest;

namespace {
StepTest measure() { return StepTest::of_plugin(&tasker_plugin_entry_v0, "minimal_c.measure"); }
}  // namespace

TEST_CASE("the plugin in C measures the task's input and counts its calls") {
    auto step = measure();
    const json input{{"text", "hello"}};
    step.input(input).step_name("measure").attempt(2);
    CHECK(step.run()->result() == json{{"greeting", "hello from C"},
                                       {"step", "measure"},
                                       {"attempt", 2},
                                       {"input_bytes", input.dump().size()},
                                       {"calls", 1}});
    CHECK(step.run()->result()["calls"] == 2);
}

TEST_CASE("the plugin in C refuses a step name that it cannot print and leaves when asked to stop") {
    const auto odd = measure().step_name("a\"b").run();
    CHECK(odd->error_code() == "STEP_NAME");
    CHECK_FALSE(odd->retryable());
    CHECK(measure().step_name(std::string(600, 'x')).run()->error_code() == "STEP_NAME");
    CHECK(measure().stop(StopReason::Draining).run().released());
}
