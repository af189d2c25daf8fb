// The REST API over TCP: where it is served, to whom, and what becomes of a wrong configuration.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/e2e/cli/raw_http.hpp"
#include "tests/e2e/cli/sandbox.hpp"

namespace tasker::host::e2e {

namespace {
constexpr const char* kToken = "0123456789abcdef0123456789abcdef";

}  // namespace

TEST_CASE("web: the API is served on the address that is asked for, and the status says so") {
    Sandbox sandbox;
    sandbox.set("TASKER_WEB_BIND_ADDRESS", "127.0.0.1:0");
    const auto worker = sandbox.worker();
    const std::string address = address_of(*worker);
    CHECK(is(ask(address, get("/v1/tasks")), "200"));
    const std::string status = ask(address, get("/v1/status"));
    CHECK(status.find(R"("web_api_enabled":true)") != std::string::npos);
    CHECK(is(ask(address, get("/v1/tasks", "Origin: http://evil.example\r\n")), "403"));
    CHECK(is(ask(address, "GET /health HTTP/1.1\r\nHost: evil.example\r\n\r\n"), "421"));
    CHECK(is(ask(address, get("/v1/store/info")), "403"));
    const std::string task = R"({"name":"linear_workflow","namespace":"examples","version":"1.0.0",)"
                             R"("context":{"number":6},"initiator":"i","source_system":"s","reason":"r"})";
    const auto post = [&](const std::string& type) {
        return ask(address, "POST /v1/tasks HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n" + type +
                                "Content-Length: " + std::to_string(task.size()) + "\r\n\r\n" + task);
    };
    CHECK(is(post(""), "415"));
    CHECK(is(post("Content-Type: text/plain\r\n"), "415"));
    CHECK(is(post("Content-Type: application/json\r\n"), "200"));
    CHECK(sandbox.document({"task", "list"})["pagination"]["total_count"] == 1);

    // The address is taken.
    Sandbox second;
    second.set("TASKER_WEB_BIND_ADDRESS", address);
    const Finished refused = second.run({"worker", "--all-namespaces"});
    CHECK(refused.status.code == 3);
    CHECK_MESSAGE(refused.err.find("Address already in use") != std::string::npos, refused.err);
    stop(*worker);
    CHECK_FALSE(has_crash_text(worker->err()));
}

TEST_CASE("web: with a token nothing but health is told to whoever does not show it") {
    Sandbox sandbox;
    sandbox.set("TASKER_WEB_BIND_ADDRESS", "127.0.0.1:0");
    const auto file = sandbox.write("token", std::string(kToken) + "\n");
    ::chmod(file.c_str(), 0600);
    sandbox.set("TASKER_WEB_TOKEN_FILE", file.string());
    const auto worker = sandbox.worker();
    const std::string address = address_of(*worker);
    CHECK(is(ask(address, get("/v1/tasks")), "401"));
    CHECK(is(ask(address, get("/v1/tasks", "Authorization: Bearer 0123\r\n")), "401"));
    CHECK(is(ask(address, get("/metrics")), "401"));
    CHECK(is(ask(address, get("/health/live")), "200"));
    CHECK(is(ask(address, get("/v1/tasks", std::string{"Authorization: Bearer "} + kToken + "\r\n")), "200"));
    CHECK(is(ask(address, get("/config", std::string{"X-API-Key: "} + kToken + "\r\n")), "200"));
    // On the unix socket the kernel says who it is.
    CHECK(sandbox.run({"task", "list"}).status.code == 0);
    CHECK(worker->err().find(kToken) == std::string::npos);
    stop(*worker);
}

TEST_CASE("web: SIGHUP takes a new token, and keeps the old one while the file cannot be used") {
    Sandbox sandbox;
    sandbox.set("TASKER_WEB_BIND_ADDRESS", "127.0.0.1:0");
    const auto write = [&](const std::string& token, mode_t mode) {
        const auto file = sandbox.write("token", token);
        ::chmod(file.c_str(), mode);
        return file;
    };
    sandbox.set("TASKER_WEB_TOKEN_FILE", write(kToken, 0600).string());
    const auto worker = sandbox.worker();
    const std::string address = address_of(*worker);
    const auto status = [&](const std::string& token) {
        return ask(address, get("/v1/tasks", "X-API-Key: " + token + "\r\n")).substr(9, 3);
    };
    const auto reload = [&](std::size_t times) {
        worker->signal(SIGHUP);
        REQUIRE(eventually(kPatience, [&] {
            static_cast<void>(worker->running());
            std::size_t seen = 0;
            for (auto at = worker->err().find("Templates read again"); at != std::string::npos; ++seen)
                at = worker->err().find("Templates read again", at + 1);
            return seen >= times;
        }));
    };
    CHECK(status(kToken) == "200");
    const std::string fresh = "fedcba9876543210fedcba9876543210";
    write(fresh, 0600);
    CHECK(status(kToken) == "200");  // not before it is asked for
    reload(1);
    CHECK(status(kToken) == "401");
    CHECK(status(fresh) == "200");
    write("another-token-that-everybody-reads", 0644);
    reload(2);
    CHECK(worker->err().find("The API's token stays as it was") != std::string::npos);
    CHECK(worker->err().find("everybody may read it") != std::string::npos);
    CHECK(status(fresh) == "200");
    CHECK(status("another-token-that-everybody-reads") == "401");
    CHECK(worker->err().find(fresh) == std::string::npos);
    stop(*worker);
}

TEST_CASE("web: the metrics of a worker, with the names that a Tasker worker has") {
    Sandbox sandbox;
    sandbox.set("TASKER_WEB_BIND_ADDRESS", "127.0.0.1:0");
    const std::string waiting = sandbox.submit_slow("hold", "waiting");
    const auto worker = sandbox.worker({"--namespace", "examples"});
    const std::string address = address_of(*worker);
    const std::string task = sandbox.document(
        {"task", "create", "linear_workflow", "-c", R"({"number":6})", "--wait"})["task_uuid"];
    CHECK_FALSE(task.empty());
    const std::string page = ask(address, get("/metrics"));
    CHECK(page.find("Content-Type: text/plain; version=0.0.4") != std::string::npos);
    for (const char* line :
         {"tasker_worker_info{version=\"", "tasker_worker_up 1\n",
          "tasker_worker_queue_depth{namespace=\"slow\"} 1\n",
          "tasker_worker_queue_oldest_message_age_seconds{namespace=\"slow\"} ",
          "tasker_steps_total{callable=\"linear_workflow.square\",outcome=\"succeeded\"} 1\n",
          "tasker_worker_channel_health{channel_name=\"step_results\",component=\"engine\"} 0\n"})
        CHECK_MESSAGE(page.find(line) != std::string::npos, line << page);
    CHECK(is(ask(address, get("/status")), "200"));
    CHECK(is(ask(address, get("/handlers")), "200"));
    CHECK(is(ask(address, get("/v1/templates/examples/linear_workflow/1.0.0")), "200"));
    stop(*worker);
}

TEST_CASE("web: what would serve others without a token does not start") {
    Sandbox sandbox;
    for (const char* address : {"0.0.0.0:0", "[::]:0", "nowhere:80", "127.0.0.1"}) {
        CAPTURE(address);
        sandbox.set("TASKER_WEB_BIND_ADDRESS", address);
        CHECK(sandbox.document({"worker"}, 2)["error"]["code"] == "CONFIGURATION");
    }
    sandbox.set("TASKER_WEB_BIND_ADDRESS", "0.0.0.0:0");
    const auto file = sandbox.write("token", kToken);
    ::chmod(file.c_str(), 0644);
    sandbox.set("TASKER_WEB_TOKEN_FILE", file.string());
    const Finished refused = sandbox.run({"worker"});
    CHECK(refused.status.code == 2);
    CHECK(refused.err.find("everybody may read it") != std::string::npos);
}

}  // namespace tasker::host::e2e
