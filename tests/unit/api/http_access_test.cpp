#include "host/api/http_access.hpp"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "host/api/http_codec.hpp"
#include "host/api/routes.hpp"
#include "host/api/web_address.hpp"
#include "host/core/error.hpp"
#include "tests/unit/api/fake_engine.hpp"

using namespace tasker::host;
using nlohmann::json;

namespace {
const HttpRules kLoopback{.local = false};
const HttpRules kGuarded{.local = false, .token = "0123456789abcdef"};
constexpr const char* kTasks = "/v1/tasks";

int status(const HttpRules& rules, HeaderFacts header) {
    if (header.target.empty()) header.target = kTasks;
    return admit(rules, header).status;
}
}  // namespace

TEST_CASE("access: without a token only names of this machine are served") {
    for (const char* host :
         {"localhost", "LOCALHOST:80", "127.0.0.1", "127.0.0.1:8080", "[::1]", "[::1]:8080"}) {
        CAPTURE(host);
        CHECK(status(kLoopback, {.host = host}) == 0);
        CHECK(status({}, {.host = host}) == 0);
    }
    for (const char* host : {"evil.example", "evil.example:8080", "127.0.0.1.evil.example",
                             "localhost.evil.example", "0.0.0.0", "", ":8080"}) {
        CAPTURE(host);
        CHECK(status(kLoopback, {.host = host}) == 421);
    }
    CHECK(status({}, {.host = "evil.example"}) == 421);
    CHECK(status({}, {}) == 0);
    CHECK(status(kLoopback, {}) == 400);
}

TEST_CASE("access: what a page of another origin asks for is refused, token or not") {
    CHECK(status(kLoopback, {.host = "localhost", .origin = "http://localhost:3000"}) == 403);
    CHECK(status(kLoopback, {.host = "localhost", .origin = ""}) == 403);
    CHECK(status(kGuarded, {.host = "h", .origin = "null", .authorization = "Bearer 0123456789abcdef"}) ==
          403);
}

TEST_CASE("access: the token comes as a bearer or as an API key, and nothing else will do") {
    const HeaderFacts good[] = {{.host = "h", .authorization = "Bearer 0123456789abcdef"},
                                {.host = "h", .authorization = "bearer  0123456789abcdef "},
                                {.host = "h", .authorization = "Basic eA==", .api_key = "0123456789abcdef"}};
    for (const HeaderFacts& header : good) {
        CHECK(status(kGuarded, header) == 0);
        CHECK(admit(kGuarded, header).trusted);
    }
    const HeaderFacts bad[] = {{.host = "h"},
                               {.host = "h", .authorization = "Bearer"},
                               {.host = "h", .authorization = "Bearer "},
                               {.host = "h", .authorization = "0123456789abcdef"},
                               {.host = "h", .authorization = "Bearer 0123456789abcde"},
                               {.host = "h", .authorization = "Bearer 0123456789abcdeg"},
                               {.host = "h", .authorization = "Bearer 0123456789abcdef0"},
                               {.host = "h", .authorization = "Basic 0123456789abcdef"},
                               {.host = "h", .api_key = ""}};
    for (const HeaderFacts& header : bad) CHECK(status(kGuarded, header) == 401);
}

TEST_CASE(
    "access: whether the process lives and is ready may be asked without a token, and no reason is given") {
    for (const char* target : {"/health", "/health?x=1", "/health/live", "/health/ready"}) {
        CAPTURE(target);
        const Admission admission = admit(kGuarded, {.target = target, .host = "h"});
        CHECK(admission.status == 0);
        CHECK_FALSE(admission.trusted);
    }
    for (const char* target : {"/health/detailed", "/metrics", "/config", "/healthy", "/v1/status", "/"}) {
        CAPTURE(target);
        CHECK(status(kGuarded, {.target = target, .host = "h"}) == 401);
    }
    testing::FakeEngine engine;
    engine.trouble_text = "the disk /srv/secret is full";
    const ApiContext context{engine, {}, {}, {}, {}};
    for (const char* target : {"/health", "/health/ready"}) {
        ApiRequest request{"GET", target, {}};
        CHECK(handle(request, context).body.find("secret") != std::string::npos);
        request.trusted = false;
        const ApiResponse answer = handle(request, context);
        CHECK(answer.status == 503);
        CHECK(answer.body.find("secret") == std::string::npos);
    }
    ApiRequest request{"GET", "/v1/tasks", {}};
    request.trusted = false;
    CHECK(handle(request, context).status == 401);
}

TEST_CASE("access: the store is served to this machine's user only") {
    testing::FakeEngine engine;
    const ApiContext context{engine, {}, {}, {}, {}};
    for (const char* target : {"/v1/store/info", "/v1/store/backup", "/v1/%73tore/info"}) {
        CAPTURE(target);
        ApiRequest request{"GET", target, {}};
        request.local = false;
        CHECK(handle(request, context).status == 403);
    }
    CHECK(handle({"GET", "/v1/store/info", {}}, context).status == 200);
}

TEST_CASE("access: a body must be said to be JSON") {
    testing::FakeEngine engine;
    const ApiContext context{engine, {}, {}, {}, {}};
    const auto post = [&](const std::string& target, const std::string& type,
                          const std::string& body = "{}") {
        ApiRequest request{"POST", target, body};
        request.content_type = type;
        return handle(request, context).status;
    };
    for (const char* type : {"", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data",
                             "application/jsonp", "json", "application/x-ndjson"}) {
        CAPTURE(type);
        CHECK(post("/v1/tasks", type) == 415);
    }
    for (const char* type :
         {"application/json", "Application/JSON; charset=utf-8", "application/problem+json"}) {
        CAPTURE(type);
        CHECK(post("/v1/tasks", type) == 400);  // it is read, and lacks a name
    }
    CHECK(post("/v1/tasks/batch", "application/x-ndjson", "") == 200);
    CHECK(post("/v1/tasks/batch", "application/jsonl", "{}") == 200);
    CHECK(post("/v1/store/check", "", "") == 200);
}

TEST_CASE("access: the decoder applies the rules before it reads a body") {
    const auto fault = [](const HttpRules& rules, const std::string& bytes) {
        HttpRequestDecoder decoder(rules);
        return decoder.feed(bytes) == HttpRequestDecoder::State::Failed ? decoder.fault_status() : 0;
    };
    const std::string post = "POST /v1/tasks HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n";
    CHECK(fault(kGuarded, post + "\r\n{") == 401);
    CHECK(fault(kGuarded, post + "X-Api-Key: 0123456789abcdef\r\n\r\n{") == 0);
    CHECK(fault(kLoopback, post + "Origin: http://evil\r\n\r\n{") == 403);
    CHECK(fault(kLoopback, post + "\r\n{") == 0);
    const std::string batch =
        "POST /v1/tasks/batch HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2000000\r\n\r\n";
    CHECK(fault(kLoopback, batch) == 413);
    CHECK(fault({}, batch) == 0);

    HttpRequestDecoder decoder(kGuarded);
    REQUIRE(decoder.feed("GET /health HTTP/1.1\r\nHost: h\r\n\r\n"
                         "GET /health HTTP/1.1\r\nHost: h\r\nX-API-Key: 0123456789abcdef\r\n\r\n") ==
            HttpRequestDecoder::State::Complete);
    const ApiRequest first = decoder.take();
    CHECK_FALSE(first.trusted);
    CHECK_FALSE(first.local);
    REQUIRE(decoder.feed({}) == HttpRequestDecoder::State::Complete);
    CHECK(decoder.take().trusted);
}

TEST_CASE("access: a token is compared as a whole") {
    CHECK(same_secret("abc", "abc"));
    CHECK_FALSE(same_secret("abc", "abd"));
    CHECK_FALSE(same_secret("abc", "abcd"));
    CHECK_FALSE(same_secret("", "a"));
}

TEST_CASE("web address: an IP address and a port; names and half of it are refused with a remedy") {
    const auto is = [](const char* text, const char* shown, bool loopback) {
        CAPTURE(text);
        const WebAddress address = parse_web_address(text);
        CHECK(address.str() == shown);
        CHECK(address.loopback == loopback);
    };
    is("127.0.0.1:8080", "127.0.0.1:8080", true);
    is("127.8.8.8:0", "127.8.8.8:0", true);
    is("localhost:65535", "127.0.0.1:65535", true);
    is("[::1]:80", "[::1]:80", true);
    is("0.0.0.0:8080", "0.0.0.0:8080", false);
    is("[::]:8080", "[::]:8080", false);
    is("10.1.2.3:1", "10.1.2.3:1", false);
    for (const char* text :
         {"", "8080", ":8080", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1:80x",
          "host.example:80", "::1:80", "[127.0.0.1]:80", "1.2.3:80", "[]:80"}) {
        CAPTURE(text);
        CHECK_THROWS_AS(parse_web_address(text), ConfigError);
    }
}
