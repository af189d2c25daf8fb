#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "host/api/routes.hpp"
#include "tests/unit/api/fake_engine.hpp"

namespace tasker::host::testing {

namespace {
using nlohmann::json;

const std::string kTask = "019a0000-0000-7000-8000-000000000001",
                  kStep = "019a0000-0000-7000-8000-000000000002",
                  kEntry = "019a0000-0000-7000-8000-000000000003",
                  kOther = "019a0000-0000-7000-8000-0000000000ff";
const std::string kStepPath = "/v1/tasks/" + kTask + "/workflow_steps/" + kStep;

struct Api {
    FakeEngine engine;
    ApiContext context{engine, {}, {}, {}, {}};

    Api() {
        TaskView task;
        task.task_uuid = *Uuid::parse(kTask);
        StepView step;
        step.task_uuid = task.task_uuid;
        step.step_uuid = *Uuid::parse(kStep);
        step.name = "charge";
        step.state = StepState::Error;
        task.steps = {step};
        engine.add(task);
    }
    ApiResponse call(const std::string& method, const std::string& target, const std::string& body = {}) {
        ApiRequest request;
        request.method = method;
        request.target = target;
        request.body = body;
        ApiResponse response = handle(request, context);
        CHECK(json::accept(response.body));
        return response;
    }
    json answer(const std::string& method, const std::string& target, const std::string& body = {}) {
        const ApiResponse response = call(method, target, body);
        CHECK_MESSAGE(response.status == 200, response.body);
        return json::parse(response.body);
    }
    std::string refused(int status, const std::string& method, const std::string& target,
                        const std::string& body = {}) {
        const ApiResponse response = call(method, target, body);
        CHECK_MESSAGE(response.status == status, response.body);
        return json::parse(response.body).at("error").at("message");
    }
};

DlqEntry sample_entry() {
    DlqEntry entry;
    entry.entry_uuid = *Uuid::parse(kEntry);
    entry.task_uuid = *Uuid::parse(kTask);
    entry.original_state = TaskState::StepsInProcess;
    entry.created_ms = entry.updated_ms = 1'790'000'000'000;
    entry.snapshot_json = R"({"task_name":"order"})";
    return entry;
}
}  // namespace

TEST_CASE("PATCH of a step does what its action_type says and answers the step") {
    Api api;
    const json reset = api.answer("PATCH", kStepPath,
                                  R"({"action_type":"reset_for_retry","reason":"fixed","reset_by":"ann"})");
    CHECK(reset.at("current_state") == "pending");
    REQUIRE(api.engine.actions.size() == 1);
    CHECK(api.engine.actions[0].action.kind == StepAction::Kind::ResetForRetry);
    CHECK(api.engine.actions[0].action.reason == "fixed");
    CHECK(api.engine.actions[0].action.by == "ann");

    const json resolved =
        api.answer("PATCH", kStepPath,
                   R"({"action_type":"resolve_manually","reason":"not needed","resolved_by":"bob"})");
    CHECK(resolved.at("current_state") == "resolved_manually");
    CHECK(api.engine.actions[1].action.by == "bob");

    const json completed = api.answer(
        "PATCH", kStepPath,
        R"({"action_type":"complete_manually","completion_data":{"result":{"score":95},"metadata":{"seen":true}},)"
        R"("reason":"by hand","completed_by":"cleo"})");
    CHECK(completed.at("current_state") == "complete");
    CHECK(json::parse(api.engine.actions[2].action.result_json).at("score") == 95);
    CHECK(json::parse(api.engine.actions[2].action.metadata_json).at("seen") == true);
    CHECK(api.engine.actions[2].action.by == "cleo");
}

TEST_CASE("PATCH of a step is refused with the field that is wrong, and nothing is done") {
    Api api;
    const auto says = [&](const std::string& body) { return api.refused(400, "PATCH", kStepPath, body); };
    CHECK(says("{").find("JSON") != std::string::npos);
    CHECK(says("[]").find("object") != std::string::npos);
    CHECK(says("{}").find("action_type") != std::string::npos);
    CHECK(says(R"({"action_type":"reset_for_retri","reason":"r","reset_by":"a"})").find("did you mean") !=
          std::string::npos);
    CHECK(says(R"({"action_type":"reset_for_retry","reset_by":"a"})").find("reason") != std::string::npos);
    CHECK(says(R"({"action_type":"reset_for_retry","reason":"r","resolved_by":"a"})").find("reset_by") !=
          std::string::npos);
    CHECK(says(R"({"action_type":"resolve_manually","reason":7,"resolved_by":"a"})").find("string") !=
          std::string::npos);
    CHECK(says(R"({"action_type":"complete_manually","reason":"r","completed_by":"a"})")
              .find("completion_data") != std::string::npos);
    CHECK(says(R"({"action_type":"complete_manually","completion_data":{},"reason":"r","completed_by":"a"})")
              .find("result") != std::string::npos);
    CHECK(says(R"({"action_type":"reset_for_retry","reason":"r","reset_by":"a","resaon":"x"})")
              .find("resaon") != std::string::npos);
    CHECK(
        says(R"({"action_type":"reset_for_retry","reason":"r","reason":"s","reset_by":"a"})").find("twice") !=
        std::string::npos);
    CHECK(api.engine.actions.empty());
    static_cast<void>(api.refused(400, "PATCH", "/v1/tasks/x/workflow_steps/" + kStep, "{}"));
    static_cast<void>(api.refused(404, "PATCH", "/v1/tasks/" + kTask + "/workflow_steps/" + kOther,
                                  R"({"action_type":"reset_for_retry","reason":"r","reset_by":"a"})"));
}

TEST_CASE("dead letters are spelled as tasker-server spells them: names of its enums, times without a zone") {
    Api api;
    api.engine.dead_letters.entries = {sample_entry()};
    const json list = api.answer("GET", "/v1/dlq?resolution_status=pending&limit=7&offset=3");
    REQUIRE(list.size() == 1);
    CHECK(list[0].at("dlq_reason") == "StalenessTimeout");
    CHECK(list[0].at("resolution_status") == "Pending");
    CHECK(list[0].at("original_state") == "steps_in_process");
    CHECK(list[0].at("dlq_timestamp").get<std::string>().back() != 'Z');
    CHECK(list[0].at("resolution_timestamp").is_null());
    CHECK(list[0].at("metadata").is_null());
    CHECK(list[0].at("task_snapshot").at("task_name") == "order");
    CHECK(api.engine.dead_letters.filter.status == DlqStatus::Pending);
    CHECK(api.engine.dead_letters.filter.limit == 7);
    CHECK(api.engine.dead_letters.filter.offset == 3);
    static_cast<void>(api.answer("GET", "/v1/dlq?resolution_status=ManuallyResolved"));
    CHECK(api.engine.dead_letters.filter.status == DlqStatus::ManuallyResolved);
    CHECK(api.refused(400, "GET", "/v1/dlq?resolution_status=open").find("manually_resolved") !=
          std::string::npos);
    static_cast<void>(api.refused(400, "GET", "/v1/dlq?limit=0"));
    static_cast<void>(api.refused(400, "GET", "/v1/dlq?offset=-1"));

    CHECK(api.answer("GET", "/v1/dlq/task/" + kTask).at("dlq_entry_uuid") == kEntry);
    static_cast<void>(api.refused(404, "GET", "/v1/dlq/task/" + kOther));
    static_cast<void>(api.refused(400, "GET", "/v1/dlq/task/nonsense"));
}

TEST_CASE("an investigation is updated with what is given, and with nothing it is refused") {
    Api api;
    api.engine.dead_letters.entries = {sample_entry()};
    const std::string path = "/v1/dlq/entry/" + kEntry;
    const json done = api.answer(
        "PATCH", path,
        R"({"resolution_status":"ManuallyResolved","resolution_notes":"n","resolved_by":"ann","metadata":{"k":1}})");
    CHECK(done.at("success") == true);
    CHECK(done.at("dlq_entry_uuid") == kEntry);
    REQUIRE(api.engine.dead_letters.updates.size() == 1);
    CHECK(api.engine.dead_letters.updates[0].status == DlqStatus::ManuallyResolved);
    CHECK(api.engine.dead_letters.updates[0].notes == "n");
    CHECK(api.engine.dead_letters.updates[0].metadata_json == R"({"k":1})");
    static_cast<void>(api.answer("PATCH", path, R"({"resolution_status":"permanently_failed"})"));
    static_cast<void>(api.refused(400, "PATCH", path, "{}"));
    static_cast<void>(api.refused(400, "PATCH", path, R"({"resolution_status":"fixed"})"));
    static_cast<void>(api.refused(400, "PATCH", path, R"({"metadata":[1]})"));
    static_cast<void>(api.refused(404, "PATCH", "/v1/dlq/entry/" + kOther, R"({"resolution_notes":"n"})"));
    CHECK(api.engine.dead_letters.updates.size() == 2);
}

TEST_CASE("the dead letter statistics, the investigation queue and the staleness monitor have every field") {
    Api api;
    DlqStats stats;
    stats.total = 4;
    stats.pending = 1;
    stats.oldest_ms = 1'790'000'000'000;
    api.engine.dead_letters.stats_ = {stats};
    const json one = api.answer("GET", "/v1/dlq/stats")[0];
    for (const char* key :
         {"dlq_reason", "total_entries", "pending", "manually_resolved", "permanent_failures", "cancelled",
          "oldest_entry", "newest_entry", "avg_resolution_time_minutes"})
        CHECK_MESSAGE(one.contains(key), key);
    CHECK(one.at("avg_resolution_time_minutes").is_null());

    DlqQueueItem item;
    item.entry = sample_entry();
    item.namespace_name = "orders";
    item.minutes_in_dlq = 12;
    item.priority_score = 112;
    api.engine.dead_letters.queue = {item};
    const json queued = api.answer("GET", "/v1/dlq/investigation-queue?limit=9")[0];
    CHECK(queued.at("priority_score") == 112.0);
    CHECK(queued.at("minutes_in_dlq").is_number_float());
    CHECK(queued.at("time_in_state_minutes").is_null());
    CHECK(queued.at("current_state") == "steps_in_process");
    CHECK(api.engine.dead_letters.limit == 9);

    WatchedTask watched;
    watched.health = StalenessHealth::Warning;
    watched.state = TaskState::WaitingForDependencies;
    api.engine.dead_letters.watched = {watched};
    const json seen = api.answer("GET", "/v1/dlq/staleness")[0];
    CHECK(seen.at("health_status") == "warning");
    CHECK(seen.at("current_state") == "waiting_for_dependencies");
    CHECK(seen.at("namespace_name").is_null());
    CHECK(api.engine.dead_letters.limit == 100);
    static_cast<void>(api.refused(400, "GET", "/v1/dlq/staleness?limit=1001"));
}

TEST_CASE("analytics have every field of tasker-server's and refuse what is out of range") {
    Api api;
    api.engine.figures.performance_.average_step_seconds = 0.00025;
    const json performance = api.answer("GET", "/v1/analytics/performance");
    for (const char* key :
         {"total_tasks", "active_tasks", "completed_tasks", "failed_tasks", "completion_rate", "error_rate",
          "average_task_duration_seconds", "average_step_duration_seconds", "tasks_per_hour",
          "steps_per_hour", "system_health_score", "analysis_period_start", "calculated_at"})
        CHECK_MESSAGE(performance.contains(key), key);
    CHECK(performance.at("average_step_duration_seconds") == doctest::Approx(0.00025));
    CHECK(api.engine.figures.hours == 24);
    static_cast<void>(api.answer("GET", "/v1/analytics/performance?hours=2"));
    CHECK(api.engine.figures.hours == 2);
    static_cast<void>(api.refused(400, "GET", "/v1/analytics/performance?hours=-1"));

    SlowItem slow;
    slow.step_name = "charge";
    slow.executions = 9;
    api.engine.figures.bottlenecks_.steps = {slow};
    api.engine.figures.bottlenecks_.tasks = {slow};
    api.engine.figures.bottlenecks_.counts.tasks[static_cast<std::size_t>(TaskState::Complete)] = 8;
    api.engine.figures.bottlenecks_.recommendations = {"do \"this\""};
    const json found = api.answer("GET", "/v1/analytics/bottlenecks?limit=3&min_executions=2");
    CHECK(found.at("slow_steps")[0].at("step_name") == "charge");
    CHECK(found.at("slow_steps")[0].at("execution_count") == 9);
    CHECK(found.at("slow_tasks")[0].contains("average_step_count"));
    CHECK(found.at("resource_utilization").at("system_health").at("complete_tasks") == 8);
    CHECK(found.at("resource_utilization").at("system_health").at("total_tasks") == 8);
    CHECK(found.at("resource_utilization").at("system_health").contains("waiting_for_retry_steps"));
    CHECK(found.at("recommendations")[0] == "do \"this\"");
    CHECK(api.engine.figures.limit == 3);
    CHECK(api.engine.figures.min_executions == 2);
    static_cast<void>(api.refused(400, "GET", "/v1/analytics/bottlenecks?limit=0"));
}

TEST_CASE("the event queue is read after a sequence and acknowledged up to one") {
    Api api;
    StoredEvent stored;
    stored.sequence = 41;
    stored.event.name = "order.placed";
    stored.event.namespace_name = "orders";
    stored.event.event_json = R"({"event_name":"order.placed"})";
    api.engine.event_queue.page = {{stored}, true};
    const json page = api.answer("GET", "/v1/domain_events?namespace=orders&after=40&limit=1");
    CHECK(page.at("next_after") == 41);
    CHECK(page.at("has_more") == true);
    CHECK(page.at("events")[0].at("event").at("event_name") == "order.placed");
    CHECK(page.at("events")[0].at("delivery_mode") == "durable");
    CHECK(api.engine.event_queue.namespace_name == "orders");
    CHECK(api.engine.event_queue.after == 40);
    CHECK(api.engine.event_queue.limit == 1);
    api.engine.event_queue.page = {};
    CHECK(api.answer("GET", "/v1/domain_events?after=99").at("next_after") == 99);
    static_cast<void>(api.refused(400, "GET", "/v1/domain_events?after=x"));
    static_cast<void>(api.refused(400, "GET", "/v1/domain_events?limit=1001"));

    CHECK(api.answer("POST", "/v1/domain_events/acknowledge", R"({"namespace":"orders","up_to":41})")
              .at("acknowledged") == 3);
    CHECK(api.engine.event_queue.up_to == 41);
    static_cast<void>(api.refused(400, "POST", "/v1/domain_events/acknowledge", R"({"namespace":"orders"})"));
    static_cast<void>(api.refused(400, "POST", "/v1/domain_events/acknowledge", R"({"up_to":1})"));
    api.engine.event_queue.counts_ = {{"orders", 2, 10, 40, 41}};
    CHECK(api.answer("GET", "/v1/domain_events/counts")[0].at("newest_sequence") == 41);
}

TEST_CASE("pruning takes ages in seconds and counts on request") {
    Api api;
    CHECK(api.answer("POST", "/v1/store/prune").at("complete_tasks") == 5);
    REQUIRE(api.engine.pruned);
    CHECK_FALSE(api.engine.pruned->complete_ms);
    CHECK_FALSE(api.engine.pruned->dry_run);
    const json counted =
        api.answer("POST", "/v1/store/prune",
                   R"({"complete_after_seconds":60,"failed_after_seconds":0,"dry_run":true})");
    CHECK(counted.at("dry_run") == true);
    CHECK(api.engine.pruned->complete_ms == 60'000);
    CHECK(api.engine.pruned->failed_ms == 0);
    static_cast<void>(api.refused(400, "POST", "/v1/store/prune", R"({"complete_after_seconds":-1})"));
    static_cast<void>(api.refused(400, "POST", "/v1/store/prune", R"({"dry_run":"yes"})"));
    static_cast<void>(api.refused(400, "POST", "/v1/store/prune", R"({"dryrun":true})"));
}

}  // namespace tasker::host::testing
