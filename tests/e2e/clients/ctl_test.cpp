// tasker-ctl 0.1.8, as cargo builds it, drives a worker over TCP. What it cannot do itself: `template list|info` list the
// templates of its own code generators and ask nobody; `worker status` takes any worker's name.

#include "tests/e2e/clients/ctl.hpp"

namespace tasker::host::e2e {

TEST_CASE("tasker-ctl: a task is created, seen, listed, and its steps are shown") {
    const auto program = client(kTasker);
    if (!program) return;
    Ctl ctl(*program);
    const std::string uuid = ctl.create("examples", "linear_workflow", R"({"number":6})");
    ctl.sandbox().document({"task", "wait", uuid});
    const std::string got = ctl.run({"task", "get", uuid});
    has(got, "UUID: " + uuid);
    has(got, "Status: complete");
    has(got, "Steps: 4/4 completed");
    has(got, "Progress: 100.0%");
    has(got, "Priority: 5");
    has(got, "Completed: ");
    const std::string list = ctl.run({"task", "list", "-n", "examples", "-s", "complete"});
    has(list, "Found 1 tasks (page 1 of 1)");
    has(list, uuid + " - examples/linear_workflow v1.0.0");
    has(ctl.run({"task", "list", "-s", "open"}), "Found 0 tasks");
    const std::string steps = ctl.run({"task", "steps", uuid});
    has(steps, "Found 4 workflow steps");
    has(steps, "Attempts: 1/3");
    const std::string step = ctl.task(uuid)["steps"][0]["workflow_step_uuid"];
    const std::string shown = ctl.run({"task", "step", uuid, step});
    has(shown, "Name: square");
    has(shown, "State: complete");
    const std::string audit = ctl.run({"task", "step-audit", uuid, step});
    has(audit, "Found 1 audit record(s)");
    has(audit, "Success: Yes");
    has(audit, "-> complete");
    has(audit, "Worker UUID: ");
    ctl.stop_worker();
}

TEST_CASE("tasker-ctl: a task whose step failed is shown too, with its times") {
    const auto program = client(kTasker);
    if (!program) return;
    Ctl ctl(*program);
    const std::string uuid = ctl.create("examples", "linear_workflow", R"({"number":"six"})");
    ctl.sandbox().run({"task", "wait", uuid});
    REQUIRE(ctl.task(uuid)["steps"][0]["last_failure_at"].is_string());
    has(ctl.run({"task", "get", uuid}), "Health: ");
    const std::string step = ctl.task(uuid)["steps"][0]["workflow_step_uuid"];
    const std::string shown = ctl.run({"task", "step", uuid, step});
    has(shown, "State: error");
    has(shown, "Last failure: ");
    has(ctl.run({"task", "step-audit", uuid, step}), "Success: No");
    has(ctl.run({"task", "list"}), "Status: ");
    const std::string drawn = ctl.run({"task", "visualize", uuid});
    has(drawn, "square");
    has(ctl.run({"task", "visualize", uuid, "--format", "json"}), "\"nodes\"");
    ctl.stop_worker();
}

TEST_CASE("tasker-ctl: a running task is cancelled, and what is refused is told as the server tells it") {
    const auto program = client(kTasker);
    if (!program) return;
    Ctl ctl(*program);
    const std::string held = ctl.sandbox().submit_slow("hold", "a");
    REQUIRE(ctl.sandbox().started(1));
    has(ctl.run({"task", "cancel", held}), "has been canceled successfully");
    CHECK(ctl.task(held)["status"] == "cancelled");
    has(ctl.run({"task", "cancel", held}, 1), "HTTP 400");
    has(ctl.run({"task", "get", kUnknownTask}, 1), "HTTP 404");
    has(ctl.run({"task", "list", "-s", "nonsense"}, 1), "is not a task status");
    has(ctl.run({"task", "create", "--name", "nowhere", "-n", "x", "-v", "1.0.0", "-i", "{}"}, 1),
        "HTTP 404");
    const std::string input = R"({"number":7})";
    ctl.create("examples", "linear_workflow", input);
    has(ctl.run({"task", "create", "--name", "linear_workflow", "-n", "examples", "-i", input}, 1),
        "HTTP 409");
    ctl.stop_worker();
}

TEST_CASE("tasker-ctl: system and worker say how this host is") {
    const auto program = client(kTasker);
    if (!program) return;
    Ctl ctl(*program);
    const std::string health = ctl.run({"system", "health"});
    has(health, "Orchestration service is healthy: healthy");
    has(health, "Detailed orchestration health:");
    has(health, "web_database: healthy");
    has(health, "Worker service is healthy: healthy");
    has(health, "step_processing: healthy");
    const std::string info = ctl.run({"system", "info"});
    has(info, "Operational state: Normal");
    has(info, "Worker type: cpp");
    has(ctl.run({"worker", "list"}), "Supported namespaces: ");
    has(ctl.run({"worker", "status", "any"}), "Command processor: active");
    has(ctl.run({"worker", "health"}), "Worker ID: ");
    ctl.stop_worker();
}

TEST_CASE("tasker-ctl: with a token only who shows it is served, as a bearer and as an API key") {
    const auto program = client(kTasker);
    if (!program) return;
    const std::string token = "0123456789abcdef0123456789abcdef";
    Ctl ctl(*program, token);
    has(ctl.run({"task", "list"}, 1), "HTTP 401");
    has(ctl.run({"task", "list"}, 1, {"TASKER_AUTH_TOKEN=wrong"}), "HTTP 401");
    has(ctl.run({"task", "list"}, 0, {"TASKER_AUTH_TOKEN=" + token}), "Found 0 tasks");
    has(ctl.run({"task", "list"}, 0, {"TASKER_API_KEY=" + token}), "Found 0 tasks");
    has(ctl.run({"system", "health", "-o"}), "Orchestration service is healthy");
    ctl.stop_worker();
}

}  // namespace tasker::host::e2e
