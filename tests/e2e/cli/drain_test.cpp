// What becomes of running steps when a worker is told to stop.

#include "tests/e2e/cli/sandbox.hpp"

namespace tasker::host::e2e {

namespace {
constexpr const char* kDraining = "  Stopping StepExecutionSubscriber...";

// The step of the stopped worker waits in the store as if it had never been claimed, and the next worker runs it.
void check_handed_back(const Sandbox& sandbox, const std::string& task) {
    const json left = sandbox.document({"task", "get", task});
    CHECK(step(left, "only")["attempts"] == 0);
    CHECK(step(left, "only")["current_state"] == "enqueued");
    const json store = sandbox.document({"store", "info"});
    CHECK(store["ready_steps"] == 1);
    CHECK(store["running_steps"] == 0);
    const auto next = sandbox.worker();
    REQUIRE(sandbox.started(2));
    sandbox.release("a");
    const json done = sandbox.document({"task", "wait", task});
    CHECK(done["status"] == "complete");
    CHECK(step(done, "only")["attempts"] == 1);
    CHECK(sandbox.journal() == std::vector<std::string>{"a 1", "a 1"});
    stop(*next);
}
}  // namespace

TEST_CASE("a step that runs when the worker is told to stop may finish, and its result counts") {
    const Sandbox sandbox;
    const auto worker = sandbox.worker();
    const std::string running = sandbox.submit_slow("hold", "a");
    REQUIRE(sandbox.started(1));
    worker->signal(SIGTERM);
    REQUIRE(worker->wait_for_err(kDraining, kPatience));
    sandbox.release("a");
    const auto status = worker->wait(kPatience);
    REQUIRE(status.has_value());
    CHECK(*status == ExitStatus{0, 0});
    const json done = sandbox.document({"task", "get", running});
    CHECK(done["status"] == "complete");
    CHECK(step(done, "only")["attempts"] == 1);
}

TEST_CASE("a submission during the drain is kept and not run") {
    const Sandbox sandbox;
    const auto worker = sandbox.worker();
    sandbox.submit_slow("hold", "a");
    REQUIRE(sandbox.started(1));
    worker->signal(SIGTERM);
    REQUIRE(worker->wait_for_err(kDraining, kPatience));
    const std::string late = sandbox.submit_slow("hold", "b");
    sandbox.release("a");
    const auto status = worker->wait(kPatience);
    REQUIRE(status.has_value());
    CHECK(*status == ExitStatus{0, 0});
    CHECK(sandbox.journal() == std::vector<std::string>{"a 1"});
    CHECK(step(sandbox.document({"task", "get", late}), "only")["attempts"] == 0);
}

TEST_CASE("a hung step is handed back uncharged when the drain time is over") {
    Sandbox sandbox;
    sandbox.set("TASKER_CONFIG_PATH",
                sandbox.write("host.toml", "[host]\ndrain_timeout = \"200ms\"\ncancel_grace = \"100ms\"\n"));
    const auto worker = sandbox.worker();
    const std::string task = sandbox.submit_slow("hung", "a");
    REQUIRE(sandbox.started(1));
    stop(*worker, 6);
    check_handed_back(sandbox, task);
}

TEST_CASE("a step that gives up at the end of the drain time is handed back uncharged") {
    Sandbox sandbox;
    sandbox.set("TASKER_CONFIG_PATH", sandbox.write("host.toml", "[host]\ndrain_timeout = \"100ms\"\n"));
    const auto worker = sandbox.worker();
    const std::string task = sandbox.submit_slow("hold", "a");
    REQUIRE(sandbox.started(1));
    stop(*worker, 6);
    check_handed_back(sandbox, task);
}

TEST_CASE("a second request to stop ends the worker within two seconds") {
    for (const char* name : {"hung", "hold"}) {
        for (const int second : {SIGTERM, SIGINT}) {
            CAPTURE(name);
            CAPTURE(second);
            const Sandbox sandbox;
            const auto worker = sandbox.worker();
            const std::string task = sandbox.submit_slow(name, "a");
            REQUIRE(sandbox.started(1));
            worker->signal(SIGTERM);
            REQUIRE(worker->wait_for_err(kDraining, kPatience));
            worker->signal(second);
            const auto status = worker->wait(kSoon);
            REQUIRE_MESSAGE(status.has_value(), worker->err());
            CHECK(*status == ExitStatus{6, 0});
            check_handed_back(sandbox, task);
        }
    }
}

}  // namespace tasker::host::e2e
