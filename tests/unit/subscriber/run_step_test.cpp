#include "host/subscriber/run_step.hpp"

#include <doctest/doctest.h>

#include <limits>
#include <stdexcept>

#include "host/core/failpoint.hpp"
#include "tests/support/fake_runtime.hpp"
#include "tests/unit/subscriber/probe_handler.hpp"

using namespace tasker::host;
using namespace tasker::host::testing;

namespace {
struct Control final : CallControl {
    StopReason reason = StopReason::None;
    Logger log;
    StopReason stop_requested() const override { return reason; }
    std::int64_t remaining_ms() const override { return std::numeric_limits<std::int64_t>::max(); }
    std::int64_t deadline_unix_ms() const override { return 0; }
    bool heartbeat(std::uint64_t, std::uint64_t) override { return true; }
    bool save_checkpoint(const Checkpoint&) override { return true; }
    const Logger& logger() const override { return log; }
};

StepOutcome run(const StepEvent& event, Handler* handler, Control control = {}) {
    std::unique_ptr<HandlerInstance> instance;
    return call_handler(
        event, handler,
        [&]() -> HandlerInstance& {
            instance = handler->create(0);
            return *instance;
        },
        control);
}

StepOutcome run_body(ProbeBody body, StopReason reason = StopReason::None) {
    ProbeHandler handler("a", Threading::Serial, 0, std::move(body));
    Control control;
    control.reason = reason;
    return run(make_event("a", 1, 5000), &handler, control);
}

// An embedder's function, whose result nobody checked before.
StepOutcome run_embedded(StepOutcome outcome) {
    HandlerRegistry registry;
    registry.register_handler("a", [&](const StepEvent&, CallControl&) { return outcome; });
    return run(make_event("a", 1), registry.resolve("a").get());
}

const Failed& failed(const StepOutcome& outcome) {
    REQUIRE(std::holds_alternative<Failed>(outcome));
    return std::get<Failed>(outcome);
}
}  // namespace

TEST_CASE("run_step: what breaks around the call is the handler's failure" *
          doctest::skip(!kFailpointsCompiledIn)) {
    for (const char* point : {"dispatch.before_call", "dispatch.after_call"}) {
        arm_failpoints(std::string(point) + "=error@1");
        const auto outcome =
            run_body([](const StepEvent&, CallControl&) -> StepOutcome { return Succeeded{}; });
        CHECK(failed(outcome).message.find(point) != std::string::npos);
        arm_failpoints("");
    }
}

TEST_CASE("run_step: an event without a callable is the seed's retryable failure") {
    const auto outcome = run(make_event("", 1), nullptr);
    CHECK(failed(outcome).message == "No handler name found in event");
    CHECK(failed(outcome).error_type == "handler_error");
    CHECK(failed(outcome).error_code == "NO_HANDLER_NAME");
    CHECK(failed(outcome).retryable);
}

TEST_CASE("run_step: an event without a template has no handler name either") {
    StepEvent event = make_event("a", 1);
    event.task_sequence_step.step_index = 7;
    CHECK(failed(run(event, nullptr)).error_code == "NO_HANDLER_NAME");
    event.task_sequence_step.task_template = nullptr;
    CHECK(failed(run(event, nullptr)).error_code == "NO_HANDLER_NAME");
}

TEST_CASE("run_step: a callable that nobody offers is the seed's retryable failure") {
    const auto outcome = run(make_event("pay.charge", 1), nullptr);
    CHECK(failed(outcome).message == "Handler not found: pay.charge");
    CHECK(failed(outcome).error_type == "handler_error");
    CHECK(failed(outcome).error_code == "HANDLER_NOT_FOUND");
    CHECK(failed(outcome).retryable);
}

TEST_CASE("V07: run_step: a missing method is METHOD_NOT_FOUND, and no other method runs") {
    ProbeHandler handler("a", Threading::Serial, 0, done);
    handler.change_info().methods = {"refund"};
    const auto missing = run(make_event("a", 1, 0, "charge"), &handler);
    CHECK(failed(missing).message == "handler 'a' has no method 'charge'; it has call, refund");
    CHECK(failed(missing).error_type == "handler_error");
    CHECK(failed(missing).error_code == "METHOD_NOT_FOUND");
    CHECK_FALSE(failed(missing).retryable);
    CHECK(handler.record->calls == 0);
    CHECK(std::holds_alternative<Succeeded>(run(make_event("a", 1, 0, "refund"), &handler)));
    CHECK(std::holds_alternative<Succeeded>(run(make_event("a", 1, 0, "call"), &handler)));
}

TEST_CASE("run_step: an exception is a retryable failure with its text") {
    const auto outcome =
        run_body([](const StepEvent&, CallControl&) -> StepOutcome { throw std::runtime_error("boom"); });
    CHECK(failed(outcome).message == "boom");
    CHECK(failed(outcome).error_type == "handler_error");
    CHECK(failed(outcome).error_code == "HANDLER_EXCEPTION");
    CHECK(failed(outcome).retryable);
    const auto odd = run_body([](const StepEvent&, CallControl&) -> StepOutcome { throw 7; });
    CHECK(failed(odd).message == "unknown exception");
}

TEST_CASE("run_step: a handler that refuses its configuration fails the step with its text") {
    ProbeHandler handler("a", Threading::Serial, 0, done);
    handler.refuse_create = true;
    CHECK(failed(run(make_event("a", 1), &handler)).message == "configuration refused");
}

TEST_CASE(
    "run_step: an embedded function's result that cannot be stored is a permanent failure naming the rule") {
    for (const char* bad : {"", "{", "\"\xff\"", "1e999", "{\"a\":\"\\u0000\"}"}) {
        const auto outcome = run_embedded(Succeeded{bad, "{}"});
        CHECK(failed(outcome).error_type == "invalid_result");
        CHECK(failed(outcome).error_code == "INVALID_RESULT");
        CHECK_FALSE(failed(outcome).retryable);
        CHECK(failed(outcome).message.rfind("result: ", 0) == 0);
    }
    CHECK(failed(run_embedded(Succeeded{"{}", "[]"})).message == "metadata: not an object");
    CHECK(std::holds_alternative<Succeeded>(run_embedded(Succeeded{"[1]", "{}"})));
}

TEST_CASE("run_step: a step is given back only when the host asked its handler to stop") {
    const ProbeBody release = [](const StepEvent&, CallControl&) { return Released{"later"}; };
    CHECK(std::holds_alternative<Released>(run_body(release, StopReason::Draining)));
    CHECK(std::holds_alternative<Released>(run_body(release, StopReason::LeaseLost)));
    CHECK(std::holds_alternative<Released>(run_body(release, StopReason::Cancelled)));
    CHECK(failed(run_body(release, StopReason::Deadline)).error_code == "HANDLER_TIMEOUT");
    const auto unasked = run_body(release);
    CHECK(failed(unasked).error_code == "INVALID_OUTCOME");
    CHECK_FALSE(failed(unasked).retryable);
}

TEST_CASE("run_step: a success becomes the seed's result") {
    const StepEvent event = make_event("a", 1);
    const auto result = to_result(event, Succeeded{R"({"v":1})", R"({"m":2})"}, {1000, 1250, 249},
                                  {"w1", "host-1"}, "p@1.0.0");
    REQUIRE(result.has_value());
    CHECK(result->step_uuid == event.step_uuid);
    CHECK(result->task_uuid == event.task_uuid);
    CHECK(result->success);
    CHECK(result->status == "completed");
    CHECK(result->result_json == R"({"v":1})");
    CHECK(result->metadata_json == R"({"m":2})");
    CHECK(result->execution_time_ms == 249);
    CHECK(result->started_ms == 1000);
    CHECK(result->completed_ms == 1250);
    CHECK(result->worker_id == "w1");
    CHECK(result->worker_hostname == "host-1");
    CHECK(result->handler_version == "p@1.0.0");
    CHECK(result->correlation_id == event.correlation_id.str());
    CHECK_FALSE(result->error.has_value());
}

TEST_CASE("run_step: a failure becomes the seed's error result with status error and an empty result") {
    Failed failure;
    failure.message = "no stock";
    failure.error_type = "permanent_error";
    failure.error_code = "NO_STOCK";
    failure.retryable = false;
    failure.retry_after_ms = 5000;
    const auto result = to_result(make_event("a", 1), failure, {}, {"w1", ""}, "");
    REQUIRE(result.has_value());
    CHECK_FALSE(result->success);
    CHECK(result->status == "error");
    CHECK(result->result_json == "{}");
    REQUIRE(result->error.has_value());
    CHECK(*result->error == StepError{"no stock", "permanent_error", "NO_STOCK", false, "{}"});
    CHECK(result->retry_after_ms == 5000);
}

TEST_CASE("R12 R13: a failure's headers reach the result") {
    Failed failure;
    failure.message = "busy";
    failure.headers = {{"Retry-After", "30"}};
    const auto result = to_result(make_event("a", 1), failure, {}, {"w1", ""}, "");
    REQUIRE(result.has_value());
    CHECK(result->headers == failure.headers);
}

TEST_CASE("run_step: a step that is given back has no result") {
    CHECK_FALSE(to_result(make_event("a", 1), Released{"draining"}, {}, {}, "").has_value());
}

namespace {
StepOutcome decide(const std::string& result, StepType type) {
    auto definition = std::make_shared<TaskTemplate>();
    definition->namespace_name = "ns";
    definition->name = "decides";
    definition->version = "1";
    definition->steps.resize(3);
    definition->steps[0].name = "route";
    definition->steps[0].handler.callable = "a";
    definition->steps[0].type = type;
    definition->steps[1].name = "approve";
    definition->steps[1].dependencies = {"route"};
    definition->steps[2].name = "work_on";
    definition->steps[2].dependencies = {"route"};
    definition->steps[2].type = StepType::BatchWorker;
    definition->steps[2].batch = BatchConfig{};
    REQUIRE_FALSE(link_graph(*definition).has_value());
    StepEvent event = make_event("a", 1, 5000);
    event.task_sequence_step.task_template = definition;
    event.task_sequence_step.step_index = 0;
    ProbeHandler handler("a", Threading::Serial, 0, [&](const StepEvent&, CallControl&) -> StepOutcome {
        return Succeeded{.result_json = result};
    });
    return run(event, &handler);
}

void check_invalid(const StepOutcome& outcome, const std::string& message) {
    const auto* failed = std::get_if<Failed>(&outcome);
    REQUIRE(failed != nullptr);
    CHECK(failed->error_type == "invalid_outcome");
    CHECK(failed->error_code == "INVALID_OUTCOME");
    CHECK_FALSE(failed->retryable);
    CHECK_MESSAGE(failed->message.find(message) != std::string::npos, failed->message);
}
}  // namespace

TEST_CASE("call_handler: what a decision decided is checked before it is submitted") {
    const std::string head = R"({"decision_point_outcome":{"type":"create_steps","step_names":[)";
    CHECK(std::holds_alternative<Succeeded>(decide(head + R"("approve"]}})", StepType::Decision)));
    check_invalid(decide(head + R"("aprove"]}})", StepType::Decision),
                  "decision 'route': result.decision_point_outcome.step_names[0] is \"aprove\", which the "
                  "template does not have, did you mean 'approve'?");
    check_invalid(decide("{}", StepType::Decision), "result.decision_point_outcome is missing");
    CHECK(std::holds_alternative<Succeeded>(decide("{}", StepType::Standard)));
}

TEST_CASE("call_handler: so is what a batchable step cut") {
    const std::string head =
        R"({"batch_processing_outcome":{"type":"create_batches","worker_count":1,"total_items":1,)";
    const std::string cursors =
        R"("cursor_configs":[{"batch_id":"1","start_cursor":0,"end_cursor":1,"batch_size":1}],)";
    CHECK(std::holds_alternative<Succeeded>(
        decide(head + cursors + R"("worker_template_name":"work_on"}})", StepType::Batchable)));
    check_invalid(decide(head + cursors + R"("worker_template_name":"workon"}})", StepType::Batchable),
                  "did you mean 'work_on'?");
    check_invalid(decide(R"({"batch_analyzer_outcome":{}})", StepType::Batchable),
                  "result.batch_processing_outcome is missing");
}
