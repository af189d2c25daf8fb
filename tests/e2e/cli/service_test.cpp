// A worker as a service: what it tells the manager that started it, and what its operator asks it.

#include <chrono>

#include "tests/e2e/cli/sandbox.hpp"
#include "tests/support/notify_socket.hpp"

namespace tasker::host::e2e {

namespace {
using testing::NotifySocket;

// Waits for the n-th message that begins so.
bool told(NotifySocket& manager, ChildProcess& worker, const std::string& begin, int times = 1) {
    return eventually(kPatience, [&] {
        static_cast<void>(worker.running());
        return manager.count(begin) >= times;
    });
}
}  // namespace

TEST_CASE("service: ready when the API answers, reloading on SIGHUP, stopping on SIGTERM") {
    Sandbox sandbox;
    for (const std::string& name : {sandbox.path("notify").string(), std::string{"@"}}) {
        CAPTURE(name);
        NotifySocket manager(name);
        sandbox.set("NOTIFY_SOCKET", manager.address());
        const auto worker = sandbox.start({"worker", "--all-namespaces"});
        REQUIRE_MESSAGE(told(manager, *worker, "READY=1\nSTATUS=Processing tasks of "), worker->err());
        CHECK(sandbox.document({"system", "info"})["worker"]["running"] == true);
        worker->signal(SIGHUP);
        REQUIRE(told(manager, *worker, "RELOADING=1\nMONOTONIC_USEC="));
        REQUIRE(told(manager, *worker, "READY=1\n", 2));
        CHECK(worker->err().find("Templates read again") != std::string::npos);
        CHECK(manager.count("STOPPING=1\n") == 0);
        stop(*worker);
        CHECK(manager.count("STOPPING=1\n") == 1);
        CHECK(manager.messages().back().rfind("STOPPING=1\n", 0) == 0);
        CHECK(manager.count("WATCHDOG=1") == 0);  // nobody asked for it
    }
}

TEST_CASE("service: the watchdog is fed, by the process that it is meant for alone") {
    Sandbox sandbox;
    NotifySocket manager("@");
    sandbox.set("NOTIFY_SOCKET", manager.address());
    sandbox.set("WATCHDOG_USEC", "200000");
    const auto worker = sandbox.start({"worker", "--all-namespaces"});
    REQUIRE_MESSAGE(told(manager, *worker, "WATCHDOG=1\n", 5), worker->err());
    CHECK(manager.count("READY=1") == 1);
    CHECK(manager.messages().front().rfind("READY=1", 0) == 0);
    stop(*worker);

    sandbox.set("WATCHDOG_PID", "1");
    NotifySocket other("@");
    sandbox.set("NOTIFY_SOCKET", other.address());
    const auto child = sandbox.start({"worker", "--all-namespaces"});
    REQUIRE(told(other, *child, "READY=1"));
    stop(*child);
    CHECK(other.count("WATCHDOG=1") == 0);
}

TEST_CASE("service: a start that fails says why, and one that cannot be told of goes on") {
    Sandbox sandbox;
    NotifySocket manager("@");
    sandbox.set("NOTIFY_SOCKET", manager.address());
    const auto first = sandbox.start({"worker", "--all-namespaces"});
    REQUIRE(told(manager, *first, "READY=1"));
    // Row 63: the second host on the state folder.
    CHECK(sandbox.run({"worker", "--all-namespaces"}).status.code == 3);
    CHECK(manager.count("STATUS=a host is already running on the state folder") == 1);
    CHECK(manager.count("READY=1") == 1);
    stop(*first);

    sandbox.set("NOTIFY_SOCKET", "vsock:2:1234");
    sandbox.set("WATCHDOG_USEC", "soon");
    const auto deaf = sandbox.worker();
    CHECK(deaf->err().find("NOTIFY_SOCKET: 'vsock:2:1234' is neither a path") != std::string::npos);
    stop(*deaf);
    sandbox.set("NOTIFY_SOCKET", sandbox.path("nobody").string());
    const auto alone = sandbox.worker();
    stop(*alone);
}

TEST_CASE("system: health and info of a running host, in text and as documents") {
    Sandbox sandbox;
    CHECK(sandbox.document({"system", "health"}, 8)["error"]["code"] == "UNREACHABLE");
    CHECK(sandbox.run({"system", "info"}).status.code == 8);
    CHECK_FALSE(std::filesystem::exists(sandbox.path("state/tasker.db")));
    {
        const auto worker = sandbox.worker({"--namespace", "examples"});
        const json health = sandbox.document({"system", "health"});
        CHECK(health["status"] == "healthy");
        CHECK(health["checks"]["step_processing"]["status"] == "healthy");
        const Finished text = sandbox.run({"system", "health"});
        CHECK(text.status.code == 0);
        CHECK(text.out.rfind("+ The host is healthy\n", 0) == 0);
        const json info = sandbox.document({"system", "info"});
        CHECK(info["worker"]["supported_namespaces"] == json{"examples"});
        CHECK(info["worker"]["web_api_enabled"] == false);
        CHECK(info["store"]["path"] == sandbox.path("state/tasker.db").string());
        CHECK(sandbox.run({"system", "info"}).out.find("  Namespaces: examples\n") != std::string::npos);
        stop(*worker);
    }
    CHECK(sandbox.document({"system", "health"}, 8)["error"]["code"] == "UNREACHABLE");

    // Templates without their plugins: it runs, and it is not well.
    sandbox.set("TASKER_PLUGIN_PATH", sandbox.path("work").string());
    const auto worker = sandbox.worker({"--namespace", "examples"});
    Arguments arguments{"system", "health", "--json"};
    const Finished ill = sandbox.run(arguments);
    CHECK(ill.status.code == 1);
    CHECK(json::parse(ill.out)["status"] == "degraded");
    CHECK(sandbox.run({"system", "health"}).out.find("no plugin offers 'linear_workflow.square'") !=
          std::string::npos);
    stop(*worker);
}

}  // namespace tasker::host::e2e
