// One store and those who want it: a second host, a killed one, commands with none running.

#include "tests/e2e/cli/sandbox.hpp"

namespace tasker::host::e2e {

TEST_CASE("a second host on the same store is refused at once and told who has it") {
    const Sandbox sandbox;
    const auto first = sandbox.worker();
    const Finished second = sandbox.run({"worker", "--all-namespaces"}, 10s);
    CHECK(second.status.code == 3);
    CHECK(second.err.find("pid " + std::to_string(first->pid())) != std::string::npos);
    CHECK(first->running());
    CHECK(sandbox.document({"store", "check"})["ok"] == true);
    stop(*first);
}

TEST_CASE("a killed host leaves its socket and lock behind, and the next one finishes its steps uncharged") {
    const Sandbox sandbox;
    auto first = sandbox.worker();
    const std::string task = sandbox.submit_slow("hung", "a");
    REQUIRE(sandbox.started(1));
    CHECK(first->kill_and_wait() == ExitStatus{-1, SIGKILL});
    CHECK(std::filesystem::exists(sandbox.path("state/api.sock")));

    // The dead socket is no host.
    CHECK(sandbox.document({"task", "get", task})["status"] != "complete");
    CHECK(sandbox.document({"store", "check"})["ok"] == true);

    const auto next = sandbox.worker();
    REQUIRE(sandbox.started(2));
    sandbox.release("a");
    const json done = sandbox.document({"task", "wait", task});
    CHECK(done["status"] == "complete");
    CHECK(step(done, "only")["attempts"] == 1);
    CHECK(sandbox.journal() == std::vector<std::string>{"a 1", "a 1"});
    stop(*next);
}

TEST_CASE("a task that is submitted with no host is written to the store and run by a later worker") {
    const Sandbox sandbox;
    const Finished created =
        sandbox.run({"task", "create", "linear_workflow", "--context", R"({"number":6})"});
    REQUIRE(created.status.code == 0);
    const std::string task = trimmed(created.out);
    CHECK(task.size() == 36);
    CHECK(sandbox.document({"task", "get", task})["completed_steps"] == 0);
    CHECK(sandbox.document({"task", "list"})["pagination"]["total_count"] == 1);

    const auto worker = sandbox.worker();
    const json done = sandbox.document({"task", "wait", task});
    CHECK(done["status"] == "complete");
    CHECK(step(done, "divide")["results"]["result"]["value"] == 69);
    stop(*worker);
}

TEST_CASE("a waiting command is served by a host that starts later") {
    const Sandbox sandbox;
    const std::string task =
        sandbox.document({"task", "create", "linear_workflow", "--context", R"({"number":6})"})["task_uuid"];
    const auto waiting = sandbox.start({"task", "wait", task, "--json"});
    const auto worker = sandbox.worker();
    const auto status = waiting->wait(kPatience);
    REQUIRE(status.has_value());
    CHECK(status->code == 0);
    CHECK(document_fault(waiting->out()).empty());
    stop(*worker);
}

TEST_CASE(
    "many commands that want the store at once wait for each other, and for a host that starts among them") {
    const Sandbox sandbox;
    std::vector<std::unique_ptr<ChildProcess>> commands;
    std::unique_ptr<ChildProcess> worker;
    constexpr int kCommands = 16;
    for (int i = 1; i <= kCommands; ++i) {
        commands.push_back(sandbox.start({"task", "create", "linear_workflow", "--json", "-c",
                                          R"({"number":)" + std::to_string(2 * i) + "}"}));
        if (i == kCommands / 2) worker = sandbox.start({"worker", "--all-namespaces"});
    }
    std::vector<std::string> tasks;
    for (const auto& command : commands) {
        const auto status = command->wait(kPatience);
        REQUIRE(status.has_value());
        REQUIRE_MESSAGE(status->code == 0, command->out(), command->err());
        tasks.push_back(json::parse(command->out())["task_uuid"]);
    }
    REQUIRE_MESSAGE(worker->wait_for_err(kReady, kPatience), worker->err());
    for (const std::string& task : tasks) {
        CHECK(sandbox.document({"task", "wait", task})["status"] == "complete");
    }
    CHECK(sandbox.document({"task", "list"})["pagination"]["total_count"] == kCommands);
    stop(*worker);
}

TEST_CASE("submissions keep being accepted while hosts come and go, and every one of them runs once") {
    const Sandbox sandbox;
    std::vector<std::string> tasks;
    const auto submit = [&] {
        const std::string label = "t" + std::to_string(tasks.size());
        sandbox.release(label);
        tasks.push_back(sandbox.submit_slow("hold", label));
    };
    for (int round = 0; round < 4; ++round) {
        submit();
        const auto worker = sandbox.worker({"--namespace", "slow"});
        submit();
        worker->signal(SIGTERM);
        submit();  // to a host that is stopping, or to the store when it is gone already
        const auto status = worker->wait(kPatience);
        REQUIRE(status.has_value());
        CHECK_MESSAGE(status->code == 0, worker->err());
    }
    const auto worker = sandbox.worker({"--namespace", "slow"});
    for (const std::string& task : tasks) {
        const json done = sandbox.document({"task", "wait", task});
        CHECK(done["status"] == "complete");
        CHECK(step(done, "only")["attempts"] == 1);
    }
    CHECK(sandbox.journal().size() == tasks.size());
    stop(*worker);
}

TEST_CASE("watching a task tells each change of each step as a line of JSON") {
    const Sandbox sandbox;
    const auto worker = sandbox.worker();
    const std::string task = sandbox.submit_slow("hold", "a");
    const auto watching = sandbox.start({"task", "watch", task, "--json"});
    REQUIRE(watching->wait_for_out("in_progress", kPatience));
    sandbox.release("a");
    const auto status = watching->wait(kPatience);
    REQUIRE(status.has_value());
    CHECK(status->code == 0);
    const auto said = lines(watching->out());
    REQUIRE(said.size() >= 2);
    for (const std::string& line : said) CHECK_MESSAGE(document_fault(line + "\n").empty(), line);
    // The last one is the finished task with its results.
    const json last = json::parse(said.back());
    CHECK(last["status"] == "complete");
    CHECK(step(last, "only")["results"]["result"] == json{{"held", true}});
    stop(*worker);
}

TEST_CASE("a task of higher priority runs first") {
    const Sandbox sandbox;
    std::vector<std::string> tasks;
    for (const char* priority : {"0", "5", "-3", "10"}) {
        const std::string label = std::string{"p"} + priority;
        sandbox.release(label);
        tasks.push_back(sandbox.submit_slow("hold", label, {std::string{"--priority="} + priority}));
    }
    const auto worker = sandbox.worker({"--namespace", "slow", "--threads", "1"});
    for (const std::string& task : tasks) {
        CHECK(sandbox.document({"task", "wait", task})["status"] == "complete");
    }
    CHECK(sandbox.journal() == std::vector<std::string>{"p10 1", "p5 1", "p0 1", "p-3 1"});
    stop(*worker);
}

TEST_CASE("a running task is cancelled once; its waiters learn that it ended badly") {
    const Sandbox sandbox;
    const auto worker = sandbox.worker();
    const std::string task = sandbox.submit_slow("hold", "a");
    REQUIRE(sandbox.started(1));
    const auto waiting = sandbox.start({"task", "wait", task, "--json"});

    CHECK(sandbox.run({"task", "cancel", task}).status.code == 0);
    const auto waited = waiting->wait(kPatience);
    REQUIRE(waited.has_value());
    CHECK(waited->code == 1);
    const json seen = sandbox.document({"task", "get", task});
    CHECK(seen["status"] == "cancelled");
    CHECK(step(seen, "only")["current_state"] == "cancelled");

    const json again = sandbox.document({"task", "cancel", task}, 11);
    CHECK(again.contains("error"));
    const json unknown = sandbox.document({"task", "cancel", kUnknownTask}, 10);
    CHECK(unknown["error"]["code"].is_string());
    // The handler heard of it: its thread is free, so the drain has nothing to wait for.
    stop(*worker);
    CHECK(sandbox.journal().size() == 1);
}

}  // namespace tasker::host::e2e
