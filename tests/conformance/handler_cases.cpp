// Cases 27-29: what a handler does to its step, through poller, bridge and subscriber.

#include <atomic>
#include <functional>
#include <memory>
#include <regex>
#include <stdexcept>
#include <string>
#include <utility>

#include "host/model/step_json.hpp"
#include "tests/conformance/hosted_worker.hpp"
#include "tests/conformance/runtime_suite.hpp"
#include "tests/support/eventually.hpp"

namespace tasker::host::conformance {

using namespace std::chrono_literals;

namespace {

using Body = std::function<StepOutcome(const StepEvent&, CallControl&)>;

HandlerRegistry handlers(Body body) {
    HandlerRegistry registry;
    registry.register_handler(kCallable, std::move(body));
    return registry;
}

bool reaches(World& world, const Uuid& task, StepState state) {
    return testing::eventually(10s, [&] { return world.step(task, "only").state == state; });
}

WorldOptions no_worker(DeploymentOptions options = {}) {
    return {.deployment = options, .capacity = capacity(0)};
}

}  // namespace

TEST_CASE("S27: a handler that throws fails its step retryably with what it said") {
    World world({graph("single", {{"only"}})}, no_worker());
    const auto calls = std::make_shared<std::atomic<int>>(0);
    HostedWorker worker(world.deployment(), handlers([calls](const StepEvent&, CallControl&) -> StepOutcome {
                            if (++*calls == 1) throw std::runtime_error("the disk is on fire");
                            return Succeeded{.result_json = R"({"fine":true})"};
                        }));
    const Uuid task = world.submit("single");
    REQUIRE(reaches(world, task, StepState::WaitingForRetry));
    const std::string envelope = world.step(task, "only").results_json;
    CHECK(envelope.find(R"("error_type":"handler_error")") != std::string::npos);
    CHECK(envelope.find(R"("error_code":"HANDLER_EXCEPTION")") != std::string::npos);
    CHECK(envelope.find("the disk is on fire") != std::string::npos);
    world.advance(world.delay_of(task, "only"));
    REQUIRE(reaches(world, task, StepState::Complete));
    CHECK(world.state(task) == TaskState::Complete);
    CHECK(calls->load() == 2);
}

TEST_CASE("S27: a handler that throws something that is no exception fails its step retryably, too") {
    World world({graph("single", {{"only"}})}, no_worker());
    HostedWorker worker(world.deployment(),
                        handlers([](const StepEvent&, CallControl&) -> StepOutcome { throw 42; }));
    const Uuid task = world.submit("single");
    REQUIRE(reaches(world, task, StepState::WaitingForRetry));
    CHECK(world.step(task, "only").results_json.find("HANDLER_EXCEPTION") != std::string::npos);
}

TEST_CASE(
    "E28: a handler over its timeout is asked to stop, then its step fails as handler_timeout and its answer "
    "is refused") {
    World world({graph("single", {{"only", {}, {}, kCallable, R"("timeout_seconds":5)"}})}, no_worker());
    const auto asked = std::make_shared<std::atomic<bool>>(false);
    const auto release = std::make_shared<std::atomic<bool>>(false);
    HostedWorker worker(world.deployment(),
                        handlers([=](const StepEvent&, CallControl& control) -> StepOutcome {
                            static_cast<void>(testing::eventually(60s, [&] {
                                if (control.stop_requested() == StopReason::Deadline) *asked = true;
                                return release->load();
                            }));
                            return Succeeded{.result_json = R"({"late":true})"};
                        }));
    const Uuid task = world.submit("single");
    REQUIRE(testing::eventually(10s, [&] { return worker.stats().running == 1; }));
    world.advance(4999);
    CHECK_FALSE(asked->load());
    world.advance(1);
    CHECK(testing::eventually(10s, [&] { return asked->load(); }));
    CHECK(world.step(task, "only").state == StepState::InProgress);
    world.advance(10'000);
    REQUIRE(reaches(world, task, StepState::WaitingForRetry));
    const std::string envelope = world.step(task, "only").results_json;
    CHECK(envelope.find(R"("error_type":"handler_timeout")") != std::string::npos);
    CHECK(envelope.find(R"("retryable":true)") != std::string::npos);
    *release = true;
    CHECK(testing::eventually(10s, [&] { return worker.stats().refused >= 1; }));
    CHECK(world.step(task, "only").state == StepState::WaitingForRetry);
    CHECK(world.step(task, "only").results_json == envelope);
}

TEST_CASE("S29: with missing_handler fail, a callable that nobody offers fails its step, naming it") {
    World world({graph("foreign", {{"only", {}, attempts(2), "nobody.offers_this"}})},
                no_worker({.fail_missing_handler = true}));
    HostedWorker worker(world.deployment(),
                        handlers([](const StepEvent&, CallControl&) -> StepOutcome { return Succeeded{}; }));
    const Uuid task = world.submit("foreign");
    REQUIRE(reaches(world, task, StepState::WaitingForRetry));
    const std::string envelope = world.step(task, "only").results_json;
    CHECK(envelope.find("Handler not found: nobody.offers_this") != std::string::npos);
    CHECK(envelope.find(R"("error_type":"handler_error")") != std::string::npos);
    CHECK(envelope.find(R"("error_code":"HANDLER_NOT_FOUND")") != std::string::npos);
    world.advance(world.delay_of(task, "only"));
    REQUIRE(reaches(world, task, StepState::Error));
    CHECK(world.state(task) == TaskState::BlockedByFailures);
}

TEST_CASE("S29: with missing_handler wait, the step is left for a worker that offers its callable") {
    World world({graph("foreign", {{"only", {}, {}, "nobody.offers_this"}}), graph("single", {{"mine"}})},
                no_worker());
    HostedWorker worker(world.deployment(),
                        handlers([](const StepEvent&, CallControl&) -> StepOutcome { return Succeeded{}; }));
    const Uuid waiting = world.submit("foreign");
    const Uuid served = world.submit("single");
    REQUIRE(testing::eventually(10s, [&] { return world.state(served) == TaskState::Complete; }));
    CHECK(world.step(waiting, "only").state == StepState::Enqueued);
    CHECK(world.step(waiting, "only").attempts == 0);
}

TEST_CASE("S: a whole graph runs through poller, bridge and subscriber") {
    World world({diamond()}, no_worker());
    HostedWorker worker(
        world.deployment(), handlers([](const StepEvent& event, CallControl&) -> StepOutcome {
            return Succeeded{.result_json =
                                 "{\"parents\":" +
                                 std::to_string(event.task_sequence_step.dependency_results.size()) + "}"};
        }));
    const Uuid task = world.submit("diamond");
    REQUIRE(testing::eventually(10s, [&] { return world.state(task) == TaskState::Complete; }));
    CHECK(world.step(task, "d").results_json.find(R"("parents":3)") != std::string::npos);
}

namespace {
// What differs from run to run, by its kind.
std::string masked(std::string text) {
    static const std::regex uuid("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}");
    static const std::regex time(R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z)");
    return std::regex_replace(std::regex_replace(text, uuid, "U"), time, "T");
}
}  // namespace

TEST_CASE("S102: a handler's whole input, field by field, on the first run and with all ancestors") {
    World world({graph("chain", {{"a"}, {"b", {"a"}}, {"c", {"b"}}})});
    TaskRequest request = world.request("chain");
    request.context_json = R"({"order":7})";
    world.submit(request);
    const auto input = [](const std::string& step, const std::string& dependencies,
                          const std::string& results) {
        return R"({"event_id":"U","task_uuid":"U","step_uuid":"U","correlation_id":"U",)"
               R"("parent_correlation_id":null,"task_sequence_step":{"task":{"task":{"task_uuid":"U",)"
               R"("context":{"order":7},"correlation_id":"U","parent_correlation_id":null,"priority":0,)"
               R"("initiator":"conformance","source_system":"suite","reason":"a case","tags":[],)"
               R"("complete":false,"created_at":"T","requested_at":"T"},"task_name":"chain",)"
               R"("task_version":"1.0.0","namespace_name":"conformance"},"workflow_step":)"
               R"({"workflow_step_uuid":"U","task_uuid":"U","name":")" +
               step + R"(","template_step_name":")" + step +
               R"(","retryable":true,"max_attempts":3,"attempts":0,"in_process":true,"processed":false,)"
               R"("processed_at":null,"inputs":null,"results":null,"checkpoint":null},"step_definition":)"
               R"({"batch_config":null,"dependencies":[)" +
               dependencies +
               R"(],"description":null,"handler":{"callable":"work","initialization":{},"method":null,)"
               R"("resolver":null},"name":")" +
               step +
               R"(","publishes_events":[],"retry":{"backoff":"exponential","backoff_base_ms":1000,)"
               R"("max_attempts":3,"max_backoff_ms":30000,"retryable":true},"system_dependency":null,)"
               R"("timeout_seconds":null,"type":"standard"},"dependency_results":{)" +
               results + "}}}";
    };
    const StepEvent first = world.take("a");
    CHECK(masked(step_event_json(first)) == input("a", "", ""));
    world.answer(first, success(first, R"({"n":1})"));
    world.pass("b");
    const auto envelope = [](const std::string& step, const std::string& result) {
        return "\"" + step + R"(":{"step_uuid":"U","success":true,"result":)" + result +
               R"(,"status":"completed","error":null,"metadata":{"execution_time_ms":5,)"
               R"("handler_version":null,"retryable":false,"completed_at":"T",)"
               R"("worker_id":"conformance-worker","worker_hostname":null,"started_at":"T","custom":{},)"
               R"("error_code":null,"error_type":null,"context":{}},"orchestration_metadata":null,)"
               R"("task_uuid":"U","execution_time_ms":5,"worker_id":"conformance-worker",)"
               R"("correlation_id":"U"})";
    };
    CHECK(masked(step_event_json(world.take("c"))) ==
          input("c", "\"b\"", envelope("a", R"({"n":1})") + "," + envelope("b", "{}")));
}

}  // namespace tasker::host::conformance
