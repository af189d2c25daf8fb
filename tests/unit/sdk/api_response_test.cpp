// Responses without a service: the status table, Retry-After, what successes and failures keep.
#include <doctest/doctest.h>

#include <chrono>
#include <string>
#include <tasker/api_response.hpp>

using namespace tasker;
using namespace std::chrono_literals;

namespace {
ApiResponse response(int status, const std::string& body = {},
                     std::map<std::string, std::string> headers = {}) {
    ApiResponse made;
    made.status_code = status;
    made.headers = std::move(headers);
    made.raw_body = body;
    made.read_body();
    return made;
}
ApiResponse json_response(int status, const std::string& body) {
    return response(status, body, {{"content-type", "application/json"}});
}
std::optional<std::chrono::seconds> wait_of(const std::string& text) {
    // 1994-11-06T08:49:37Z
    return response(503, {}, {{"retry-after", text}})
        .retry_after(std::chrono::system_clock::time_point(784111777s));
}
}  // namespace

TEST_CASE("A06: the class of every status from 100 to 599") {
    const std::map<int, std::pair<std::string, bool>> special{{400, {"bad_request", false}},
                                                              {401, {"unauthorized", false}},
                                                              {403, {"forbidden", false}},
                                                              {404, {"not_found", false}},
                                                              {405, {"method_not_allowed", false}},
                                                              {408, {"request_timeout", true}},
                                                              {409, {"conflict", false}},
                                                              {410, {"gone", false}},
                                                              {422, {"unprocessable_entity", false}},
                                                              {429, {"rate_limited", true}},
                                                              {500, {"internal_server_error", true}},
                                                              {502, {"bad_gateway", true}},
                                                              {503, {"service_unavailable", true}},
                                                              {504, {"gateway_timeout", true}}};
    for (int status = 100; status <= 599; ++status) {
        CAPTURE(status);
        std::string type = "http_error";
        bool retryable = false;
        if (const auto found = special.find(status); found != special.end()) {
            std::tie(type, retryable) = found->second;
        } else if (status >= 200 && status < 300) {
            type = "";
        } else if (status >= 400 && status < 500) {
            type = "client_error";
        } else if (status >= 500) {
            type = "server_error";
        }
        CHECK(classify_status(status).error_type == type);
        CHECK(classify_status(status).retryable == retryable);
        const auto made = response(status);
        CHECK(made.ok() == type.empty());
        CHECK(made.is_retryable() == retryable);
        CHECK(made.is_client_error() == (status / 100 == 4));
        CHECK(made.is_server_error() == (status / 100 == 5));
        const auto failure = api_failure(made);
        CHECK(failure.error_type() == (type.empty() ? "http_error" : type));
        CHECK(failure.retryable() == retryable);
    }
}

TEST_CASE("A07: Retry-After in seconds, as an HTTP date in its three forms, and as garbage") {
    CHECK(wait_of("120") == 120s);
    CHECK(wait_of(" 0 ") == 0s);
    CHECK(wait_of("99999999999999999999") == 366 * 86400s);
    CHECK(wait_of("Sun, 06 Nov 1994 08:50:37 GMT") == 60s);
    CHECK(wait_of("Sunday, 06-Nov-94 08:49:47 GMT") == 10s);
    CHECK(wait_of("Sun Nov  6 08:51:37 1994") == 120s);
    CHECK(wait_of("Sat, 05 Nov 1994 08:49:37 GMT") == 0s);  // has passed
    for (const char* garbage :
         {"-5", "soon", "1.5", "", "Sun, 32 Nov 1994 08:49:37 GMT", "Sun, 06 Foo 1994 08:49:37 GMT",
          "Sun, 06 Nov 1994 25:49:37 GMT", "Sun, 06 Nov 1994", "Sun, 06 Nov 99999 08:49:37 GMT"}) {
        CAPTURE(garbage);
        CHECK(wait_of(garbage) == 60s);
    }
    CHECK_FALSE(response(503).retry_after());
    CHECK(api_failure(response(429, {}, {{"retry-after", "7"}})).retry_after() == 7000ms);
    CHECK(api_failure(response(429, {}, {{"retry-after", "7"}})).metadata()["retry_after_seconds"] == 7);
    CHECK(api_failure(response(404, {}, {{"retry-after", "7"}})).retry_after() == 0ms);
}

TEST_CASE("A08: what successes and failures keep") {
    const auto object = json_response(200, R"({"id":1})");
    CHECK(api_success(object).result() == json{{"id", 1}});
    CHECK(api_success(object).metadata()["status_code"] == 200);
    CHECK(api_success(object).metadata()["headers"]["content-type"] == "application/json");
    CHECK(api_success(object, json{{"own", true}}).result() == json{{"own", true}});
    CHECK(api_success(object, std::nullopt, false).metadata().empty());
    CHECK(api_success(json_response(200, "[1,2]")).result() == json{{"data", {1, 2}}});
    CHECK(api_success(response(200, "plain")).result() == json{{"data", "plain"}});
    CHECK(api_success(response(204)).result() == json{{"data", nullptr}});

    const auto failure = api_failure(json_response(422, R"({"error":"no such account"})"));
    CHECK(failure.error_message() == "HTTP 422: no such account");
    CHECK(failure.error_code() == "HTTP_422");
    CHECK(failure.metadata()["response_body"] == json{{"error", "no such account"}});
    CHECK(failure.metadata()["status_code"] == 422);
    CHECK(api_failure(response(500), "own words").error_message() == "own words");
}

TEST_CASE("A09: the text of an error is found under five keys, also nested, else it is the reason") {
    for (const std::string key : {"error", "message", "detail", "error_message", "msg"}) {
        CAPTURE(key);
        CHECK(api_failure(json_response(400, "{\"" + key + "\":\"why\"}")).error_message() ==
              "HTTP 400: why");
        CHECK(api_failure(json_response(400, "{\"" + key + "\":{\"message\":\"deep\"}}")).error_message() ==
              "HTTP 400: deep");
    }
    CHECK(api_failure(json_response(400, R"({"msg":"last","error":"first"})")).error_message() ==
          "HTTP 400: first");
    CHECK(api_failure(json_response(400, R"({"error":17,"detail":"text"})")).error_message() ==
          "HTTP 400: text");
    CHECK(api_failure(json_response(503, "[]")).error_message() == "HTTP 503: Service Unavailable");
    CHECK(api_failure(response(499)).error_message() == "HTTP 499");
    auto with_reason = response(503);
    with_reason.reason = "Closed Today";
    CHECK(api_failure(with_reason).error_message() == "HTTP 503: Closed Today");
}

TEST_CASE("A05: a body is JSON only where its type says so, and malformed JSON stays text") {
    CHECK(response(200, "{\"a\":1}", {{"content-type", "text/plain"}}).body == "{\"a\":1}");
    CHECK(response(200, "{\"a\":1}").body == "{\"a\":1}");
    CHECK(response(200, "{\"a\":1}", {{"content-type", "Application/JSON; charset=utf-8"}}).body ==
          json{{"a", 1}});
    CHECK(response(200, "{\"a\":1}", {{"content-type", "application/problem+json"}}).body == json{{"a", 1}});
    CHECK(response(200, "{\"a\":", {{"content-type", "application/json"}}).body == "{\"a\":");
    CHECK(response(200, "", {{"content-type", "application/json"}}).body.is_null());
}

TEST_CASE("A11: secrets and cookies do not reach a result") {
    auto made = json_response(401, R"({"error":"token s3cr3t-token is not valid"})");
    made.headers["set-cookie"] = "session=abc";
    made.headers["x-echo"] = "s3cr3t-token";
    made.secrets = {"s3cr3t-token", "", "abc"};
    const auto failure = api_failure(made);
    CHECK(failure.error_message() == "HTTP 401: token [redacted] is not valid");
    CHECK(failure.metadata()["headers"]["set-cookie"] == "[redacted]");
    CHECK(failure.metadata()["headers"]["x-echo"] == "[redacted]");
    CHECK(failure.metadata().dump().find("s3cr3t") == std::string::npos);
    CHECK(made.body.dump().find("s3cr3t") != std::string::npos);  // the handler itself sees all
}

TEST_CASE("A08: a large body of a failure is cut") {
    const auto failure = api_failure(json_response(500, "\"" + std::string(100'000, 'x') + "\""));
    CHECK(failure.metadata()["response_body"].get<std::string>().size() == 16384);
    CHECK(failure.metadata()["response_body_truncated"] == true);
}

TEST_CASE("A03: percent-encoding by RFC 3986") {
    using detail::percent_encoded;
    CHECK(percent_encoded("AZaz09-._~") == "AZaz09-._~");
    CHECK(percent_encoded("a b+c&d=e/f?g#h%") == "a%20b%2Bc%26d%3De%2Ff%3Fg%23h%25");
    CHECK(percent_encoded("\xC3\xBC\xE2\x82\xAC") == "%C3%BC%E2%82%AC");
    CHECK(percent_encoded(std::string_view("\0\n", 2)) == "%00%0A");
    CHECK(detail::form_encoded({{"b", 2}, {"a", nullptr}, {"c", true}, {"d", 1.5}, {"e", {"x", nullptr, 3}}},
                               "params") == "b=2&c=true&d=1.5&e=x&e=3");
    CHECK(detail::form_encoded(json(), "params").empty());
    CHECK_THROWS_AS(detail::form_encoded({{"a", {{"b", 1}}}}, "params"), ValidationError);
    CHECK_THROWS_AS(detail::form_encoded(json::array({1}), "params"), ValidationError);
}

TEST_CASE("A11: base64 of credentials") {
    CHECK(detail::base64("").empty());
    CHECK(detail::base64("f") == "Zg==");
    CHECK(detail::base64("fo") == "Zm8=");
    CHECK(detail::base64("Aladdin:open sesame") == "QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
}
