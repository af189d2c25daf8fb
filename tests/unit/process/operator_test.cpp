// The verbs for single steps, the dead letter queue and pruning: what they ask the host for, and what they print.

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "tests/unit/process/fake_host.hpp"
#include "tests/unit/process/invocation.hpp"

using nlohmann::json;
using namespace tasker::host;
using namespace tasker::host::testing;

namespace {
const std::string kTask = "019a0000-0000-7000-8000-000000000001";
const std::string kStep = "019a0000-0000-7000-8000-000000000002";
const std::string kPlace = "/v1/tasks/" + kTask + "/workflow_steps/" + kStep;

ApiResponse step_answers(const ApiRequest& request) {
    if (request.method == "PATCH") {
        if (request.body.find("impossible") != std::string::npos)
            return {400,
                    R"({"error":{"code":"BAD_REQUEST","message":"the step is complete","hint":"leave it"}})"};
        return {200, R"({"step_uuid":"u","name":"charge","current_state":"pending"})"};
    }
    if (request.target == "/v1/tasks/" + kTask)
        return {200, R"({"steps":[{"name":"charge","workflow_step_uuid":")" + kStep +
                         R"("},{"name":"ship","workflow_step_uuid":"x"}]})"};
    if (request.target == kPlace + "/audit")
        return {200, R"([{"audit_uuid":"a","step_name":"charge","workflow_step_uuid":"s","success":false,)"
                     R"("event":"failed","attempt":2,"from_state":null,"to_state":"error","worker_id":"w-1",)"
                     R"("execution_time_ms":12,"error_message":"card \u001b[2Jdeclined"}])"};
    if (request.target == kPlace)
        return {200, R"({"step_uuid":")" + kStep +
                         R"(","name":"charge","current_state":"complete","attempts":1,"max_attempts":3,)"
                         R"("dependencies_satisfied":true,"last_failure_at":null,)"
                         R"("results":{"success":true,"result":{"paid":true}}})"};
    return {404, R"({"error":{"code":"NOT_FOUND","message":"there is no such resource"}})"};
}

struct Steps : Shell {
    FakeHost host{dir() / "state", step_answers};
};

bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}
}  // namespace

TEST_CASE("task step: a step is found by its UUID and by its name") {
    Steps shell;
    for (const std::string& step : {kStep, std::string{"charge"}}) {
        const Ran ran = shell.run({"task", "step", kTask, step});
        CHECK(ran.code == 0);
        CHECK_MESSAGE(ran.out == "Step Details\n  UUID: " + kStep +
                                     "\n  Name: charge\n  State: complete\n  Dependencies satisfied: yes\n"
                                     "  Ready for execution: no\n  Retry eligible: no\n  Attempts: 1/3\n"
                                     "  Result: {\"paid\":true}\n",
                      ran.out);
    }
    CHECK(shell.host.requests().size() == 3);  // the name is looked up in the task
    const Ran wrong = shell.run({"task", "step", kTask, "chrage"});
    CHECK(wrong.code == 10);
    CHECK(contains(wrong.err, "did you mean 'charge'?"));
    CHECK(contains(wrong.err, "its steps: charge, ship"));
    CHECK(shell.run({"task", "step", "nonsense", "charge"}).code == 2);
    CHECK(json::parse(shell.run({"task", "step", kTask, kStep, "--json"}).out)["name"] == "charge");
}

TEST_CASE("task reset-step, resolve-step, complete-step: what tasker-ctl sends, and what it prints") {
    Steps shell;
    shell.environment["LANG"] = "C.UTF-8";
    const Ran reset = shell.run({"task", "reset-step", kTask, "charge", "-r", "bank is up"});
    CHECK(reset.code == 0);
    CHECK_MESSAGE(reset.out ==
                      "✓ Step reset successfully!\n  New state: pending\n  Reason: bank is up\n"
                      "  Reset by: tester\n",
                  reset.out);
    shell.run({"task", "resolve-step", kTask, kStep, "--reason", "by phone", "-b", "ann"});
    shell.write("result.json", R"({"amount": 12})");
    shell.run({"task", "complete-step", kTask, kStep, "-r", "cash", "--completed-by", "bob", "--result",
               "@result.json", "--metadata", R"({"k":1})"});
    shell.run({"task", "complete-step", kTask, kStep, "-r", "cash"});
    std::vector<json> bodies;
    for (const ApiRequest& request : shell.host.requests()) {
        if (request.method != "PATCH") continue;
        CHECK(request.target == kPlace);
        bodies.push_back(json::parse(request.body));
    }
    REQUIRE(bodies.size() == 4);
    CHECK(bodies[0] ==
          json{{"action_type", "reset_for_retry"}, {"reason", "bank is up"}, {"reset_by", "tester"}});
    CHECK(bodies[1] ==
          json{{"action_type", "resolve_manually"}, {"reason", "by phone"}, {"resolved_by", "ann"}});
    CHECK(bodies[2] == json{{"action_type", "complete_manually"},
                            {"reason", "cash"},
                            {"completed_by", "bob"},
                            {"completion_data", {{"result", {{"amount", 12}}}, {"metadata", {{"k", 1}}}}}});
    CHECK(bodies[3]["completion_data"] == json{{"result", json::object()}});
}

TEST_CASE(
    "task reset-step: a state that does not allow it is a refusal, a wrong command line a usage fault") {
    Steps shell;
    const Ran refused = shell.run({"task", "reset-step", kTask, kStep, "-r", "impossible"});
    CHECK(refused.code == 11);
    CHECK(contains(refused.err, "the step is complete"));
    CHECK(contains(refused.err, "hint: leave it"));
    CHECK(shell.run({"task", "reset-step", kTask, kStep}).code == 2);
    CHECK(shell.run({"task", "reset-step", kTask, kStep, "-r", ""}).code == 2);
    CHECK(shell.run({"task", "reset-step", kTask}).code == 2);
    for (const char* bad : {"{", "@absent.json", ""}) {
        CAPTURE(bad);
        CHECK(shell.run({"task", "complete-step", kTask, kStep, "-r", "x", "--result", bad}).code == 2);
    }
    CHECK(shell.run({"task", "complete-step", kTask, kStep, "-r", "x", "--metadata", "[]"}).code == 2);
    for (const ApiRequest& request : shell.host.requests())
        CHECK((request.method != "PATCH" || contains(request.body, "impossible")));
}

TEST_CASE("task step-audit: every record with its event, and nothing that steers a terminal") {
    Steps shell;
    const Ran ran = shell.run({"task", "step-audit", kTask, "charge"});
    CHECK(ran.code == 0);
    for (const char* part :
         {"+ Found 1 audit record(s):", "  Audit Record #1\n", "    UUID: a\n", "x Success: No",
          "    Event: failed\n", "    Attempt: 2\n", "    Transition: (none) -> error\n", "    Worker: w-1\n",
          "    Execution time: 12ms\n"}) {
        CAPTURE(part);
        CHECK_MESSAGE(contains(ran.out, part), ran.out);
    }
    CHECK_FALSE(contains(ran.out, "\x1b"));
    CHECK(json::parse(shell.run({"task", "step-audit", kTask, kStep, "--json"}).out).size() == 1);
}

TEST_CASE("dlq: what is asked for, and how it is told") {
    Shell shell;
    const std::string entry =
        R"({"dlq_entry_uuid":"e-1","task_uuid":"t-1","original_state":"waiting_for_retry","dlq_reason":)"
        R"("StalenessTimeout","resolution_status":"Pending","dlq_timestamp":"2026-01-01T00:00:00","created_at":)"
        R"("2026-01-01T00:00:00","resolution_notes":null,"task_snapshot":{"a":1}})";
    const FakeHost host(shell.dir() / "state", [&](const ApiRequest& request) -> ApiResponse {
        if (request.target.starts_with("/v1/dlq/stats"))
            return {
                200,
                R"([{"dlq_reason":"StalenessTimeout","total_entries":3,"pending":1,"manually_resolved":2,)"
                R"("permanent_failures":0,"cancelled":0,"oldest_entry":null,"newest_entry":null}])"};
        if (request.target.starts_with("/v1/dlq?")) return {200, "[" + entry + "]"};
        return {200, request.method == "PATCH" ? R"({"success":true,"message":"updated"})" : entry};
    });
    const Ran list = shell.run({"dlq", "list", "-s", "pending", "-l", "5", "-o", "10"});
    CHECK(list.code == 0);
    CHECK_MESSAGE(contains(list.out, "+ Found 1 DLQ entry\n"), list.out);
    CHECK(contains(list.out, "  * DLQ Entry: e-1\n    Task UUID: t-1\n    Reason: StalenessTimeout\n"));
    CHECK(json::parse(shell.run({"dlq", "list", "--json"}).out).size() == 1);
    const Ran get = shell.run({"dlq", "get", kTask});
    CHECK(contains(get.out, "  Original state: waiting_for_retry\n"));
    CHECK(contains(get.out, "Task Snapshot\n{\n  \"a\": 1\n}\n"));
    CHECK_FALSE(contains(get.out, "Resolution notes"));
    const Ran update = shell.run({"dlq", "update", kStep, "-s", "manually_resolved", "-n", "seen"});
    CHECK(update.code == 0);
    CHECK(contains(update.out, "+ DLQ investigation updated successfully\n"));
    CHECK(contains(shell.run({"dlq", "stats"}).out, "    Manually resolved: 2\n"));
    const auto asked = host.requests();
    REQUIRE(asked.size() == 5);
    CHECK(asked[0].target == "/v1/dlq?limit=5&offset=10&resolution_status=pending");
    CHECK(asked[1].target == "/v1/dlq?limit=50&offset=0");
    CHECK(asked[2].target == "/v1/dlq/task/" + kTask);
    CHECK(asked[3].target == "/v1/dlq/entry/" + kStep);
    CHECK(json::parse(asked[3].body) == json{{"resolution_status", "manually_resolved"},
                                             {"resolution_notes", "seen"},
                                             {"resolved_by", "tester"}});
}

TEST_CASE(
    "dlq: without a store there is nothing in it, and a wrong command line is told before anybody is asked") {
    Shell shell;
    CHECK(shell.run({"dlq", "list", "--json"}).out == "[]\n");
    CHECK(shell.run({"dlq", "stats", "--json"}).out == "[]\n");
    CHECK(shell.run({"dlq", "get", kTask}).code == 10);
    const Ran status = shell.run({"dlq", "list", "--status", "pendign"});
    CHECK(status.code == 2);
    CHECK(contains(status.err, "did you mean 'pending'?"));
    CHECK(shell.run({"dlq", "list", "--limit", "0"}).code == 2);
    CHECK(shell.run({"dlq", "update", "x", "-n", "y"}).code == 2);
    CHECK(shell.run({"dlq", "update", kStep}).code == 2);
}

TEST_CASE("store prune: the age is asked for in seconds, a dry run says so") {
    Shell shell;
    const FakeHost host(shell.dir() / "state", [](const ApiRequest&) -> ApiResponse {
        return {200, R"({"dry_run":true,"complete_tasks":7,"steps":28})"};
    });
    const Ran ran = shell.run({"store", "prune", "--older-than", "36h", "--dry-run"});
    CHECK(ran.code == 0);
    CHECK(ran.out == "+ This is what would be deleted:\n  complete_tasks: 7\n  steps: 28\n");
    CHECK(json::parse(shell.run({"store", "prune", "--json"}).out)["steps"] == 28);
    const auto asked = host.requests();
    REQUIRE(asked.size() == 2);
    CHECK(asked[0].method == "POST");
    CHECK(asked[0].target == "/v1/store/prune");
    CHECK(json::parse(asked[0].body) ==
          json{{"complete_after_seconds", 129'600}, {"failed_after_seconds", 129'600}, {"dry_run", true}});
    CHECK(json::parse(asked[1].body) == json{{"dry_run", false}});
    CHECK(shell.run({"store", "prune", "--older-than", "30"}).code == 2);
}
