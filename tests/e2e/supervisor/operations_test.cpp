// What a service manager and operators hear of a supervisor.

#include "tests/e2e/cli/raw_http.hpp"
#include "tests/e2e/supervisor/supervised.hpp"
#include "tests/support/notify_socket.hpp"

namespace tasker::host::e2e {

using testing::NotifySocket;

TEST_CASE(
    "operations: the service manager hears READY once all serve, RELOADING, STOPPING, and the watchdog is "
    "fed") {
    Supervised f;
    NotifySocket manager("@");
    f.set("NOTIFY_SOCKET", manager.address());
    f.set("WATCHDOG_USEC", "200000");
    f.begin({"examples", "slow"});
    const auto told = [&](const std::string& begin, int times = 1) {
        return eventually(kPatience, [&] {
            static_cast<void>(f.host->running());
            return manager.count(begin) >= times;
        });
    };
    REQUIRE(told("READY=1\nSTATUS=Processing tasks of examples, slow"));
    REQUIRE(told("WATCHDOG=1\n", 3));
    f.host->signal(SIGHUP);
    REQUIRE(told("RELOADING=1\n"));
    REQUIRE(told("READY=1\n", 2));
    // It is the supervisor's affair alone.
    for (const pid_t child : {f.engine_pid(), f.worker_pid("slow")})
        CHECK(read_file("/proc/" + std::to_string(child) + "/environ").find("NOTIFY_SOCKET") ==
              std::string::npos);
    // The manager goes on reading, else what feeds the watchdog would fill its queue.
    f.host->signal(SIGTERM);
    CHECK(told("STOPPING=1\n"));
    const auto status = f.host->wait(kPatience);
    REQUIRE(status.has_value());
    CHECK(status->code == 0);
    CHECK(manager.count("STOPPING=1\n") == 1);
}

TEST_CASE("operations: the API answers for all workers together") {
    Supervised f;
    f.set("TASKER_WEB_BIND_ADDRESS", "127.0.0.1:0");
    f.begin({"examples", "slow"});
    CHECK(f.document({"task", "create", "linear_workflow", "-c", R"({"number":6})", "--wait"})["status"] ==
          "complete");
    const std::string slow = f.submit_slow("hold", "a");
    f.release("a");
    CHECK(f.document({"task", "wait", slow})["status"] == "complete");
    REQUIRE(f.host->wait_for_err("REST API: http://", kPatience));
    const std::string address = address_of(*f.host);
    const auto body = [&](const std::string& target) {
        const std::string answer = ask(address, get(target));
        CHECK_MESSAGE(is(answer, "200"), answer);
        return answer.substr(answer.find("\r\n\r\n") + 4);
    };
    // Workers tell once a second what they did.
    REQUIRE(eventually(kPatience, [&] { return json::parse(body("/v1/status"))["steps_succeeded"] == 5; }));
    const json status = json::parse(body("/v1/status"));
    CHECK(status["running"] == true);
    CHECK(status["web_api_enabled"] == true);
    CHECK(status["supported_namespaces"].size() == 2);
    bool square = false, hold = false;
    const json handlers = json::parse(body("/handlers"));
    for (const json& one : handlers["handlers"]) {
        square = square || one["callable"] == "linear_workflow.square";
        hold = hold || one["callable"] == "slow.hold";
    }
    CHECK(square);
    CHECK_MESSAGE(hold, handlers.dump());
    const json plugins = json::parse(body("/plugins"));
    for (const json& one : plugins["plugins"])
        CHECK_MESSAGE(one["path"].get<std::string>().find("plugin-cache") == std::string::npos, one.dump());
    CHECK(status["database_pool_size"].get<int>() > 0);
    const std::string metrics = body("/metrics");
    CHECK_MESSAGE(metrics.find("linear_workflow.square") != std::string::npos, metrics);
    CHECK(is(ask(address, get("/health/ready")), "200"));
    const json health = f.document({"system", "health"});
    CHECK(health["status"] == "healthy");
    CHECK(f.document({"system", "info"})["worker"]["supported_namespaces"].size() == 2);
    // A worker that ends has told all that it did.
    for (int round = 0; round < 3; ++round) {
        f.document(
            {"task", "create", "linear_workflow", "-c", json{{"number", 8 + 2 * round}}.dump(), "--wait"});
        CHECK(f.document({"worker", "restart", "examples", "--wait"})["state"] == "committed");
    }
    CHECK(eventually(kPatience, [&] { return json::parse(body("/v1/status"))["steps_succeeded"] == 17; }));
    f.end();
}

TEST_CASE(
    "operations: SIGUSR2 replaces the supervisor in place: children, steps and operators notice nothing") {
    Supervised f;
    f.begin({"examples", "slow"});
    const std::string task = f.submit_slow("hung", "a");
    REQUIRE(f.started(1));
    const pid_t engine = f.engine_pid(), worker = f.worker_pid("slow"), idle = f.worker_pid("examples");
    REQUIRE(f.run({"worker", "pause", "examples"}).status.code == 0);
    for (int round = 1; round <= 2; ++round) {
        f.host->signal(SIGUSR2);
        REQUIRE(eventually(kPatience, [&] {
            static_cast<void>(f.host->running());
            const std::string log = f.host->err();
            std::size_t found = 0;
            for (auto at = log.find("replaced in place"); at != std::string::npos;
                 at = log.find("replaced in place", at + 1))
                ++found;
            return found == static_cast<std::size_t>(round);
        }));
        REQUIRE(eventually(kPatience, [&] { return f.run({"worker", "status"}).status.code == 0; }));
    }
    CHECK(f.host->running());
    CHECK(f.engine_pid() == engine);
    CHECK(f.worker_pid("slow") == worker);
    CHECK(f.of("examples")["paused"] == true);
    // They hear the new one as they heard the old one.
    CHECK(f.run({"worker", "resume", "examples"}).status.code == 0);
    CHECK(f.document({"task", "create", "linear_workflow", "-c", R"({"number":6})", "--wait"})["status"] ==
          "complete");
    CHECK(f.worker_pid("examples") == idle);
    f.release("a");
    const json done = f.document({"task", "wait", task});
    CHECK(done["status"] == "complete");
    CHECK(step(done, "only")["attempts"] == 1);
    CHECK(f.journal().size() == 1);
    // It is a supervisor like any other.
    ::kill(worker, SIGKILL);
    CHECK(
        eventually(kPatience, [&] { return f.reaches("slow", "active") && f.worker_pid("slow") != worker; }));
    CHECK(f.document({"worker", "restart", "slow", "--wait"})["state"] == "committed");
    CHECK(f.run({"run", "--namespace", "slow"}).status.code == 3);
    f.end();
}

TEST_CASE("operations: workers in a table, one namespace's state, and what is paused") {
    Supervised f;
    f.begin({"examples", "slow"});
    const Finished table = f.run({"worker", "list"});
    CHECK(table.status.code == 0);
    CHECK(table.out.rfind("NAMESPACE  STATE", 0) == 0);
    CHECK(lines(table.out).size() == 3);
    CHECK(f.document({"worker", "list"})["workers"].size() == 2);
    const json one = f.document({"worker", "status", "slow"});
    REQUIRE(one["namespaces"].size() == 1);
    CHECK(one["namespaces"][0]["namespace"] == "slow");
    CHECK(f.run({"worker", "status", "nowhere"}).status.code == 10);
    CHECK(f.run({"worker", "pause", "slow"}).status.code == 0);
    CHECK(f.run({"worker", "list"}).out.find("paused") != std::string::npos);
    const std::string task = f.submit_slow("hold", "a");
    f.release("a");
    // Also a new generation claims nothing.
    CHECK(f.document({"worker", "restart", "slow", "--wait"})["state"] == "committed");
    CHECK(f.document({"task", "get", task})["status"] != "complete");
    CHECK(f.journal().empty());
    CHECK(f.run({"worker", "resume", "slow"}).status.code == 0);
    CHECK(f.document({"task", "wait", task})["status"] == "complete");
    f.end();
}

}  // namespace tasker::host::e2e
