// Readers that leave early.

#include "tests/e2e/cli/sandbox.hpp"

namespace tasker::host::e2e {

TEST_CASE("no verb crashes or hangs when nobody reads what it writes") {
    const Sandbox sandbox;
    sandbox.document({"task", "create", "linear_workflow", "-c", R"({"number":1})"});
    for (const Arguments& arguments :
         {Arguments{"--help"}, Arguments{"version"}, Arguments{"task", "list"},
          Arguments{"task", "list", "--json"}, Arguments{"config", "show"},
          Arguments{"config", "show", "--json"}, Arguments{"plugin", "list"},
          Arguments{"handler", "list", "--json"}, Arguments{"template", "list"},
          Arguments{"completion", "bash"}, Arguments{"store", "info"},
          Arguments{"task", "get", kUnknownTask, "--json"},
          Arguments{"task", "run", "linear_workflow", "-c", R"({"number":6})"}}) {
        CAPTURE(arguments.front());
        CAPTURE(arguments.back());
        auto command = sandbox.command(arguments);
        command.stdout_closed = true;
        ChildProcess child(command);
        const auto status = child.wait(kPatience);
        REQUIRE(status.has_value());
        // An ordinary end, whatever its code.
        CHECK(status->signal == 0);
        CHECK(status->code >= 0);
        CHECK(status->code <= 11);
        CHECK_MESSAGE(!has_crash_text(child.err()), child.err());
    }
}

TEST_CASE("a list that is cut off by head ends well") {
    const Sandbox sandbox;
    std::string batch;
    for (int i = 0; i < 1500; ++i) {
        batch += R"({"name":"linear_workflow","context":{"number":)" + std::to_string(i) + "}}\n";
    }
    const std::string file = sandbox.write("many.jsonl", batch).string();
    const auto piped = [&](const std::string& words) {
        testing::ChildOptions shell = sandbox.command({});
        const std::string host = shell.argv.front();
        shell.argv = {"bash", "-c",
                      "set -o pipefail; " + host + " " + words + " | head -n 1; echo ${PIPESTATUS[0]}"};
        return testing::run_child(shell, kPatience);
    };
    // The submission's answers are lost with their reader: the user is told by the exit code.
    const Finished submitted = piped("task create --batch " + file);
    CHECK(submitted.status.signal == 0);
    CHECK(lines(submitted.out).size() == 2);
    CHECK(sandbox.document({"store", "check"})["ok"] == true);

    const Finished listed = piped("task list --limit 1500");
    CHECK(listed.status.signal == 0);
    const auto said = lines(listed.out);
    REQUIRE(said.size() == 2);
    CHECK(said[0].rfind("Found ", 0) == 0);
    CHECK(std::stoi(said[1]) <= 11);
    CHECK_MESSAGE(!has_crash_text(listed.err), listed.err);
}

TEST_CASE("a program that is started without any standard descriptor works and harms nothing") {
    const Sandbox sandbox;
    testing::ChildOptions shell = sandbox.command({});
    const std::string host = shell.argv.front();
    shell.argv = {"bash", "-c", host + " task create linear_workflow -c '{\"number\":6}' <&- >&- 2>&-"};
    CHECK(testing::run_child(shell, kPatience).status == ExitStatus{0, 0});
    CHECK(sandbox.document({"task", "list"})["pagination"]["total_count"] == 1);
    CHECK(sandbox.document({"store", "check"})["ok"] == true);
}

TEST_CASE("a worker whose log nobody reads any more goes on and stops when told to") {
    const Sandbox sandbox;
    testing::ChildOptions shell = sandbox.command({});
    const std::string host = shell.argv.front();
    // The log's reader ends after the first line; the worker is the shell's own process.
    shell.argv = {"bash", "-c", "exec 2> >(head -n 1 >/dev/null); exec " + host + " worker --all-namespaces"};
    ChildProcess worker(shell);
    const json task = sandbox.document({"task", "create", "linear_workflow", "-c", R"({"number":6})"});
    CHECK(sandbox.document({"task", "wait", task["task_uuid"], "--timeout", "60"})["status"] == "complete");
    worker.signal(SIGTERM);
    const auto status = worker.wait(kPatience);
    REQUIRE(status.has_value());
    CHECK(*status == ExitStatus{0, 0});
}

}  // namespace tasker::host::e2e
