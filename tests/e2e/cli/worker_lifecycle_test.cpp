// From the start of a worker to its end, with a task in between.

#include "tests/e2e/cli/sandbox.hpp"

namespace tasker::host::e2e {

namespace {
// The seed's shutdown, in its order, with the field `component` of each record.
const std::vector<std::pair<std::string, std::string>> kShutdown{
    {"Starting shutdown sequence...", "server"},
    {"  Stopping EventPoller...", "event_poller"},
    {"  EventPoller stopped", "event_poller"},
    {"  Stopping StepExecutionSubscriber...", "subscriber"},
    {"  StepExecutionSubscriber stopped", "subscriber"},
    {"  Stopping EventBridge...", "event_bridge"},
    {"  EventBridge stopped", "event_bridge"},
    {"  Transitioning to graceful shutdown...", "worker"},
    {"  Stopping native worker...", "worker"},
    {"  native worker stopped", "worker"},
    {"C++ worker shutdown completed successfully", "server"},
    {"C++ Worker Server terminated gracefully", "server"},
};

std::vector<json> records(const std::string& log) {
    std::vector<json> out;
    for (const std::string& line : lines(log)) {
        REQUIRE_MESSAGE(json::accept(line), "not a JSON record: ", line);
        out.push_back(json::parse(line));
    }
    return out;
}

// The records of the shutdown, without those that belong to the drain.
std::vector<std::pair<std::string, std::string>> shutdown_records(const std::string& log) {
    std::vector<std::pair<std::string, std::string>> out;
    for (const json& record : records(log)) {
        const std::string text = record.at("msg");
        if (out.empty() && text != kShutdown.front().first) continue;
        if (record.value("operation", "") != "drain") out.emplace_back(text, record.value("component", ""));
    }
    return out;
}

json status_of(const std::string& log) {
    const std::string mark = "Worker Status: ";
    json found;
    for (const json& record : records(log)) {
        const std::string text = record.at("msg");
        if (text.rfind(mark, 0) != 0) continue;
        REQUIRE(json::accept(text.substr(mark.size())));
        found = json::parse(text.substr(mark.size()));
    }
    return found;
}
}  // namespace

TEST_CASE("a worker starts, runs a submitted task, tells its status and stops in the seed's order") {
    const Sandbox sandbox;
    const auto worker = sandbox.worker({"--namespace", "examples"});

    const json task =
        sandbox.document({"task", "create", "linear_workflow", "--context", R"({"number":6})", "--wait"});
    CHECK(task["status"] == "complete");
    CHECK(task["context"] == json{{"number", 6}});
    const std::pair<const char*, int> values[] = {
        {"square", 36}, {"add", 46}, {"multiply", 138}, {"divide", 69}};
    for (const auto& [name, value] : values) {
        CAPTURE(name);
        CHECK(step(task, name)["current_state"] == "complete");
        CHECK(step(task, name)["attempts"] == 1);
        CHECK(step(task, name)["results"]["result"] == json{{"value", value}});
    }

    worker->signal(SIGUSR1);
    REQUIRE(worker->wait_for_err("Worker Status: ", kPatience));
    stop(*worker);

    const json status = status_of(worker->err());
    CHECK(status["running"] == true);
    CHECK(status["environment"] == "development");
    CHECK(status["supported_namespaces"] == json::array({"examples"}));
    CHECK(shutdown_records(worker->err()) == kShutdown);
    CHECK(worker->out().empty());
    // Nobody is left who would answer.
    CHECK_FALSE(std::filesystem::exists(sandbox.path("state/api.sock")));
    CHECK(sandbox.document({"task", "get", task["task_uuid"]})["status"] == "complete");
}

TEST_CASE("SIGINT stops a worker as SIGTERM does") {
    const Sandbox sandbox;
    const auto worker = sandbox.worker();
    stop(*worker, 0, SIGINT);
    CHECK(worker->err().find("Received SIGINT signal, initiating shutdown...") != std::string::npos);
    CHECK(shutdown_records(worker->err()) == kShutdown);
}

TEST_CASE("a worker that is told to stop before it is ready ends well within two seconds") {
    for (const int signal : {SIGTERM, SIGINT}) {
        // As early as can be, then after ever more of the start.
        for (const char* phase : {"", "Starting C++ Worker", "Discovering C++ handlers", "Plugin loaded",
                                  "StepExecutionSubscriber: Started"}) {
            CAPTURE(signal);
            CAPTURE(phase);
            const Sandbox sandbox;
            const auto worker = sandbox.start({"worker", "--all-namespaces"});
            if (*phase != '\0') REQUIRE(worker->wait_for_err(phase, kPatience));
            worker->signal(signal);
            const auto status = worker->wait(kSoon);
            REQUIRE_MESSAGE(status.has_value(), worker->err());
            // Right after the fork the signal may still meet the program's loader, which knows nothing of us.
            const bool too_early = *phase == '\0' && status->signal == signal;
            CHECK_MESSAGE((too_early || *status == ExitStatus{0, 0}), "exit ", status->code, " signal ",
                          status->signal, worker->err());
        }
    }
}

TEST_CASE("SIGUSR1 is answered while a worker starts and while it drains") {
    const Sandbox sandbox;
    const auto worker = sandbox.start({"worker", "--all-namespaces"});
    REQUIRE(worker->wait_for_err("Discovering C++ handlers", kPatience));
    worker->signal(SIGUSR1);
    REQUIRE(worker->wait_for_err("Worker Status: ", kPatience));
    REQUIRE(worker->wait_for_err(kReady, kPatience));

    const std::string task = sandbox.submit_slow("hold", "a");
    REQUIRE(sandbox.started(1));
    worker->signal(SIGTERM);
    REQUIRE(worker->wait_for_err("  Stopping StepExecutionSubscriber...", kPatience));
    const std::size_t before = worker->err().size();
    worker->signal(SIGUSR1);
    CHECK(eventually(kPatience, [&] {
        return !worker->running() || worker->err().find("Worker Status: ", before) != std::string::npos;
    }));
    CHECK(worker->running());
    sandbox.release("a");
    const auto status = worker->wait(kPatience);
    REQUIRE(status.has_value());
    CHECK(*status == ExitStatus{0, 0});
}

TEST_CASE("a worker serves the namespace that the environment names") {
    Sandbox sandbox;
    sandbox.set("TASKER_NAMESPACE", "examples");
    const auto worker = sandbox.worker({});
    const json task =
        sandbox.document({"task", "create", "minimal_c", "--context", R"({"text":"hello"})", "--wait"});
    CHECK(task["status"] == "complete");
    CHECK(sandbox.document({"task", "create", "order_fulfillment", "--context", "{}"})["status"] !=
          "complete");
    stop(*worker);
}

TEST_CASE("a namespace without templates is a warning that names those that have some") {
    const Sandbox sandbox;
    const auto worker = sandbox.worker({"--namespace", "nobody"});
    bool warned = false;
    for (const json& record : records(worker->err())) {
        const std::string text = record.at("msg");
        warned = warned ||
                 (record["level"] == "warn" && text.find("nobody") != std::string::npos &&
                  text.find("examples") != std::string::npos && text.find("orders") != std::string::npos);
    }
    CHECK(warned);
    stop(*worker);
}

}  // namespace tasker::host::e2e
