#include "host/model/wire.hpp"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "host/core/error.hpp"
#include "host/core/json_text.hpp"
#include "host/model/worker_status.hpp"

using namespace tasker::host;
using nlohmann::json;

namespace {

StepExecutionResult success() {
    StepExecutionResult result;
    result.step_uuid = *Uuid::parse("0190c3a1-7b2c-7def-8123-0000000000a1");
    result.task_uuid = *Uuid::parse("0190c3a1-7b2c-7def-8123-0000000000b2");
    result.success = true;
    result.status = "completed";
    result.execution_time_ms = 12;
    result.result_json = R"({"auth_id":"A9"})";
    result.worker_id = "cpp-worker";
    result.correlation_id = "0190c3a1-7b2c-7def-8123-0000000000c3";
    result.metadata_json = R"({"region":"eu"})";
    result.started_ms = 1'795'461'613'988;
    result.completed_ms = 1'795'461'614'000;
    return result;
}

StepExecutionResult failure(bool retryable = true) {
    StepExecutionResult result = success();
    result.success = false;
    result.status = "error";
    result.error = StepError{"card \"declined\"", "permanent_error", "DECLINED", retryable, "{}"};
    return result;
}

}  // namespace

TEST_CASE("Envelope: a success in the fields and order of the contract, followed by the flat keys") {
    CHECK(
        to_envelope(success()) ==
        R"({"step_uuid":"0190c3a1-7b2c-7def-8123-0000000000a1","success":true,"result":{"auth_id":"A9"},"status":"completed",)"
        R"("error":null,"metadata":{"execution_time_ms":12,"handler_version":null,"retryable":false,)"
        R"("completed_at":"2026-11-23T19:20:14.000Z","worker_id":"cpp-worker","worker_hostname":null,)"
        R"("started_at":"2026-11-23T19:20:13.988Z","custom":{"region":"eu"},"error_code":null,"error_type":null,"context":{}},)"
        R"("orchestration_metadata":null,"task_uuid":"0190c3a1-7b2c-7def-8123-0000000000b2","execution_time_ms":12,)"
        R"("worker_id":"cpp-worker","correlation_id":"0190c3a1-7b2c-7def-8123-0000000000c3"})");
}

TEST_CASE("Envelope: a retryable failure says so twice, has an empty result and orchestration metadata") {
    const json envelope = json::parse(to_envelope(failure()));
    CHECK(envelope["success"] == false);
    CHECK(envelope["status"] == "failed");
    CHECK(envelope["result"] == json::object());
    CHECK(envelope["error"]["message"] == "card \"declined\"");
    CHECK(envelope["error"]["error_type"] == "permanent_error");
    CHECK(envelope["error"]["error_code"] == "DECLINED");
    CHECK(envelope["error"]["retryable"] == true);
    CHECK(envelope["metadata"]["retryable"] == true);
    CHECK(envelope["metadata"]["error_type"] == "permanent_error");
    CHECK(envelope["metadata"]["error_code"] == "DECLINED");
    CHECK(envelope["metadata"]["custom"]["region"] == "eu");
    CHECK(envelope["orchestration_metadata"] ==
          json::parse(R"({"headers":{},"error_context":null,"backoff_hint":null,"custom":{}})"));
}

TEST_CASE("Envelope: a permanent failure is not retryable in either place") {
    const json envelope = json::parse(to_envelope(failure(false)));
    CHECK(envelope["error"]["retryable"] == false);
    CHECK(envelope["metadata"]["retryable"] == false);
}

TEST_CASE("Envelope: Retry-After is whole seconds, rounded up") {
    StepExecutionResult result = failure();
    for (const auto& [ms, text] :
         {std::pair{0, "0"}, {1, "1"}, {1000, "1"}, {1001, "2"}, {90'000, "90"}, {-5, "0"}}) {
        result.retry_after_ms = ms;
        const json envelope = json::parse(to_envelope(result));
        CHECK(envelope["orchestration_metadata"]["headers"]["Retry-After"] == text);
        CHECK(summarise_envelope(to_envelope(result)).retry_after == text);
    }
}

TEST_CASE("Envelope: hostile texts and empty fields still give one valid document") {
    StepExecutionResult result = failure();
    result.error->message = "\xFF\x1b[31m \" \\ \n \u2028";
    result.error->error_type.clear();
    result.error->context_json = R"({"sku":"X"})";
    result.metadata_json.clear();
    result.worker_id = "w\"1";
    const std::string text = to_envelope(result);
    CHECK(json_fault(text) == std::nullopt);
    const json envelope = json::parse(text);
    CHECK(envelope["error"]["error_type"] == nullptr);
    CHECK(envelope["error"]["context"]["sku"] == "X");
    CHECK(envelope["metadata"]["context"]["sku"] == "X");
    CHECK(envelope["metadata"]["custom"] == json::object());
    result.error.reset();
    CHECK(json::parse(to_envelope(result))["error"]["message"].is_string());
}

TEST_CASE("Envelope: its result is a view, a plain value is its own result") {
    const std::string text = to_envelope(success());
    CHECK(envelope_result(text) == R"({"auth_id":"A9"})");
    CHECK(envelope_result(R"({"value":3})") == R"({"value":3})");
    CHECK(envelope_result("[1,2]") == "[1,2]");
    CHECK(envelope_result(R"({"x":{"result":1},"result": [ 2 ] })") == "[ 2 ]");
}

TEST_CASE("Envelope: the summary reads back what was written") {
    const EnvelopeSummary summary = summarise_envelope(to_envelope(failure()));
    CHECK_FALSE(summary.success);
    CHECK(summary.metadata_retryable);
    CHECK(summary.error_type == "permanent_error");
    CHECK(summary.error_message == "card \"declined\"");
    CHECK(summary.worker_id == "cpp-worker");
    CHECK(summary.execution_time_ms == 12);
    CHECK(summary.retry_after.empty());
    CHECK(summarise_envelope(to_envelope(success())).success);
}

TEST_CASE("Envelope: missing parts read as not retryable, the header's name matches in any case") {
    const EnvelopeSummary summary = summarise_envelope(
        R"({"success":false,"error":{"message":"m","retryable":true},"orchestration_metadata":{"headers":{"RETRY-after":"7"}}})");
    CHECK_FALSE(summary.metadata_retryable);
    CHECK(summary.error_message == "m");
    CHECK(summary.retry_after == "7");
    CHECK(summary.execution_time_ms == 0);
    CHECK(summarise_envelope(R"({"success":true,"error":null,"metadata":null,"orchestration_metadata":null})")
              .success);
}

TEST_CASE("Envelope: what is none is refused") {
    CHECK_THROWS_AS(summarise_envelope("not json"), Error);
    CHECK_THROWS_AS(summarise_envelope("[]"), Error);
    CHECK_THROWS_AS(summarise_envelope("{}"), Error);
    CHECK_THROWS_AS(summarise_envelope(R"({"success":"true"})"), Error);
}

TEST_CASE("Worker status: one JSON object in snake case, absent error as null") {
    WorkerStatus status;
    status.running = true;
    status.environment = "test";
    status.worker_core_status = "running";
    status.supported_namespaces = {"orders", "exa\"mples"};
    status.uptime_ms = 5;
    const json parsed = json::parse(to_json(status));
    CHECK(parsed["running"] == true);
    CHECK(parsed["environment"] == "test");
    CHECK(parsed["supported_namespaces"] == json::array({"orders", "exa\"mples"}));
    CHECK(parsed["error"] == nullptr);
    CHECK(parsed["uptime_ms"] == 5);
    CHECK(parsed["missing_callables"] == json::array());
    CHECK(parsed.size() == 25);
    status.error = "no disk";
    CHECK(json::parse(to_json(status))["error"] == "no disk");
}
