// How a worker's end is told with --json, and what does not end it.

#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <fstream>

#include "tests/e2e/cli/sandbox.hpp"

namespace tasker::host::e2e {

TEST_CASE("worker --json tells its end in one document, also when work was handed back") {
    const Sandbox sandbox;
    {
        const auto worker = sandbox.worker({"--all-namespaces", "--json"});
        stop(*worker);
        CHECK_MESSAGE(document_fault(worker->out()).empty(), worker->out());
        CHECK(json::parse(worker->out()) == json{{"status", "stopped"}, {"exit_code", 0}});
    }
    const auto worker = sandbox.worker({"--all-namespaces", "--json"});
    static_cast<void>(sandbox.submit_slow("hung", "a"));
    REQUIRE(sandbox.started(1));
    worker->signal(SIGTERM);
    REQUIRE(worker->wait_for_err("Stopping StepExecutionSubscriber", kPatience));
    worker->signal(SIGTERM);
    const auto status = worker->wait(kPatience);
    REQUIRE(status.has_value());
    CHECK(status->code == 6);
    CHECK_MESSAGE(document_fault(worker->out()).empty(), worker->out());
    CHECK(json::parse(worker->out())["exit_code"] == 6);
}

TEST_CASE("worker --json names the reason why it ended and not the first error that came along") {
    Sandbox sandbox;
    // A plugin that is rejected is an error of its own and no reason to end.
    sandbox.write("bad/broken.so", "no ELF file");
    sandbox.set("TASKER_PLUGIN_PATH", sandbox.path("bad").string());
    sandbox.set("DATABASE_URL", "postgresql://u:s3cr3tword@h.invalid/db");
    const Finished done = sandbox.run({"worker", "--json"});
    CHECK(done.status.code == 3);
    REQUIRE_MESSAGE(document_fault(done.out).empty(), done.out);
    CHECK(done.err.find("Plugin rejected") != std::string::npos);
    const std::string said = json::parse(done.out)["error"]["message"];
    CHECK_MESSAGE(said.find("PostgreSQL") != std::string::npos, said);
    CHECK(said.find("s3cr3tword") == std::string::npos);
}

TEST_CASE("a running worker tells its metrics on its socket") {
    const Sandbox sandbox;
    const auto worker = sandbox.worker();
    sandbox.document({"task", "create", "linear_workflow", "-c", R"({"number":6})", "--wait"});
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    sandbox.path("state/api.sock").string().copy(address.sun_path, sizeof address.sun_path - 1);
    const testing::OwnedFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    REQUIRE(::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    const std::string request = "GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    REQUIRE(::send(fd.get(), request.data(), request.size(), MSG_NOSIGNAL) ==
            static_cast<ssize_t>(request.size()));
    std::string answer;
    std::array<char, 4096> chunk{};
    for (ssize_t got = 0; (got = ::recv(fd.get(), chunk.data(), chunk.size(), 0)) > 0;)
        answer.append(chunk.data(), static_cast<std::size_t>(got));
    CHECK_MESSAGE(answer.starts_with("HTTP/1.1 200"), answer);
    CHECK_MESSAGE(answer.find("linear_workflow.square") != std::string::npos, answer);
    stop(*worker);
}

TEST_CASE("SIGUSR1 and SIGHUP do not end a worker however early they come") {
    for (const int signal : {SIGUSR1, SIGHUP}) {
        for (const char* phase : {"", "Starting C++ Worker", "Plugin loaded"}) {
            CAPTURE(signal);
            CAPTURE(phase);
            const Sandbox sandbox;
            const auto worker = sandbox.start({"worker", "--all-namespaces"});
            if (*phase == '\0') {
                // As soon as the program's own code runs: its first act opens the null device.
                const std::string maps = "/proc/" + std::to_string(worker->pid()) + "/status";
                const bool blocked = eventually(kPatience, [&] {
                    std::ifstream file(maps);
                    for (std::string line; std::getline(file, line);) {
                        if (line.rfind("SigBlk:", 0) == 0)
                            return line.find_first_not_of("0\t ", 7) != line.npos;
                    }
                    return false;
                });
                REQUIRE(blocked);
            } else {
                REQUIRE(worker->wait_for_err(phase, kPatience));
            }
            worker->signal(signal);
            REQUIRE_MESSAGE(worker->wait_for_err(kReady, kPatience), worker->err());
            stop(*worker);
        }
    }
}

TEST_CASE("a file that may not grow is an error like a full disk, not the end by a signal") {
    const Sandbox sandbox;
    testing::ChildOptions shell = sandbox.command({});
    const std::string host = shell.argv.front();
    shell.argv = {"bash", "-c",
                  "ulimit -f 20; exec " + host + " task create linear_workflow -c '{\"number\":6}' --json"};
    const Finished done = testing::run_child(shell, kPatience);
    CHECK(done.status.signal == 0);
    CHECK(done.status.code > 0);
    CHECK(done.status.code <= 11);
    CHECK_MESSAGE(document_fault(done.out).empty(), done.out);
}

TEST_CASE("an answer that cannot be written is no success") {
    const Sandbox sandbox;
    testing::ChildOptions shell = sandbox.command({});
    const std::string host = shell.argv.front();
    for (const char* words :
         {" task create linear_workflow -c '{\"number\":6}'", " config show", " --help"}) {
        shell = sandbox.command({});
        shell.argv = {"bash", "-c", host + words + " > /dev/full"};
        const Finished done = testing::run_child(shell, kPatience);
        CHECK(done.status.code == 1);
        CHECK_MESSAGE(done.err.find("standard output") != std::string::npos, done.err);
    }
}

}  // namespace tasker::host::e2e
