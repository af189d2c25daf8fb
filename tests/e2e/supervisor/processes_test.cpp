// Who is there, what each of them holds, and how all of it begins and ends.

#include <fstream>

#include "tests/e2e/supervisor/supervised.hpp"

namespace tasker::host::e2e {

namespace {
namespace fs = std::filesystem;

bool has_open(pid_t pid, const std::string& name) {
    std::error_code fault;
    for (const auto& entry : fs::directory_iterator("/proc/" + std::to_string(pid) + "/fd", fault)) {
        const std::string target = fs::read_symlink(entry.path(), fault).string();
        if (!fault && target.find(name) != std::string::npos && target.find(".lock") == std::string::npos)
            return true;
    }
    return false;
}
bool has_mapped(pid_t pid, const std::string& name) {
    return read_file("/proc/" + std::to_string(pid) + "/maps").find(name) != std::string::npos;
}
}  // namespace

TEST_CASE("run: the store is open in the engine alone, plugins are mapped by workers alone") {
    Supervised f;
    f.begin({"examples", "slow"});
    CHECK(f.document({"task", "create", "linear_workflow", "-c", R"({"number":6})", "--wait"})["status"] ==
          "complete");
    const pid_t supervisor = f.host->pid(), engine = f.engine_pid();
    const pid_t one = f.worker_pid("examples"), other = f.worker_pid("slow");
    CHECK(one != other);
    CHECK(has_open(engine, "tasker.db"));
    for (const pid_t pid : {supervisor, one, other}) CHECK_FALSE(has_open(pid, "tasker.db"));
    for (const pid_t pid : {supervisor, engine}) CHECK_FALSE(has_mapped(pid, "plugin-cache"));
    for (const pid_t pid : {one, other}) CHECK(has_mapped(pid, "linear_workflow.so"));
    f.end();
    for (const pid_t pid : {engine, one, other}) CHECK_FALSE(alive(pid));
    CHECK(f.document({"store", "check"})["ok"] == true);
}

TEST_CASE("run: a second one on the same state folder is refused, and so is a lone worker") {
    Supervised f;
    f.begin({"slow"});
    for (const char* verb : {"run", "worker"}) {
        const Finished second = f.run({verb, "--namespace", "slow"});
        CHECK(second.status.code == 3);
        CHECK(second.err.find("pid " + std::to_string(f.host->pid())) != std::string::npos);
    }
    CHECK(f.reaches("slow", "active", 1));
    f.end();
}

TEST_CASE("run: what cannot work is said with its exit code") {
    Supervised f;
    const Finished nobody = f.run({"worker", "status"});
    CHECK(nobody.status.code == 8);
    CHECK_MESSAGE(nobody.err.find("hint: `tasker-host run` starts one") != std::string::npos, nobody.err);
    CHECK(f.run({"worker", "restart"}).status.code == 2);
    CHECK(f.run({"run", "--database-url", "postgresql://host/db"}).status.code == 2);
    CHECK(f.run({"engine-process"}).status.code == 2);
    CHECK(f.run({"worker-process"}).status.code == 2);
    f.write("state/tasker.db",
            "this is no store, and long enough to be looked at as if it were one of them: " +
                std::string(200, 'x'));
    const Finished refused = f.run({"run", "--namespace", "slow"});
    CHECK(refused.status.code == 7);
    CHECK(refused.err.find("not a SQLite database") != std::string::npos);
    fs::remove(f.path("state/tasker.db"));
    f.begin({"slow"});
    CHECK(f.run({"worker", "restart", "nowhere"}).status.code == 10);
    CHECK(f.run({"worker", "rollback", "slow", "--to", "99"}).status.code == 10);
    CHECK(f.run({"worker", "rollback", "slow", "--to", "x"}).status.code == 2);
    f.end();
}

TEST_CASE("run: a stop waits for the steps that run, a second one hands them back") {
    Supervised f;
    f.begin({"slow"});
    const std::string task = f.submit_slow("hung", "a");
    REQUIRE(f.started(1));
    f.host->signal(SIGTERM);
    SUBCASE("in peace") {
        f.release("a");
        const auto ended = f.host->wait(kPatience);
        REQUIRE(ended);
        CHECK(ended->code == 0);
        CHECK(f.document({"task", "get", task})["status"] == "complete");
    }
    SUBCASE("at once") {
        REQUIRE(f.host->wait_for_err("Received SIGTERM", kPatience));
        f.host->signal(SIGTERM);
        const auto ended = f.host->wait(kPatience);
        REQUIRE(ended);
        CHECK(ended->code == 6);
        f.release("a");
        f.begin({"slow"});
        const json done = f.document({"task", "wait", task});
        CHECK(done["status"] == "complete");
        CHECK(step(done, "only")["attempts"] == 1);
        f.end();
    }
}

}  // namespace tasker::host::e2e
