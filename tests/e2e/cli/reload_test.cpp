// SIGHUP: the templates are read again while the worker runs.

#include "tests/e2e/cli/sandbox.hpp"

namespace tasker::host::e2e {

namespace {
std::string hold_template(const std::string& name, const std::string& steps) {
    return "name: " + name +
           "\nnamespace_name: slow\nversion: \"1.0.0\"\nidentity_strategy: always_unique\nsteps:\n" + steps;
}
constexpr const char* kOne = "  - name: only\n    handler:\n      callable: slow.hold\n";
constexpr const char* kTwo =
    "  - name: first\n    handler:\n      callable: slow.hold\n"
    "  - name: second\n    dependencies: [first]\n    handler:\n      callable: slow.hold\n";

// Sends the signal and waits for the n-th reading.
void reload(ChildProcess& worker, std::size_t times) {
    worker.signal(SIGHUP);
    const bool done = eventually(kPatience, [&] {
        std::size_t seen = 0;
        static_cast<void>(worker.running());
        for (auto at = worker.err().find("Templates read again"); at != std::string::npos;
             at = worker.err().find("Templates read again", at + 1))
            ++seen;
        return seen >= times;
    });
    REQUIRE_MESSAGE(done, worker.err());
}
}  // namespace

TEST_CASE(
    "T13: SIGHUP: good changes serve new submissions, a broken file keeps its old definition and is an "
    "error") {
    const Sandbox sandbox;
    sandbox.write("templates/grows.yaml", hold_template("grows", kOne));
    sandbox.write("templates/breaks.yaml", hold_template("breaks", kOne));
    const auto worker = sandbox.worker();
    sandbox.release("old");
    const std::string running = sandbox.submit_slow("grows", "old");

    sandbox.write("templates/grows.yaml", hold_template("grows", kTwo));
    sandbox.write("templates/breaks.yaml", "name: breaks\nsteps: [\n");
    sandbox.write("templates/comes.yaml", hold_template("comes", kOne));
    reload(*worker, 1);
    CHECK(worker->err().find("breaks.yaml") != std::string::npos);
    CHECK(worker->err().find("\"kept\":\"1\"") != std::string::npos);
    for (const auto& [name, steps] : {std::pair{"grows", 2}, {"breaks", 1}, {"comes", 1}}) {
        CAPTURE(name);
        sandbox.release(name);
        const json done =
            sandbox.document({"task", "wait", sandbox.submit_slow(name, name), "--timeout", "50s"});
        CHECK(done["status"] == "complete");
        CHECK(done["steps"].size() == steps);
    }
    CHECK(sandbox.document({"task", "wait", running})["steps"].size() == 1);

    // Repaired, it is read; gone, it is gone.
    sandbox.write("templates/breaks.yaml", hold_template("breaks", kTwo));
    std::filesystem::remove(sandbox.path("templates/comes.yaml"));
    reload(*worker, 2);
    sandbox.release("again");
    const std::string again = sandbox.submit_slow("breaks", "again");
    CHECK(sandbox.document({"task", "wait", again})["steps"].size() == 2);
    sandbox.document({"task", "create", "comes", "-c", "{}"}, 10);
    stop(*worker);
}

TEST_CASE(
    "L07: SIGHUP takes the log level of the configuration file, and keeps it while the file is broken") {
    const Sandbox sandbox;
    const std::string file = sandbox.write("level.toml", "[host]\nlog_level = \"info\"\n").string();
    const auto worker = sandbox.worker({"--all-namespaces", "--config", file});
    const auto says = [&](const std::string& text) {
        const bool said = eventually(kPatience, [&] {
            static_cast<void>(worker->running());
            return worker->err().find(text) != std::string::npos;
        });
        REQUIRE_MESSAGE(said, worker->err());
    };
    const auto change = [&](const std::string& level) {
        sandbox.write("level.toml", "[host]\nlog_level = \"" + level + "\"\n");
        worker->signal(SIGHUP);
    };
    change("error");
    says("The log level is error now, it was info");
    change("loud");
    says("The configuration could not be read again, the log level stays error");
    CHECK(worker->err().find("Templates read again") == std::string::npos);
    change("debug");
    says("The log level is debug now, it was error");
    says("Templates read again");
    stop(*worker);
}

}  // namespace tasker::host::e2e
