// system health|info: what they ask the host for, what they print, and how they end.

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "tests/unit/process/fake_host.hpp"
#include "tests/unit/process/invocation.hpp"

using nlohmann::json;
using namespace tasker::host;
using namespace tasker::host::testing;

namespace {
bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

ApiResponse health(const std::string& status, const std::string& step_processing) {
    return {200, R"({"status":")" + status + R"(","timestamp":"t","worker_id":"w-1","checks":{)" +
                     R"("database":{"status":"healthy","message":"the store takes writes"},)" +
                     R"("event_system":{"status":"unknown","message":"no worker"},)" +
                     R"("step_processing":)" + step_processing + "}}"};
}

ApiResponse about(const ApiRequest& request) {
    if (request.target == "/config")
        return {200, R"({"metadata":{"version":"1.2.3","environment":"test"},"deployment_mode":"Embedded"})"};
    if (request.target == "/status")
        return {
            200,
            R"({"worker_id":"w-1","worker_core_status":"running","web_api_enabled":true,"uptime_ms":125000,)"
            R"("supported_namespaces":["a","b\u001b[2J"],"plugins":2,"handlers":5,"templates":4,)"
            R"("missing_callables":["x"],"slots":80,"running_steps":3,"steps_succeeded":7,"steps_failed":1})"};
    if (request.target == "/v1/store/info") return {200, R"({"path":"/s/tasker.db","open_tasks":9})"};
    return {404, R"({"error":{"code":"NOT_FOUND","message":"there is no such resource"}})"};
}
}  // namespace

TEST_CASE("system health: 0 for a host that is well, each check on a line") {
    Shell shell;
    const FakeHost host(shell.dir() / "state", [](const ApiRequest&) {
        return health("healthy", R"({"status":"healthy","message":"7 succeeded"})");
    });
    const Ran ran = shell.run({"system", "health"});
    CHECK(ran.code == 0);
    CHECK_MESSAGE(ran.out ==
                      "+ The host is healthy\n  Worker: w-1\n  At: t\n\n"
                      "  + database: the store takes writes\n"
                      "  + event_system unknown: no worker\n"
                      "  + step_processing: 7 succeeded\n",
                  ran.out);
    CHECK(host.requests().at(0).target == "/health/detailed");
}

TEST_CASE("system health: 1 for a host that is not, with the reason, in text and as the host's document") {
    Shell shell;
    const FakeHost host(shell.dir() / "state", [](const ApiRequest&) {
        return health("degraded", R"({"status":"degraded","message":"no plugin\u001b[2J offers 'x'"})");
    });
    const Ran ran = shell.run({"system", "health"});
    CHECK(ran.code == 1);
    CHECK(contains(ran.out, "! The host is degraded\n"));
    CHECK(contains(ran.out, "  x step_processing degraded: no plugin?[2J offers 'x'\n"));
    const Ran document = shell.run({"system", "health", "--json"});
    CHECK(document.code == 1);
    CHECK(json::parse(document.out)["checks"]["step_processing"]["status"] == "degraded");
}

TEST_CASE("system: 8 when no host answers, with the way to start one, and no store is made") {
    Shell shell;
    for (const char* verb : {"health", "info"}) {
        const Ran ran = shell.run({"system", verb, "--json"});
        CHECK(ran.code == 8);
        const json error = json::parse(ran.out)["error"];
        CHECK(error["code"] == "UNREACHABLE");
        CHECK(contains(error["message"], "api.sock"));
        CHECK(contains(error["hint"], "tasker-host run"));
    }
    CHECK_FALSE(std::filesystem::exists(shell.dir() / "state"));
}

TEST_CASE("system: what the host cannot tell is its error, with its exit code") {
    Shell shell;
    const FakeHost host(shell.dir() / "state", [](const ApiRequest&) {
        return ApiResponse{503, R"({"error":{"code":"SERVICE_UNAVAILABLE","message":"the disk is full"}})"};
    });
    CHECK(shell.run({"system", "health"}).code == 8);
    CHECK(contains(shell.run({"system", "info"}).err, "the disk is full"));
}

TEST_CASE("system info: the host, its worker and its store") {
    Shell shell;
    const FakeHost host(shell.dir() / "state", about);
    const Ran ran = shell.run({"system", "info"});
    CHECK(ran.code == 0);
    for (const char* line : {"  Version: 1.2.3\n", "  REST API over TCP: yes\n", "  Uptime: 2m05s\n",
                             "  Namespaces: a, b?[2J\n", "  Missing handlers: 1\n",
                             "  Slots in use: 3 of 80\n", "  Path: /s/tasker.db\n", "  Open tasks: 9\n"}) {
        CHECK_MESSAGE(contains(ran.out, line), line << " in " << ran.out);
    }
    const json document = json::parse(shell.run({"system", "info", "--json"}).out);
    CHECK(document["version"] == "1.2.3");
    CHECK(document["worker"]["plugins"] == 2);
    CHECK(document["store"]["path"] == "/s/tasker.db");
    CHECK(document["socket"] == (shell.dir() / "state/api.sock").string());
}

TEST_CASE("system info: a host without a worker of its own has none to tell of") {
    Shell shell;
    const FakeHost host(shell.dir() / "state", [](const ApiRequest& request) {
        if (request.target == "/status")
            return ApiResponse{
                404, R"({"error":{"code":"NOT_FOUND","message":"no worker runs in this process"}})"};
        return about(request);
    });
    const Ran ran = shell.run({"system", "info"});
    CHECK(ran.code == 0);
    CHECK_FALSE(contains(ran.out, "Slots"));
    CHECK(json::parse(shell.run({"system", "info", "--json"}).out)["worker"].is_null());
}
