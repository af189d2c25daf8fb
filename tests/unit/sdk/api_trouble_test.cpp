// Services that are slow, broken or hostile.
#include <doctest/doctest.h>

#include <boost/crc.hpp>
#include <chrono>
#include <string>

#include "tests/support/eventually.hpp"
#include "tests/unit/sdk/api_probe.hpp"

using namespace tasker;
using namespace tasker::testing;
using namespace std::chrono_literals;

namespace {
Reply silence(const SeenRequest&) {
    Reply held;
    held.hold = true;
    return held;
}

StepHandlerResult answer_of(const std::function<Reply(const SeenRequest&)>& service,
                            json config = json::object()) {
    const HttpServer server(service);
    return api_step(server, get_of("/x?key=hidden"), std::move(config)).run().result();
}

// gzip of the text, stored without compression.
std::string gzip(const std::string& text) {
    const auto little = [](std::uint32_t number, int bytes) {
        std::string out;
        for (int i = 0; i < bytes; ++i) out += static_cast<char>(number >> (8 * i));
        return out;
    };
    boost::crc_32_type crc;
    crc.process_bytes(text.data(), text.size());
    const auto size = static_cast<std::uint32_t>(text.size());
    return std::string("\x1f\x8b\x08\0\0\0\0\0\0\xff", 10) + '\x01' + little(size, 2) + little(~size, 2) +
           text + little(crc.checksum(), 4) + little(size, 4);
}
}  // namespace

TEST_CASE("A06: every class of status arrives from a service as the step's failure") {
    for (const int status :
         {400, 401, 403, 404, 405, 408, 409, 410, 418, 422, 429, 500, 501, 502, 503, 504, 505, 304}) {
        CAPTURE(status);
        const auto failure = answer_of([&](const SeenRequest&) { return reply(status); });
        CHECK(failure.is_failure());
        CHECK(failure.error_type() == classify_status(status).error_type);
        CHECK(failure.retryable() == classify_status(status).retryable);
        CHECK(failure.metadata()["status_code"] == status);
        CHECK(failure.error_message().starts_with("HTTP " + std::to_string(status)));
    }
}

TEST_CASE("R13: Retry-After of a service is the failure's delay") {
    const auto seconds = answer_of([](const SeenRequest&) {
        return reply(429, {}, {{"Retry-After", "17"}});
    });
    CHECK(seconds.retry_after() == 17s);
    const auto date = answer_of([](const SeenRequest&) {
        return reply(503, {}, {{"retry-after", "Fri, 31 Dec 2199 23:59:59 GMT"}});
    });
    CHECK(date.retry_after() == 366 * 24h);  // bounded; the engine has its own limit
}

TEST_CASE("A10: a service that does not answer is a timeout, retried") {
    const auto failure = answer_of(&silence, {{"timeout_ms", 100}});
    CHECK(failure.error_type() == "timeout");
    CHECK(failure.retryable());
    CHECK(failure.error_message().find("no answer within 100 ms") != std::string::npos);
    CHECK(failure.error_message().find("hidden") == std::string::npos);
    CHECK(failure.metadata()["curl_code"] == 28);
}

TEST_CASE("A02: the step's deadline bounds the request") {
    const HttpServer server(&silence);
    auto step = api_step(server, get_of("/"));
    const auto late = step.remaining(150ms).run();
    CHECK(late->error_type() == "timeout");
    CHECK(late->error_message().find("no answer within 150 ms, all that the step had left") !=
          std::string::npos);
    const auto over = step.remaining(-1ms).run();
    CHECK(over->error_type() == "timeout");
    CHECK(over->error_message().find("not sent") != std::string::npos);
    CHECK(server.requests().size() == 1);
}

TEST_CASE("a cancelled step leaves its request, and the connection is closed") {
    for (const StopReason reason : {StopReason::Cancelled, StopReason::LeaseLost}) {
        const HttpServer server(&silence);
        auto step = api_step(server, get_of("/"));
        // The service never answers, and the time-out is 30 s: it is the poll number 3 that ends this.
        const auto begun = std::chrono::steady_clock::now();
        const auto run = step.stop(reason, 3).run();
        CHECK(run.released());
        CHECK(std::chrono::steady_clock::now() - begun < 25s);
        CHECK(host::testing::eventually(10s, [&] { return server.ended() == 1; }));
    }
}

TEST_CASE("draining lets a request finish") {
    const HttpServer server([](const SeenRequest&) { return json_reply(200, "{}"); });
    CHECK(api_step(server, get_of("/")).stop(StopReason::Draining).run()->is_success());
}

TEST_CASE("A10: refused, reset, half-closed and truncated answers are connection errors, retried") {
    std::string closed_url;
    {
        const HttpServer gone(&silence);
        closed_url = gone.url();
    }
    const std::vector<std::pair<std::string, Reply>> faults{
        {"closed at once", {"", true}},
        {"reset", {"", false, false, true}},
        {"status line cut", {"HTTP/1.1 20", true}},
        {"headers cut", {"HTTP/1.1 200 OK\r\nContent-Le", true}},
        {"body cut", {"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf", true}},
        {"chunk cut", {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10\r\nhalf", true}},
        {"bad chunk", {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhalf\r\n0\r\n\r\n", true}},
        {"no HTTP", {"220 mail.example.com ESMTP\r\n", true}},
        {"bad gzip", {"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope", true}}};
    for (const auto& [what, bytes] : faults) {
        CAPTURE(what);
        const auto failure = answer_of([&](const SeenRequest&) { return bytes; });
        CHECK(failure.error_type() == "connection_error");
        CHECK(failure.retryable());
        CHECK(failure.error_message().starts_with("GET http://127.0.0.1:"));
        CHECK(failure.error_message().find("hidden") == std::string::npos);
        CHECK(failure.metadata().contains("exception_type"));
    }
    auto refused = StepTest::of<ApiProbe>();
    ApiProbe::body = get_of("/x");
    CHECK(refused.config({{"base_url", closed_url}, {"proxy", ""}}).run()->error_type() ==
          "connection_error");
}

TEST_CASE("a connection that the service closed meanwhile is made anew") {
    std::size_t count = 0;
    const HttpServer server([&](const SeenRequest&) {
        Reply answer = json_reply(200, "{}");
        answer.close = ++count == 1;
        return answer;
    });
    auto step = api_step(server, get_of("/"));
    CHECK(step.run()->is_success());
    CHECK(step.run()->is_success());
    CHECK(server.connections() == 2);
}

TEST_CASE("chunked and compressed answers are put together") {
    const auto chunked = answer_of([](const SeenRequest&) {
        return Reply{
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
            "4\r\n{\"a\"\r\n3\r\n:1}\r\n0\r\n\r\n"};
    });
    CHECK(chunked.result() == json{{"a", 1}});
    const auto zipped = answer_of([](const SeenRequest& request) {
        CHECK(request.headers.at("accept-encoding").find("gzip") != std::string::npos);
        return reply(200, gzip(R"({"z":2})"),
                     {{"Content-Type", "application/json"}, {"Content-Encoding", "gzip"}});
    });
    CHECK(zipped.result() == json{{"z", 2}});
}

TEST_CASE("an answer larger than allowed is refused, however it comes") {
    const std::string big(3000, 'x');
    const auto plain = [&](const SeenRequest&) { return reply(200, big); };
    const auto refused = answer_of(plain, {{"max_response_bytes", 2999}});
    CHECK(refused.error_type() == "response_too_large");
    CHECK_FALSE(refused.retryable());
    CHECK(answer_of(plain, {{"max_response_bytes", 3000}}).is_success());
    const auto zipped = answer_of(
        [&](const SeenRequest&) {
            return reply(200, gzip(big), {{"Content-Encoding", "gzip"}});
        },
        {{"max_response_bytes", 2999}});
    CHECK(zipped.error_type() == "response_too_large");
    std::string many = "HTTP/1.1 200 OK\r\n";
    for (int i = 0; i < 40; ++i) many += "X-H" + std::to_string(i) + ": " + std::string(8000, 'h') + "\r\n";
    const auto headers = answer_of([&](const SeenRequest&) { return Reply{many + "\r\n", true}; });
    CHECK(headers.error_type() == "response_too_large");
}

TEST_CASE("redirects: GET follows them, POST does not, and not for ever") {
    const HttpServer server([](const SeenRequest& request) {
        if (request.target == "/loop") return reply(302, {}, {{"Location", "/loop"}});
        if (request.target == "/ftp") return reply(302, {}, {{"Location", "ftp://127.0.0.1/x"}});
        if (request.target == "/old") return reply(301, {}, {{"Location", "new?a=1"}});
        return json_reply(200, "{\"at\":\"" + request.target + "\"}");
    });
    CHECK(api_step(server, get_of("/old")).run()->result() == json{{"at", "/new?a=1"}});
    const auto loop = api_step(server, get_of("/loop")).run();
    CHECK(loop->error_code() == "TOO_MANY_REDIRECTS");
    CHECK_FALSE(loop->retryable());
    CHECK(api_step(server, get_of("/loop"), {{"max_redirects", 0}}).run()->error_type() == "http_error");
    CHECK(api_step(server, get_of("/ftp")).run()->error_type() == "validation_error");
    const auto post = api_step(server, [](StepContext&, Api& api) {
                          return api_failure(api.post("/old", {{"a", 1}}));
                      }).run();
    CHECK(post->metadata()["status_code"] == 301);
}

TEST_CASE("only http and https, no credentials in a URL, and none of it in the message") {
    const HttpServer server(&silence);
    for (const std::string url : {"ftp://user:pa55word@127.0.0.1/", "file:///etc/passwd", "", "127.0.0.1/x",
                                  "http://user:pa55word@127.0.0.1/", "http://", "http://a b/"}) {
        CAPTURE(url);
        auto step = StepTest::of<ApiProbe>();
        ApiProbe::body = get_of("");
        const auto run = step.config({{"base_url", url}, {"proxy", ""}}).run();
        CHECK(run->error_type() == "validation_error");
        CHECK(run->error_message().find("pa55word") == std::string::npos);
    }
    CHECK(server.connections() == 0);
}

TEST_CASE("A10: connection_error and timeout_error for handlers that catch") {
    const ApiConnectionError lost("GET http://h/: reset", {{"curl_code", 56}});
    const auto connection = connection_error(lost, "charging");
    CHECK(connection.error_message() == "charging: GET http://h/: reset");
    CHECK(connection.error_type() == "connection_error");
    CHECK(connection.retryable());
    CHECK(connection.metadata()["exception_type"] == "tasker::ApiConnectionError");
    const auto timeout = timeout_error(ApiTimeoutError("late"));
    CHECK(timeout.error_type() == "timeout");
    CHECK(timeout.retryable());
    CHECK(timeout.metadata()["exception_type"] == "tasker::ApiTimeoutError");
}
