#include <doctest/doctest.h>

#include "host/api/http_codec.hpp"
#include "host/core/error.hpp"

using namespace tasker::host;
using State = HttpRequestDecoder::State;

namespace {
// The state after the bytes were fed in pieces of `step`.
State fed(HttpRequestDecoder& decoder, std::string_view bytes, std::size_t step) {
    State state = State::More;
    for (std::size_t at = 0; at < bytes.size() && state == State::More; at += step)
        state = decoder.feed(bytes.substr(at, step));
    return state;
}
int fault(const std::string& bytes) {
    HttpRequestDecoder decoder;
    return fed(decoder, bytes, 4096) == State::Failed ? decoder.fault_status() : 0;
}
}  // namespace

TEST_CASE("http: a request is understood however it is cut") {
    const std::string bytes = "POST /v1/tasks HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello";
    for (std::size_t step = 1; step <= bytes.size(); ++step) {
        CAPTURE(step);
        HttpRequestDecoder decoder;
        REQUIRE(fed(decoder, bytes, step) == State::Complete);
        CHECK(decoder.keep_alive());
        const ApiRequest request = decoder.take();
        CHECK(request.method == "POST");
        CHECK(request.target == "/v1/tasks");
        CHECK(request.body == "hello");
    }
}

TEST_CASE("http: a second request behind the first is kept") {
    HttpRequestDecoder decoder;
    REQUIRE(decoder.feed("GET /a HTTP/1.1\r\n\r\nGET /b HTTP/1.0\r\n\r\n") == State::Complete);
    CHECK(decoder.take().target == "/a");
    REQUIRE(decoder.feed({}) == State::Complete);
    CHECK_FALSE(decoder.keep_alive());
    CHECK(decoder.take().target == "/b");
    CHECK(decoder.feed({}) == State::More);
    CHECK_FALSE(decoder.started());
}

TEST_CASE("http: a chunked body is put together") {
    HttpRequestDecoder decoder;
    const std::string bytes =
        "POST /v1/tasks HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
    REQUIRE(fed(decoder, bytes, 1) == State::Complete);
    CHECK(decoder.take().body == "abcde");
}

TEST_CASE("http: what is no HTTP/1.1 request is refused") {
    CHECK(fault("GET /\r\n\r\n") == 400);
    CHECK(fault(std::string("\x16\x03\x01\x02\x00\x01", 6) + "\r\n\r\n") == 400);
    CHECK(fault("GET / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n") == 400);
    CHECK(fault("GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n") == 400);
    CHECK(fault("POST /v1/tasks HTTP/1.1\r\nContent-Length: -1\r\n\r\n") == 400);
    CHECK(fault("POST /v1/tasks HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\nabc\r\n") == 400);
    CHECK(fault("POST /v1/tasks HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n") == 400);
}

TEST_CASE("http: headers, lines and bodies above their limits have their own status") {
    CHECK(fault("GET /" + std::string(1U << 20U, 'a') + " HTTP/1.1\r\n\r\n") == 414);
    CHECK(fault("GET / HTTP/1.1\r\nX: " + std::string(1U << 20U, 'a') + "\r\n\r\n") == 431);
    std::string many = "GET / HTTP/1.1\r\n";
    for (int i = 0; i < 100; ++i) many += "a" + std::to_string(i) + ": b\r\n";
    CHECK(fault(many + "\r\n") == 431);
    CHECK(fault("POST /v1/tasks HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n") == 413);
    CHECK(fault("POST /v1/tasks/batch HTTP/1.1\r\nContent-Length: 9999999\r\n\r\n") == 0);
    std::string chunked = "POST /v1/tasks HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (int i = 0; i < 3; ++i) chunked += "80000\r\n" + std::string(0x80000, 'x') + "\r\n";
    CHECK(fault(chunked) == 413);
}

TEST_CASE("http: a response is read back as it was written") {
    HttpResponseDecoder decoder;
    const std::string bytes = encode_response({404, R"({"error":{}})"}, false);
    for (std::size_t i = 0; i + 1 < bytes.size(); ++i) REQUIRE_FALSE(decoder.feed(bytes.substr(i, 1)));
    REQUIRE(decoder.feed(bytes.substr(bytes.size() - 1)));
    const ApiResponse response = decoder.take();
    CHECK(response.status == 404);
    CHECK(response.body == R"({"error":{}})");
    HttpResponseDecoder other;
    CHECK_THROWS_AS(other.feed("SSH-2.0-x\r\n"), Error);
}

TEST_CASE("http: a request the client writes is one the server reads") {
    HttpRequestDecoder decoder;
    REQUIRE(decoder.feed(encode_request("DELETE", "/v1/tasks/x", "")) == State::Complete);
    CHECK(decoder.take().method == "DELETE");
}

TEST_CASE("http: a request that means another host is refused, one for this machine is not") {
    for (const char* host : {"localhost", "localhost:8080", "127.0.0.1", "[::1]", "[::1]:80"}) {
        HttpRequestDecoder decoder;
        CHECK(decoder.feed("GET /health HTTP/1.1\r\nHost: " + std::string(host) + "\r\n\r\n") ==
              HttpRequestDecoder::State::Complete);
    }
    for (const char* host : {"evil.example", "localhost.evil.example", "127.0.0.1.evil.example:80"}) {
        HttpRequestDecoder decoder;
        REQUIRE(decoder.feed("GET /health HTTP/1.1\r\nHost: " + std::string(host) + "\r\n\r\n") ==
                HttpRequestDecoder::State::Failed);
        CHECK(decoder.fault_status() == 421);
    }
}
