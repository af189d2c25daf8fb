// The documents against the types of tasker-client 0.1.8: every field that it demands is there, of the kind that it reads.

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <regex>

#include "host/api/documents.hpp"
#include "host/api/health_documents.hpp"
#include "host/api/routes.hpp"
#include "host/api/summary_document.hpp"
#include "host/model/task_template.hpp"
#include "tests/support/manual_clock.hpp"
#include "tests/unit/api/fake_engine.hpp"

using namespace tasker::host;
using nlohmann::json;
using tasker::host::testing::FakeEngine;
using tasker::host::testing::ManualClock;

namespace {
constexpr std::int64_t kNow = 1'790'000'000'000;

StepView failed_step() {
    StepView step;
    step.step_uuid = *Uuid::parse("019a0000-0000-7000-8000-000000000002");
    step.task_uuid = *Uuid::parse("019a0000-0000-7000-8000-000000000001");
    step.name = "charge";
    step.state = StepState::WaitingForRetry;
    step.attempts = 1;
    step.max_attempts = 3;
    step.created_ms = kNow;
    step.last_attempted_ms = kNow + 10;
    step.last_failure_ms = kNow + 20;
    step.next_retry_ms = kNow + 30;
    step.dependencies = {"validate"};
    step.results_json =
        R"({"success":false,"error":{"error_type":"CardDeclined","retryable":true,"status_code":402}})";
    return step;
}

TaskView failing_task() {
    TaskView task;
    task.task_uuid = failed_step().task_uuid;
    task.name = "order";
    task.namespace_name = "orders";
    task.version = "1.0.0";
    task.created_ms = task.updated_ms = kNow;
    task.steps = {failed_step()};
    task.total_steps = 1;
    return task;
}

// chrono's NaiveDateTime, and its DateTime<Utc>.
bool naive(const json& value) {
    return std::regex_match(value.get<std::string>(),
                            std::regex(R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?)"));
}
bool utc(const json& value) {
    return std::regex_match(value.get<std::string>(),
                            std::regex(R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z)"));
}
bool uuid(const json& value) { return Uuid::parse(value.get<std::string>()).has_value(); }

json call(const ApiContext& context, const std::string& target, int status = 200) {
    const ApiResponse answer = handle({"GET", target, {}}, context);
    CHECK(answer.status == status);
    return json::parse(answer.body);
}
}  // namespace

TEST_CASE("parity: the steps of a task have times without a zone, a step by itself has them with it") {
    const json task = json::parse(task_document(failing_task()));
    CHECK(utc(task["created_at"]));
    for (const char* key : {"last_failure_at", "next_retry_at", "last_attempted_at"}) {
        CAPTURE(key);
        CHECK(naive(task["steps"][0][key]));
        CHECK(utc(json::parse(step_document(failed_step()))[key]));
    }
}

TEST_CASE("parity: a step document is StepResponse, also before the step was ever tried") {
    for (const StepView& step : {failed_step(), StepView{}}) {
        const json document = json::parse(step_document(step));
        CHECK(uuid(document["step_uuid"]));
        CHECK(uuid(document["task_uuid"]));
        CHECK(utc(document["created_at"]));
        CHECK(utc(document["updated_at"]));
        for (const char* key : {"dependencies_satisfied", "retry_eligible", "ready_for_execution"})
            CHECK(document[key].is_boolean());
        for (const char* key : {"total_parents", "completed_parents", "attempts", "max_attempts"})
            CHECK(document[key].is_number_integer());
        for (const char* key :
             {"completed_at", "results", "last_failure_at", "next_retry_at", "last_attempted_at"})
            CHECK(document.contains(key));
    }
}

TEST_CASE("parity: audit records are StepAuditResponse, the newest first, with UUIDs that stay the same") {
    StepAuditRecord record;
    record.step_uuid = failed_step().step_uuid;
    record.task_uuid = failed_step().task_uuid;
    record.sequence = 1;
    record.step_name = "charge";
    record.to_state = "complete";
    record.worker_id = "worker-7";
    StepAuditRecord later = record;
    later.sequence = 2;
    const json list = json::parse(audit_document({record, later}));
    REQUIRE(list.size() == 2);
    CHECK(list[0]["sequence"] == 2);
    for (const char* key :
         {"audit_uuid", "transition_uuid", "worker_uuid", "workflow_step_uuid", "task_uuid"}) {
        CAPTURE(key);
        CHECK(uuid(list[0][key]));
    }
    CHECK(list[0]["audit_uuid"] != list[1]["audit_uuid"]);
    CHECK(list[0]["audit_uuid"] != list[0]["transition_uuid"]);
    CHECK(list[0]["worker_uuid"] == list[1]["worker_uuid"]);
    CHECK(json::parse(audit_document({record}))[0]["audit_uuid"] == list[1]["audit_uuid"]);
    record.worker_id = "019a0000-0000-7000-8000-0000000000aa";
    CHECK(json::parse(audit_document({record}))[0]["worker_uuid"] == record.worker_id);
    record.worker_id.clear();
    CHECK(json::parse(audit_document({record}))[0]["worker_uuid"].is_null());
}

TEST_CASE("parity: the summary has the template's steps, what became of them, and why one failed") {
    TaskTemplate definition;
    StepTemplate step;
    step.name = "charge";
    step.handler.callable = "orders.charge";
    step.type = StepType::Decision;
    step.dependencies = {"validate"};
    definition.steps.push_back(step);
    const json summary = json::parse(summary_document(failing_task(), &definition));
    CHECK(summary["task"]["task_uuid"] == failing_task().task_uuid.str());
    CHECK(summary["task"]["recommended_action"].is_string());
    CHECK(summary["template"]["steps"][0] == json{{"name", "charge"},
                                                  {"step_type", "decision"},
                                                  {"handler", "orders.charge"},
                                                  {"dependencies", {"validate"}},
                                                  {"retryable", true},
                                                  {"max_attempts", 3}});
    CHECK(summary["steps"][0]["error"] ==
          json{{"error_type", "CardDeclined"}, {"retryable", true}, {"status_code", 402}});
    CHECK(summary["links"]["steps"] == "/v1/tasks/" + failing_task().task_uuid.str() + "/workflow_steps");
    CHECK(summary["dlq"] == json{{"in_dlq", false}, {"dlq_reason", nullptr}, {"resolution_status", nullptr}});
    DlqEntry entry;
    CHECK(json::parse(summary_document(failing_task(), &definition, entry))["dlq"] ==
          json{{"in_dlq", true}, {"dlq_reason", "staleness_timeout"}, {"resolution_status", "pending"}});
    entry.status = DlqStatus::ManuallyResolved;
    CHECK(json::parse(summary_document(failing_task(), &definition, entry))["dlq"]["in_dlq"] == false);

    const json without = json::parse(summary_document(failing_task(), nullptr));
    CHECK(without["template"]["steps"][0]["dependencies"] == json::array({"validate"}));
    CHECK(without["template"]["steps"][0]["step_type"] == "standard");
}

TEST_CASE("parity: a status code that is none is left out of the summary") {
    for (const char* code : {"\"402\"", "4020", "-1", "40.2", "null"}) {
        CAPTURE(code);
        TaskView task = failing_task();
        task.steps[0].results_json = std::string{R"({"error":{"status_code":)"} + code + "}}";
        const json summary = json::parse(summary_document(task, nullptr));
        CHECK(summary["steps"][0]["error"]["status_code"].is_null());
        CHECK(summary["steps"][0]["error"]["retryable"] == false);
    }
}

TEST_CASE("parity: a summary is a route of its own, and an unknown task is not found") {
    FakeEngine engine;
    engine.add(failing_task());
    const ApiContext context{engine, {}, {}, {}, {}};
    const std::string place = "/v1/tasks/" + failing_task().task_uuid.str() + "/summary";
    CHECK(call(context, place)["steps"].size() == 1);
    CHECK(call(context, place)["dlq"]["in_dlq"] == false);
    DlqEntry entry;
    entry.task_uuid = failing_task().task_uuid;
    engine.dead_letters.entries.push_back(entry);
    CHECK(call(context, place)["dlq"]["in_dlq"] == true);
    CHECK(call(context, "/v1/tasks/019a0000-0000-7000-8000-000000000009/summary", 404)["error"]["code"] ==
          "NOT_FOUND");
    CHECK(call(context, "/v1/tasks/nonsense/summary", 400)["error"]["code"] == "BAD_REQUEST");
}

TEST_CASE("parity: the templates of a namespace, and what a worker answers at the same place") {
    FakeEngine engine;
    TaskTemplate one, two;
    one.namespace_name = "orders";
    one.name = "charge";
    one.version = "1.0.0";
    StepTemplate step;
    step.name = "only";
    step.definition_json = R"({"name":"only","result_schema":{"type":"object"}})";
    one.steps.push_back(step);
    two = one;
    two.namespace_name = "payments";
    engine.set_catalog(std::make_shared<TemplateCatalog>(std::vector{one, two}));
    const ApiContext context{engine, {}, {}, {}, {}};
    const json all = call(context, "/v1/templates");
    CHECK(all["templates"].size() == 2);
    CHECK(all["supported_namespaces"] == json::array({"orders", "payments"}));
    CHECK(all["template_count"] == 2);
    CHECK(all["worker_capabilities"].is_array());
    const json some = call(context, "/v1/templates?namespace=orders");
    CHECK(some["templates"].size() == 1);
    CHECK(some["total_count"] == 2);
    CHECK(some["namespaces"].size() == 2);
    const json detail = call(context, "/v1/templates/orders/charge/1.0.0");
    CHECK(detail["steps"][0]["result_schema"] == json{{"type", "object"}});
    CHECK(detail["steps"][0]["default_max_attempts"].is_number_integer());
}

TEST_CASE("parity: whether the worker can run a template, and why not") {
    FakeEngine engine;
    TaskTemplate one;
    one.namespace_name = "orders";
    one.name = "charge";
    one.version = "1.0.0";
    for (const char* callable : {"pay.b", "pay.a", "pay.b"}) {
        StepTemplate step;
        step.handler.callable = callable;
        one.steps.push_back(step);
    }
    engine.set_catalog(std::make_shared<TemplateCatalog>(std::vector{one}));
    ApiContext context{engine, {}, {}, {}, {}};
    WorkerStatus status;
    status.supported_namespaces = {"orders"};
    const auto ask = [&](const std::string& version, int wanted) {
        const ApiResponse answer =
            handle({"POST", "/v1/templates/orders/charge/" + version + "/validate", {}}, context);
        CHECK(answer.status == wanted);
        return json::parse(answer.body);
    };
    CHECK(ask("1.0.0", 404)["error"]["message"] == "no worker runs in this process");
    context.worker_status = [&] { return status; };
    CHECK(ask("1.0.0", 200) == json{{"valid", true},
                                    {"errors", json::array()},
                                    {"required_capabilities", json::array()},
                                    {"step_handlers", {"pay.a", "pay.b"}}});
    status.missing_callables = {"other", "pay.b"};
    status.supported_namespaces = {"payments"};
    const json bad = ask("1.0.0", 200);
    CHECK(bad["valid"] == false);
    CHECK(bad["errors"] ==
          json{"this worker does not serve the namespace 'orders'", "no plugin offers 'pay.b'"});
    CHECK(ask("9.9.9", 404)["error"]["code"] == "NOT_FOUND");
    CHECK(handle({"GET", "/v1/templates/orders/charge/1.0.0/validate", {}}, context).status == 405);
}

TEST_CASE("parity: health and config have the fields of the server and of the worker") {
    FakeEngine engine;
    const ManualClock clock;
    ApiContext context{engine, {}, {}, {}, {}};
    context.clock = &clock;
    context.service = {.version = "1.2.3", .environment = "test", .worker_id = "w-1", .token_required = true};
    WorkerStatus status;
    status.running = true;
    status.worker_core_status = "draining";
    status.supported_namespaces = {"orders"};
    status.uptime_ms = 65'000;
    context.worker_status = [&] { return status; };
    const auto check = [](const json& one) {
        CHECK(one["status"].is_string());
        CHECK(one["duration_ms"].is_number_unsigned());
        CHECK(utc(one["last_checked"]));
    };
    for (const char* target : {"/health", "/health/live", "/health/ready", "/health/detailed"}) {
        CAPTURE(target);
        const json health = call(context, target);
        CHECK(utc(health["timestamp"]));
        CHECK(health["worker_id"] == "w-1");
    }
    CHECK(call(context, "/health/live")["status"] == "alive");
    const json ready = call(context, "/health/ready");
    CHECK(ready["status"] == "ready");
    for (const char* name : {"web_database", "orchestration_database", "circuit_breaker",
                             "orchestration_system", "command_processor", "database", "queue_processing"})
        check(ready["checks"][name]);
    const json detailed = call(context, "/health/detailed");
    CHECK(detailed["status"] == "healthy");
    for (const char* name : {"pool_utilization", "queue_depth", "channel_saturation", "event_system",
                             "step_processing", "circuit_breakers"})
        check(detailed["checks"][name]);
    CHECK(detailed["info"] == json{{"version", "1.2.3"},
                                   {"environment", "test"},
                                   {"operational_state", "GracefulShutdown"},
                                   {"web_database_pool_size", 0},
                                   {"orchestration_database_pool_size", 0},
                                   {"circuit_breaker_state", "Closed"}});
    CHECK(detailed["system_info"]["uptime_seconds"] == 65);
    CHECK(detailed["system_info"]["supported_namespaces"] == json::array({"orders"}));
    const json config = call(context, "/config");
    CHECK(config["auth"]["enabled"] == true);
    CHECK(config["auth"]["api_key_header"] == "X-API-Key");
    for (const char* key : {"metadata", "circuit_breakers", "database_pools", "messaging"})
        CHECK(config[key].is_object());
    CHECK(config["deployment_mode"] == "Embedded");
}

TEST_CASE("parity: detailed health is degraded by what is missing, hung or broken, and stays a 200") {
    FakeEngine engine;
    ApiContext context{engine, {}, {}, {}, {}};
    CHECK(call(context, "/health/detailed")["status"] == "healthy");  // no worker here is no fault
    WorkerStatus status;
    status.running = true;
    context.worker_status = [&] { return status; };
    status.abandoned_threads = 1;
    CHECK(call(context, "/health/detailed")["checks"]["step_processing"]["status"] == "degraded");
    status.abandoned_threads = 0;
    status.missing_handlers = {"no plugin offers 'a.b'"};
    CHECK(call(context, "/health/detailed")["checks"]["step_processing"]["message"] ==
          "no plugin offers 'a.b'");
    status.missing_handlers.clear();
    status.running = false;
    status.error = "it stopped";
    CHECK(call(context, "/health/detailed")["checks"]["event_system"]["message"] == "it stopped");
    engine.trouble_text = "disk full";
    const json health = call(context, "/health/detailed");
    CHECK(health["status"] == "degraded");
    CHECK(health["info"]["circuit_breaker_state"] == "Open");
}
