// The payment example against services of this machine: one that a test writes, and the sandbox that is shipped.

#include <chrono>
#include <optional>

#include "host/core/guarded.hpp"
#include "tests/e2e/cli/sandbox.hpp"
#include "tests/support/http_server.hpp"

namespace tasker::host::e2e {

namespace {
using testing::HttpServer;
using testing::json_reply;
using testing::Reply;
using testing::SeenRequest;
using Time = std::chrono::steady_clock::time_point;

json payment(const std::string& card) {
    return {{"order_id", "A-1"}, {"amount_cents", 6499}, {"currency", "EUR"}, {"card_token", card}};
}

// Authorizes after the given replies, and captures.
class Service {
  public:
    explicit Service(std::vector<Reply> first) : first_(std::move(first)) {}

    std::string url() const { return server_.url(); }
    std::vector<SeenRequest> requests() const { return server_.requests(); }
    std::vector<Time> times() const {
        return times_.with([](const auto& times) { return times; });
    }

  private:
    Reply answer(const SeenRequest& request) {
        const std::size_t number = times_.with([](auto& times) {
            times.push_back(std::chrono::steady_clock::now());
            return times.size() - 1;
        });
        if (number < first_.size()) return first_[number];
        if (request.target == "/v1/authorizations")
            return json_reply(201, R"({"authorization_id":"auth_1"})");
        return json_reply(201, R"({"capture_id":"cap_1","captured_cents":6499})");
    }

    const std::vector<Reply> first_;
    Guarded<std::vector<Time>> times_;
    HttpServer server_{[this](const SeenRequest& request) { return answer(request); }};
};

// Runs the payment with the shipped configuration, pointed to the service.
json pay(const Sandbox& sandbox, const std::string& url, const std::string& card, int exit = 0) {
    std::string config = read_file(TASKER_SOURCE_DIR "/templates/samples/payment_flow.toml");
    const std::string shipped = "http://127.0.0.1:8402";
    const auto at = config.find(shipped);
    REQUIRE(at != std::string::npos);
    config.replace(at, shipped.size(), url);
    const std::string file = sandbox.write("payment.toml", config).string();
    return sandbox.document({"--config", file, "task", "run", "payment_flow", "-c", payment(card).dump()},
                            exit);
}

std::string key(const SeenRequest& request) { return request.headers.at("idempotency-key"); }
}  // namespace

TEST_CASE("a payment is authorized, captured and told, each request with its step's key and the token") {
    const Sandbox sandbox;
    const Service service({});
    const json task = pay(sandbox, service.url(), "tok_visa");
    CHECK(task["status"] == "complete");
    CHECK(task["total_steps"] == 4);
    CHECK(step(task, "notify_customer")["results"]["result"]["message"] ==
          "Order A-1: 64.99 EUR charged (cap_1)");
    const auto requests = service.requests();
    REQUIRE(requests.size() == 2);
    CHECK(requests[0].target == "/v1/authorizations");
    CHECK(requests[1].target == "/v1/authorizations/auth_1/capture");
    CHECK(key(requests[0]) == step(task, "authorize_payment")["workflow_step_uuid"]);
    CHECK(key(requests[1]) == step(task, "capture_payment")["workflow_step_uuid"]);
    for (const SeenRequest& request : requests)
        CHECK(request.headers.at("authorization") == "Bearer sandbox");
    CHECK(task.dump().find("Bearer") == std::string::npos);
}

TEST_CASE("a service that asks to come again later is asked again after that time, with the same key") {
    for (const int status : {429, 503}) {
        CAPTURE(status);
        const Sandbox sandbox;
        const Service service({json_reply(status, R"({"error":"busy"})", {{"Retry-After", "1"}})});
        const json task = pay(sandbox, service.url(), "tok_visa");
        CHECK(task["status"] == "complete");
        CHECK(step(task, "authorize_payment")["attempts"] == 2);
        CHECK(step(task, "authorize_payment")["results"]["result"]["attempt"] == 2);
        const auto requests = service.requests();
        REQUIRE(requests.size() == 3);
        CHECK(key(requests[0]) == key(requests[1]));
        CHECK(key(requests[1]) != key(requests[2]));
        // The template's own back-off is a fifth of that. The host counts from the end of the attempt, in whole ms.
        CHECK(service.times()[1] - service.times()[0] >= 999ms);
    }
}

TEST_CASE("a card that is declined fails the payment for good") {
    const Sandbox sandbox;
    const Service service({json_reply(402, R"({"reason":"insufficient funds"})")});
    const json task = pay(sandbox, service.url(), "tok_visa", 1);
    CHECK(task["status"] == "blocked_by_failures");
    const json& failed = step(task, "authorize_payment");
    CHECK(failed["attempts"] == 1);
    CHECK(failed["results"]["error"]["error_code"] == "PAYMENT_DECLINED");
    CHECK(failed["results"]["error"]["message"] == "the card was declined: insufficient funds");
    CHECK(step(task, "capture_payment")["current_state"] == "pending");
    CHECK(service.requests().size() == 1);
}

TEST_CASE("the shipped sandbox answers what its cards ask for") {
    const Sandbox sandbox;
    std::optional<std::string> python;
    for (const char* folder : {"/usr/local/bin/", "/usr/bin/", "/bin/"}) {
        if (std::filesystem::exists(std::string{folder} + "python3"))
            python = std::string{folder} + "python3";
    }
    if (!python) {
        MESSAGE("SKIPPED: there is no python3");
        return;
    }
    testing::ChildOptions options = sandbox.command({});
    options.argv = {*python, TASKER_SOURCE_DIR "/templates/samples/payment_server.py", "--port", "0"};
    ChildProcess server(options);
    REQUIRE_MESSAGE(server.wait_for_out("\n", kPatience), server.err());
    const std::string url = trimmed(server.out().substr(server.out().find("http://")));

    CHECK(pay(sandbox, url, "tok_visa")["status"] == "complete");
    const json busy = pay(sandbox, url, "tok_busy");
    CHECK(busy["status"] == "complete");
    CHECK(step(busy, "authorize_payment")["attempts"] == 2);
    CHECK(step(pay(sandbox, url, "tok_down"), "authorize_payment")["attempts"] == 3);
    const json declined = pay(sandbox, url, "tok_declined", 1);
    CHECK(step(declined, "authorize_payment")["results"]["error"]["error_code"] == "PAYMENT_DECLINED");
    server.kill_and_wait();
}

}  // namespace tasker::host::e2e
