// What plugins print: into the log, never among the documents, and at nobody's cost.

#include "tests/e2e/cli/sandbox.hpp"

namespace tasker::host::e2e {

namespace {
std::string noisy_template(const std::string& name) {
    return "name: " + name +
           "\nnamespace_name: noisy\nversion: \"1.0.0\"\nidentity_strategy: always_unique\nsteps:\n"
           "  - name: only\n    handler:\n      callable: noisy." +
           name + "\n    retry:\n      retryable: false\n";
}

struct NoisySandbox : Sandbox {
    NoisySandbox() {
        set("TASKER_PLUGIN_PATH", TASKER_BINARY_DIR "/tests/e2e-plugins-odd:" TASKER_BINARY_DIR "/plugins");
        for (const char* name : {"says", "prints", "aborts"})
            write(std::string{"templates/"} + name + ".yaml", noisy_template(name));
    }
};

// The records of what plugins printed; each line of the log must be a record.
std::vector<json> printed(const std::string& log) {
    std::vector<json> out;
    for (const std::string& line : lines(log)) {
        REQUIRE_MESSAGE(json::accept(line), "not a JSON record: ", line.substr(0, 300));
        const json record = json::parse(line);
        if (record.value("component", "") == "plugin_output") out.push_back(record);
    }
    return out;
}
}  // namespace

TEST_CASE("what a handler prints stands in the log, and the document stands alone") {
    const NoisySandbox sandbox;
    const Finished done = sandbox.run({"task", "run", "says", "--json"});
    CHECK(done.status.code == 0);
    CHECK_MESSAGE(document_fault(done.out).empty(), done.out);
    const auto records = printed(done.err);
    REQUIRE_MESSAGE(records.size() == 3, done.err);
    std::vector<std::string> texts;
    for (const json& record : records)
        texts.push_back(record.at("stream").get<std::string>() + ": " + record.at("text").get<std::string>());
    std::sort(texts.begin(), texts.end());
    CHECK(texts == std::vector<std::string>{"stderr: a line on standard error",
                                            "stdout: a line on standard output",
                                            "stdout: a line without an end"});
}

TEST_CASE("a handler that prints a hundred megabytes is not held up, and the log counts what it leaves out") {
    const NoisySandbox sandbox;
    testing::ChildOptions command = sandbox.command({"worker", "--all-namespaces"});
    // Nobody reads the worker's standard output: once that stopped a handler that printed more than a pipe holds.
    ChildProcess worker(command);
    REQUIRE_MESSAGE(worker.wait_for_err(kReady, kPatience), worker.err());
    const json done = sandbox.document({"task", "create", "prints", "--wait", "--timeout", "50s"});
    CHECK(done["status"] == "complete");
    CHECK(sandbox.document({"task", "create", "linear_workflow", "-c", R"({"number":6})",
                            "--wait"})["status"] == "complete");
    REQUIRE_MESSAGE(worker.wait_for_err("Plugin output dropped", kPatience), worker.err());
    stop(worker);
    CHECK(worker.out().empty());
    std::size_t logged = 0, dropped = 0;
    for (const json& record : printed(worker.err())) {
        if (record.contains("dropped")) {
            dropped += std::stoul(record.at("dropped").get<std::string>());
        } else {
            ++logged;
        }
    }
    CHECK(logged >= 200);
    CHECK(logged < 100'000);
    CHECK(logged + dropped == 1'000'000);
}

TEST_CASE("the last words of a process that a handler brings down are still heard") {
    const NoisySandbox sandbox;
    const Finished done = sandbox.run({"task", "run", "aborts"});
    CHECK(done.status.signal == SIGABRT);
    CHECK_MESSAGE(done.err.find("these are my last words") != std::string::npos, done.err);
}

TEST_CASE("a plugin without a manifest is found by the id that it tells when it is loaded") {
    const NoisySandbox sandbox;
    const json found = sandbox.document({"plugin", "info", "org.example.odd"});
    CHECK(found["id"] == "org.example.odd");
    CHECK(found["path"].get<std::string>().ends_with("no_manifest.so"));
    CHECK_FALSE(found["handlers"].empty());
    CHECK(sandbox.run({"plugin", "info", "org.example.od"}).err.find("org.example.odd") != std::string::npos);
}

}  // namespace tasker::host::e2e
