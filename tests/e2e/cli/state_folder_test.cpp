// The folder where a host and its commands meet: whose it is, who may look into it, what happens without one.

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <fstream>

#include "tests/e2e/cli/sandbox.hpp"

namespace tasker::host::e2e {

namespace {
unsigned mode_of(const std::filesystem::path& path) {
    struct stat facts {};
    REQUIRE(::stat(path.c_str(), &facts) == 0);
    return facts.st_mode & 0777U;
}

// Connects as another user, in a process of its own. 0: it was let in or turned away without an error of the kernel.
int connect_as_nobody(const std::filesystem::path& socket) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    socket.string().copy(address.sun_path, sizeof address.sun_path - 1);
    const pid_t child = ::fork();
    if (child == 0) {
        const bool other = ::setgid(65534) == 0 && ::setuid(65534) == 0;
        const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
        const bool connected =
            other && ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
        char byte = 0;
        if (connected) static_cast<void>(!::read(fd, &byte, 1));
        ::_exit(connected ? 0 : 1);
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    return WEXITSTATUS(status);
}
}  // namespace

TEST_CASE(
    "a second host with another store but the same state folder is refused at once with the first one's "
    "pid") {
    const Sandbox sandbox;
    const auto url = [&](const char* name) { return "sqlite://" + sandbox.path(name).string(); };
    const auto first = sandbox.worker({"--all-namespaces", "--database-url", url("state/a.db")});
    const Finished second =
        sandbox.run({"worker", "--all-namespaces", "--database-url", url("state/b.db")}, 10s);
    CHECK(second.status.code == 3);
    CHECK_MESSAGE(second.err.find("pid " + std::to_string(first->pid())) != std::string::npos, second.err);
    // The first one still answers, for its own store.
    const json info = sandbox.document({"--database-url", url("state/a.db"), "store", "info"}, 0);
    CHECK(info["path"] == sandbox.path("state/a.db").string());
    stop(*first);
}

TEST_CASE("a command does not talk to a host that serves another store than its own") {
    const Sandbox sandbox;
    const std::string url = "sqlite://" + sandbox.path("a.db").string();
    const auto mine = sandbox.worker(
        {"--all-namespaces", "--database-url", url, "--state-dir", sandbox.path("elsewhere").string()});
    const auto other = sandbox.worker();
    const json refused = sandbox.document(
        {"task", "create", "linear_workflow", "-c", R"({"number":6})", "--database-url", url}, 8);
    const std::string said = refused["error"]["message"];
    CHECK_MESSAGE(said.find(sandbox.path("state/tasker.db").string()) != std::string::npos, said);
    CHECK_MESSAGE(said.find(sandbox.path("a.db").string()) != std::string::npos, said);
    CHECK(sandbox.document({"store", "info"})["tasks"] == 0);
    stop(*other);
    stop(*mine);
}

TEST_CASE("a state folder is private from the start, whatever the umask and whoever needs it first") {
    Sandbox sandbox;
    const auto folder = sandbox.path("deep/er/state");
    sandbox.set("TASKER_STATE_DIR", folder.string());
    testing::ChildOptions shell = sandbox.command({});
    const std::string host = shell.argv.front();
    shell.argv = {"bash", "-c", "umask 0; exec " + host + " worker --all-namespaces"};
    ChildProcess worker(shell);
    REQUIRE(worker.wait_for_err(kReady, kPatience));
    CHECK(mode_of(folder) == 0700);
    CHECK(mode_of(folder.parent_path()) == 0700);
    stop(worker);
}

TEST_CASE("what only looks or runs once needs no state folder that it can write") {
    Sandbox sandbox;
    sandbox.write("file", "");
    sandbox.set("TASKER_STATE_DIR", sandbox.path("file/state").string());
    CHECK(sandbox.document({"task", "run", "linear_workflow", "-c", R"({"number":6})"})["status"] ==
          "complete");
    CHECK(sandbox.document({"plugin", "list"})["plugins"][0]["state"] == "loaded");
    CHECK_FALSE(sandbox.document({"handler", "list"})["handlers"].empty());
    const Finished refused = sandbox.run({"worker"});
    CHECK(refused.status.code == 3);
    CHECK_MESSAGE(refused.err.find("TASKER_STATE_DIR") != std::string::npos, refused.err);
}

TEST_CASE("an empty lock file is not taken for a process with the number 0") {
    const Sandbox sandbox;
    sandbox.document({"task", "create", "linear_workflow", "-c", R"({"number":6})"});
    testing::ChildOptions holder;
    const std::string lock = sandbox.path("state/tasker.db.lock").string();
    holder.argv = {"bash", "-c", ": > " + lock + "; exec 9<>" + lock + "; flock 9; echo held; read -r _"};
    holder.env = {"PATH=/usr/bin:/bin"};
    // Reads its standard input, which ends at once when the test gives none: keep it open with a FIFO's other end.
    const std::string fifo = sandbox.path("fifo").string();
    REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
    holder.argv.back() += " < " + fifo;
    ChildProcess held(holder);
    const testing::OwnedFd end(::open(fifo.c_str(), O_RDWR | O_CLOEXEC));
    REQUIRE_MESSAGE(held.wait_for_out("held", kPatience), held.err());
    const Finished done = sandbox.run({"task", "list"});
    CHECK(done.status.code == 8);
    CHECK_MESSAGE(done.err.find("pid 0") == std::string::npos, done.err);
    CHECK_MESSAGE(done.err.find("lock file") != std::string::npos, done.err);
}

TEST_CASE("another user who reaches the socket is turned away, and the log says who it was") {
    if (::geteuid() != 0) return;  // only root can be somebody else
    const Sandbox sandbox;
    const auto worker = sandbox.worker();
    const auto socket = sandbox.path("state/api.sock");
    for (auto folder = socket.parent_path(); folder.string().size() > 5; folder = folder.parent_path())
        std::filesystem::permissions(folder, std::filesystem::perms::others_exec,
                                     std::filesystem::perm_options::add);
    std::filesystem::permissions(socket, std::filesystem::perms::all);
    CHECK(connect_as_nobody(socket) == 0);
    CHECK_MESSAGE(worker->wait_for_err("65534", kPatience), worker->err());
    stop(*worker);
}

}  // namespace tasker::host::e2e
