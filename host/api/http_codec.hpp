#pragma once
// HTTP/1.1 as bytes: no sockets, no time. The server, the client and the fuzz target use the same decoders.
// Not thread-safe.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "host/api/http_access.hpp"
#include "host/api/routes.hpp"

namespace tasker::host {

inline constexpr std::size_t kMaxHeaderBytes = 8192;
inline constexpr std::size_t kMaxHeaders = 64;

class HttpRequestDecoder {
  public:
    // By default those of the unix socket.
    explicit HttpRequestDecoder(HttpRules rules = {});
    ~HttpRequestDecoder();
    HttpRequestDecoder(const HttpRequestDecoder&) = delete;
    HttpRequestDecoder& operator=(const HttpRequestDecoder&) = delete;

    enum class State : std::uint8_t { More, Complete, Failed };
    // Takes bytes as they come. Bytes behind a complete request are kept for the next one.
    State feed(std::string_view bytes);

    bool started() const;  // a byte of this request has come
    bool header_done() const;
    bool expects_continue() const;  // the client waits for "100 Continue"; true at most once
    bool keep_alive() const;        // valid when Complete
    // Moves the request out and begins the next one. Precondition: Complete. Call feed({}) to go on with kept
    // bytes.
    ApiRequest take();
    // 400, 401, 403, 413, 414, 421 or 431. Valid when Failed: the connection cannot be used any further.
    int fault_status() const;

  private:
    struct State_;
    std::unique_ptr<State_> state_;
};

// `head`: the answer to HEAD, everything but the body.
std::string encode_response(const ApiResponse& response, bool keep_alive, bool head = false);
std::string encode_request(std::string_view method, std::string_view target, std::string_view body);
// The answer to bytes that are no request.
ApiResponse protocol_fault(int status);

class HttpResponseDecoder {
  public:
    HttpResponseDecoder();
    ~HttpResponseDecoder();
    HttpResponseDecoder(const HttpResponseDecoder&) = delete;
    HttpResponseDecoder& operator=(const HttpResponseDecoder&) = delete;

    // True when the response is complete. Throws Error when the bytes are no HTTP response.
    bool feed(std::string_view bytes);
    ApiResponse take();

  private:
    struct State_;
    std::unique_ptr<State_> state_;
};

}  // namespace tasker::host
