#include <doctest/doctest.h>

#include <string>
#include <tasker/testing.hpp>

#include "plugins/payment_flow/handlers.hpp"
#include "tests/support/http_server.hpp"

using tasker::json;
using tasker::host::testing::HttpServer;
using tasker::host::testing::json_reply;
using tasker::host::testing::Reply;
using tasker::host::testing::SeenRequest;
using tasker::testing::StepTest;
using namespace payment_flow;

namespace {

const json kPayment{{"order_id", "A-1"}, {"amount_cents", 6499}, {"currency", "EUR"}};

json with(json object, const char* key, const json& value) {
    object[key] = value;
    return object;
}

StepTest authorize(const HttpServer& service) {
    auto step = StepTest::of<AuthorizePayment>();
    step.plugin_config({{"api",
                         {{"base_url", service.url()},
                          {"proxy", ""},
                          {"auth", {{"type", "bearer"}, {"token", "t0ken-of-the-test"}}}}}})
        .dependency("validate_payment", kPayment)
        .input({{"card_token", "tok_visa"}})
        .idempotency_key("key-7");
    return step;
}

}  // namespace

TEST_CASE("a payment is checked before anybody is asked, and the card's token stays where it is") {
    auto step = StepTest::of<ValidatePayment>();
    const json input = with(kPayment, "card_token", "tok_visa");
    CHECK(step.input(input).run()->result() == kPayment);
    CHECK(step.input(with(input, "amount_cents", 0)).run()->error_code() == "INVALID_AMOUNT");
    CHECK(step.input(with(input, "currency", "eur")).run()->error_code() == "INVALID_CURRENCY");
    CHECK(step.input(with(input, "currency", "EURO")).run()->error_code() == "INVALID_CURRENCY");
    CHECK(step.input(with(input, "card_token", nullptr)).run()->error_code() == "MISSING_VALUE");
    CHECK(step.input(with(input, "order_id", 7)).run()->error_code() == "WRONG_TYPE");
}

TEST_CASE("the authorization sends what the service needs, with the step's idempotency key") {
    const HttpServer service(
        [](const SeenRequest&) { return json_reply(201, R"({"authorization_id":"auth_1"})"); });
    const auto run = authorize(service).attempt(2).run();
    REQUIRE_MESSAGE(run->is_success(), run->error_message());
    CHECK(run->result() == json{{"authorization_id", "auth_1"}, {"amount_cents", 6499}, {"attempt", 2}});
    const auto requests = service.requests();
    REQUIRE(requests.size() == 1);
    CHECK(requests[0].method == "POST");
    CHECK(requests[0].target == "/v1/authorizations");
    CHECK(requests[0].headers.at("idempotency-key") == "key-7");
    CHECK(requests[0].headers.at("authorization") == "Bearer t0ken-of-the-test");
    CHECK(
        json::parse(requests[0].body) ==
        json{{"reference", "A-1"}, {"amount_cents", 6499}, {"currency", "EUR"}, {"card_token", "tok_visa"}});
}

TEST_CASE("what the service answers decides what becomes of the step") {
    struct Row {
        Reply reply;
        const char* code;
        bool retryable;
        int retry_after_s;
    };
    const Row rows[] = {
        {json_reply(402, R"({"reason":"insufficient funds"})"), "PAYMENT_DECLINED", false, 0},
        {json_reply(429, "{}", {{"Retry-After", "7"}}), "HTTP_429", true, 7},
        {json_reply(503, "{}", {{"Retry-After", "3"}}), "HTTP_503", true, 3},
        {json_reply(503, "{}"), "HTTP_503", true, 0},
        {json_reply(401, "{}"), "HTTP_401", false, 0},
        {json_reply(201, "{}"), "MISSING_VALUE", false, 0},
        {json_reply(201, R"({"authorization_id":"../refunds"})"), "BAD_ANSWER", false, 0},
    };
    for (const auto& row : rows) {
        CAPTURE(row.reply.bytes);
        const HttpServer service([&](const SeenRequest&) { return row.reply; });
        const auto run = authorize(service).run();
        CHECK(run->error_code() == row.code);
        CHECK(run->retryable() == row.retryable);
        CHECK(run->retry_after() == std::chrono::seconds(row.retry_after_s));
    }
    const HttpServer service([](const SeenRequest&) { return Reply{.bytes = {}, .close = true}; });
    const auto broken = authorize(service).run();
    CHECK(broken->error_type() == "connection_error");
    CHECK(broken->retryable());
}

TEST_CASE("the capture asks for what is held, and the notice tells it") {
    const HttpServer service([](const SeenRequest&) {
        return json_reply(201, R"({"capture_id":"cap_1","captured_cents":6405})");
    });
    auto step = StepTest::of<CapturePayment>();
    step.plugin_config({{"api", {{"base_url", service.url()}, {"proxy", ""}}}})
        .dependency("authorize_payment", {{"authorization_id", "auth_1"}, {"amount_cents", 6405}})
        .idempotency_key("key-8");
    const auto captured = step.run();
    REQUIRE_MESSAGE(captured->is_success(), captured->error_message());
    CHECK(captured->result()["capture_id"] == "cap_1");
    const auto requests = service.requests();
    REQUIRE(requests.size() == 1);
    CHECK(requests[0].target == "/v1/authorizations/auth_1/capture");
    CHECK(requests[0].headers.at("idempotency-key") == "key-8");
    CHECK(requests[0].body == R"({"amount_cents":6405})");
    step.dependency("authorize_payment", {{"authorization_id", "a/../b"}, {"amount_cents", 1}});
    CHECK(step.run()->error_code() == "BAD_ANSWER");

    auto tell = StepTest::of<NotifyCustomer>();
    tell.dependency("validate_payment", kPayment).dependency("capture_payment", captured->result());
    CHECK(tell.run()->result() == json{{"message", "Order A-1: 64.05 EUR charged (cap_1)"}});
    tell.dependency("capture_payment", json::object());
    CHECK(tell.run()->error_type() == "validation_error");
}

TEST_CASE("a service that is not configured is named as what is missing") {
    const auto run = StepTest::of<AuthorizePayment>()
                         .dependency("validate_payment", kPayment)
                         .input({{"card_token", "tok_visa"}})
                         .run();
    CHECK(run->error_code() == "BAD_URL");
    CHECK(run->error_message().find("base_url") != std::string::npos);
    CHECK_FALSE(run->retryable());
}
