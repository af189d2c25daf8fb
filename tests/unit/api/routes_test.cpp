#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "host/api/documents.hpp"
#include "host/api/routes.hpp"
#include "host/api/task_request_reader.hpp"
#include "host/api/url_query.hpp"
#include "tests/unit/api/fake_engine.hpp"

using namespace tasker::host;
using nlohmann::json;
using tasker::host::testing::FakeEngine;

namespace {
constexpr const char* kRequest =
    R"({"name":"n","namespace":"ns","version":"1.0.0","context":{"a":123456789012345678901234567890},)"
    R"("initiator":"i","source_system":"s","reason":"r","priority":7,"tags":["x"]})";

struct Api {
    FakeEngine engine;
    ApiContext context{engine, {}, {}, {}, {}};

    ApiResponse call(const std::string& method, const std::string& target, const std::string& body = {}) {
        ApiResponse response = handle({method, target, body}, context);
        CHECK(json::accept(response.body));
        return response;
    }
};

TaskView sample() {
    TaskView task;
    task.task_uuid = *Uuid::parse("019a0000-0000-7000-8000-000000000001");
    task.name = "order";
    task.namespace_name = "orders";
    task.version = "1.0.0";
    task.state = TaskState::Complete;
    task.created_ms = 1'790'000'000'000;
    task.updated_ms = task.created_ms + 5;
    task.completed_ms = task.created_ms + 6;
    task.context_json = R"({"k":1})";
    task.total_steps = 3;
    task.completed_steps = 1;
    StepView step;
    step.step_uuid = *Uuid::parse("019a0000-0000-7000-8000-000000000002");
    step.task_uuid = task.task_uuid;
    step.name = "charge";
    step.state = StepState::Complete;
    step.attempts = 2;
    step.max_attempts = 3;
    step.backoff_ms = 1500;
    step.created_ms = task.created_ms;
    step.processed_ms = task.created_ms + 9;
    step.results_json = R"({"success":true,"result":{"v":1}})";
    step.dependencies = {"validate"};
    task.steps.push_back(step);
    return task;
}
const std::string kTask = "/v1/tasks/019a0000-0000-7000-8000-000000000001";
}  // namespace

TEST_CASE("routes: a submission is answered with the task's document and its context byte for byte") {
    Api api;
    const ApiResponse response = api.call("POST", "/v1/tasks", kRequest);
    CHECK(response.status == 200);
    CHECK(response.body.find(R"("context":{"a":123456789012345678901234567890})") != std::string::npos);
    const json task = json::parse(response.body);
    CHECK(task["task_uuid"] == "00000000-0000-0000-0000-000000000001");
    CHECK(task["priority"] == 7);
    CHECK(api.engine.requests.at(0).tags == std::vector<std::string>{"x"});
}

TEST_CASE("routes: the task document has every field of the contract, null where there is nothing") {
    Api api;
    api.engine.add(sample());
    const json task = json::parse(api.call("GET", kTask).body);
    for (const char* key : {"task_uuid",
                            "name",
                            "namespace",
                            "version",
                            "status",
                            "created_at",
                            "updated_at",
                            "completed_at",
                            "context",
                            "initiator",
                            "source_system",
                            "reason",
                            "priority",
                            "tags",
                            "correlation_id",
                            "parent_correlation_id",
                            "total_steps",
                            "pending_steps",
                            "in_progress_steps",
                            "completed_steps",
                            "failed_steps",
                            "ready_steps",
                            "execution_status",
                            "recommended_action",
                            "completion_percentage",
                            "health_status",
                            "steps"}) {
        CAPTURE(key);
        CHECK(task.contains(key));
    }
    CHECK(task["status"] == "complete");
    CHECK(task["created_at"] == "2026-09-21T14:13:20.000Z");
    CHECK(task["parent_correlation_id"].is_null());
    CHECK(task["completion_percentage"] == 33.33);
    const json step = task["steps"][0];
    for (const char* key : {"workflow_step_uuid", "task_uuid", "named_step_uuid", "name", "current_state",
                            "dependencies_satisfied", "retry_eligible", "ready_for_execution",
                            "last_failure_at", "next_retry_at", "total_parents", "completed_parents",
                            "attempts", "max_attempts", "backoff_request_seconds", "last_attempted_at"}) {
        CAPTURE(key);
        CHECK(step.contains(key));
    }
    CHECK(step["backoff_request_seconds"] == 2);
    CHECK(step["last_failure_at"].is_null());
    CHECK_FALSE(step.contains("results"));
    CHECK_FALSE(step.contains("dependencies"));
}

TEST_CASE("routes: results and dependencies come on request, and with the single step") {
    Api api;
    api.engine.add(sample());
    const json task = json::parse(api.call("GET", kTask + "?include=results,dependencies").body);
    CHECK(task["steps"][0]["results"]["result"]["v"] == 1);
    CHECK(task["steps"][0]["dependencies"] == json::array({"validate"}));
    const json step =
        json::parse(api.call("GET", kTask + "/workflow_steps/019a0000-0000-7000-8000-000000000002").body);
    CHECK(step["results"]["success"] == true);
    CHECK(step["completed_at"].is_string());
    const json listed = json::parse(api.call("GET", kTask + "/workflow_steps").body);
    REQUIRE(listed.size() == 1);
    CHECK(listed[0] == step);
    CHECK(api.call("GET", kTask + "/workflow_steps/019a0000-0000-7000-8000-000000000003").status == 404);
}

TEST_CASE("routes: each refusal has its status and an error document") {
    Api api;
    const auto submit = [&](const std::string& name, const std::string& context) {
        return api.call("POST", "/v1/tasks",
                        R"({"name":")" + name + R"(","namespace":"ns","version":"1","context":)" + context +
                            R"(,"initiator":"i","source_system":"s","reason":"r"})");
    };
    CHECK(submit("n", "{}").status == 200);
    const ApiResponse duplicate = submit("n", "{}");
    CHECK(duplicate.status == 409);
    CHECK(json::parse(duplicate.body)["error"]["code"] == "CONFLICT");
    CHECK(json::parse(duplicate.body)["error"]["hint"] == "change it");
    CHECK(submit("absent", "{}").status == 404);
    CHECK(submit("unavailable", "{}").status == 503);
    CHECK(submit("broken", "{}").status == 500);
    CHECK(submit("n", "[]").status == 400);
}

TEST_CASE("routes: a bad submission names the field at fault") {
    const std::pair<const char*, const char*> cases[] = {
        {R"({})", "'name' is missing"},
        {R"({"name":1})", "'name' must be a string"},
        {R"({"name":""})", "'name' is empty"},
        {R"({"name":"a","name":"b"})", "'name' occurs twice"},
        {R"({"name":"a","x":{"y":1,"y":2}})", "'y' occurs twice"},
        {R"([])", "must be a JSON object"},
        {R"({"name":)", "not usable JSON"},
        {"\xff", "not usable JSON"},
    };
    Api api;
    for (const auto& [body, expected] : cases) {
        CAPTURE(body);
        const ApiResponse response = api.call("POST", "/v1/tasks", body);
        CHECK(response.status == 400);
        CHECK(response.body.find(expected) != std::string::npos);
    }
    json request = json::parse(kRequest);
    const std::pair<const char*, json> fields[] = {{"priority", 1.5},
                                                   {"priority", "1"},
                                                   {"tags", "x"},
                                                   {"tags", json::array({1})},
                                                   {"correlation_id", "zz"},
                                                   {"idempotency_key", ""},
                                                   {"initiator", std::string(129, 'x')}};
    for (const auto& [key, value] : fields) {
        CAPTURE(key);
        json changed = request;
        changed[key] = value;
        const ApiResponse response = api.call("POST", "/v1/tasks", changed.dump());
        CHECK(response.status == 400);
        CHECK(response.body.find(key) != std::string::npos);
    }
}

TEST_CASE("routes: an escaped key is the same key") {
    CHECK(duplicate_key(R"({"a":1,"\u0061":2})") == "a");
    CHECK(duplicate_key(R"( [{"a":1},{"a":2}])").empty());
}

TEST_CASE("routes: a batch answers one item each, in order, as a list and as lines") {
    Api api;
    const std::string one = kRequest;
    std::string two = kRequest;
    two.replace(two.find("12345"), 5, "99999");
    for (const std::string& body : {"[" + one + ",{}," + two + "]", "\n" + one + "\n{}\r\n" + two + "\n"}) {
        const json answers = json::parse(api.call("POST", "/v1/tasks/batch", body).body);
        REQUIRE(answers.size() == 3);
        CHECK(answers[1]["error"]["code"] == "BAD_REQUEST");
        const bool first_time = answers[0].contains("task_uuid");
        CHECK(first_time == answers[2].contains("task_uuid"));
        if (!first_time) CHECK(answers[0]["error"]["code"] == "CONFLICT");
    }
    CHECK(api.engine.requests.size() == 2);
    CHECK(api.call("POST", "/v1/tasks/batch", "[1,").status == 400);
    CHECK(api.call("POST", "/v1/tasks/batch", "").body == "[]");
}

TEST_CASE("routes: a list filters, pages and refuses what it does not know") {
    Api api;
    api.engine.add(sample());
    const json page = json::parse(api.call("GET",
                                           "/v1/"
                                           "tasks?page=2&per_page=1&namespace=a%20b&status=waiting_for_retry&"
                                           "initiator=me&source_system=x")
                                      .body);
    CHECK(page["pagination"] == json{{"page", 2},
                                     {"per_page", 1},
                                     {"total_count", 1},
                                     {"total_pages", 1},
                                     {"has_next", false},
                                     {"has_previous", true}});
    CHECK(api.engine.last_filter.namespace_name == "a b");
    CHECK(api.engine.last_filter.state == TaskState::WaitingForRetry);
    api.call("GET", "/v1/tasks?status=open");
    CHECK(api.engine.last_filter.only_open);
    for (const char* bad :
         {"page=0", "page=x", "per_page=101", "per_page=0", "status=completd", "page=99999999999"}) {
        CAPTURE(bad);
        CHECK(api.call("GET", std::string{"/v1/tasks?"} + bad).status == 400);
    }
    CHECK(api.call("GET", "/v1/tasks?status=complet").body.find("did you mean 'complete'") !=
          std::string::npos);
}

TEST_CASE("routes: every task state is a filter") {
    Api api;
    for (int value = 0; value <= static_cast<int>(TaskState::ResolvedManually); ++value) {
        const auto state = static_cast<TaskState>(value);
        CHECK(api.call("GET", "/v1/tasks?status=" + std::string{name(state)}).status == 200);
        CHECK(api.engine.last_filter.state == state);
    }
}

TEST_CASE("routes: cancelling answers with the task, a second time with a refusal") {
    Api api;
    TaskView task = sample();
    task.state = TaskState::StepsInProcess;
    api.engine.add(task);
    CHECK(json::parse(api.call("DELETE", kTask).body)["status"] == "cancelled");
    CHECK(api.call("DELETE", kTask).status == 400);
    CHECK(api.call("DELETE", "/v1/tasks/019a0000-0000-7000-8000-000000000009").status == 404);
    CHECK(api.call("DELETE", "/v1/tasks/nonsense").status == 400);
}

TEST_CASE("routes: an earlier submission is found by its key") {
    Api api;
    api.engine.add(sample());
    CHECK(api.call("GET", "/v1/tasks/by-idempotency-key?namespace=a&name=b&version=c&key=known").status ==
          200);
    CHECK(api.call("GET", "/v1/tasks/by-idempotency-key?key=other").status == 404);
    CHECK(api.call("GET", "/v1/tasks/by-idempotency-key").status == 400);
}

TEST_CASE("routes: health says why the store cannot be written, liveness does not care") {
    Api api;
    CHECK(api.call("GET", "/health").status == 200);
    api.engine.trouble_text = "disk full";
    const ApiResponse response = api.call("GET", "/health/ready");
    CHECK(response.status == 503);
    const json ready = json::parse(response.body);
    CHECK(ready["status"] == "not_ready");
    CHECK(ready["error"]["code"] == "SERVICE_UNAVAILABLE");
    CHECK(ready["error"]["message"] == "disk full");
    CHECK(ready["checks"]["web_database"]["status"] == "unhealthy");
    CHECK(json::parse(api.call("GET", "/health").body)["reason"] == "disk full");
    CHECK(api.call("GET", "/health/live").status == 200);
}

TEST_CASE("routes: worker documents come from the worker, and are absent without one") {
    Api api;
    CHECK(api.call("GET", "/v1/status").status == 404);
    WorkerStatus status;
    status.running = true;
    status.missing_handlers = {"no plugin offers 'a.b'", "no plugin offers 'c.d', did you mean 'c.e'?"};
    api.context.worker_status = [&] { return status; };
    CHECK(api.call("GET", "/v1/status").body == to_json(status));
    const json health = json::parse(api.call("GET", "/health").body);
    CHECK(health["status"] == "degraded");
    CHECK(health["reason"] == "no plugin offers 'a.b'; no plugin offers 'c.d', did you mean 'c.e'?");
    CHECK(api.call("GET", "/plugins").status == 404);
    CHECK(api.call("GET", "/handlers").status == 404);
}

TEST_CASE("routes: the store is described, checked and copied") {
    Api api;
    CHECK(json::parse(api.call("GET", "/v1/store/info").body)["schema_version"] == 3);
    CHECK(api.call("POST", "/v1/store/check").body == R"({"ok":true,"faults":[]})");
    api.engine.faults = {"page 3 is \"bad\""};
    CHECK(json::parse(api.call("POST", "/v1/store/check").body)["ok"] == false);
    CHECK(api.call("POST", "/v1/store/backup", R"({"target":"/tmp/copy.db"})").status == 200);
    CHECK(api.engine.backed_up == "/tmp/copy.db");
    CHECK(api.call("POST", "/v1/store/backup", R"({"target":"/taken"})").status ==
          500);  // not a file that is there
    CHECK(api.call("POST", "/v1/store/backup", R"({"target":"relative"})").status == 400);
    CHECK(api.call("POST", "/v1/store/backup", "{").status == 400);
}

TEST_CASE("routes: wrong methods, unknown paths and hostile targets are refused") {
    Api api;
    const ApiResponse wrong = api.call("POST", "/health");
    CHECK(wrong.status == 405);
    CHECK(wrong.headers == "Allow: GET, HEAD\r\n");
    CHECK(api.call("PUT", "/v1/tasks").headers == "Allow: GET, HEAD, POST\r\n");
    CHECK(api.call("HEAD", "/health/live").status == 200);
    CHECK(api.call("PUT", kTask).status == 405);
    CHECK(api.call("GET", "/v2/tasks").status == 404);
    CHECK(api.call("GET", "/../../etc/passwd").status == 404);
    CHECK(api.call("GET", "/%2e%2e/%2e%2e/etc/passwd").status == 404);
    for (const std::string target :
         {"", "v1/tasks", "http://h/v1/tasks", "/v1/tasks%00", "/v1%2Ftasks", "/%zz", "/a?b=%1"}) {
        CAPTURE(target);
        CHECK(api.call("GET", target).status == 400);
    }
    CHECK(api.call("POST", "/v1/tasks", std::string(body_limit("/v1/tasks") + 1, ' ')).status == 413);
}

TEST_CASE("target: segments and parameters are decoded, and encode back") {
    const auto target = parse_target("/v1/tasks/a%20b?x=1+2&y=%26&flag");
    REQUIRE(target);
    CHECK(target->path == std::vector<std::string>{"v1", "tasks", "a b"});
    CHECK(target->query.at("x") == "1 2");
    CHECK(target->query.at("y") == "&");
    CHECK(target->query.at("flag").empty());
    CHECK(parse_target("/" + percent_encoded("a b&\xc3\xa9"))->path.at(0) == "a b&\xc3\xa9");
}

TEST_CASE("documents: steps of one name share a named_step_uuid, others have another") {
    StepView a, b, c;
    a.name = b.name = "charge";
    c.name = "ship";
    const auto uuid = [](const StepView& step) {
        return json::parse(step_document(step))["named_step_uuid"].get<std::string>();
    };
    CHECK(Uuid::parse(uuid(a)).has_value());
    CHECK(uuid(a) == uuid(b));
    CHECK(uuid(a) != uuid(c));
}
