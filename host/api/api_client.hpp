#pragma once
// Asks the API: a host over its socket, or the engine of this process. One request at a time.

#include <filesystem>
#include <string>

#include "host/api/routes.hpp"
#include "host/core/error.hpp"

namespace tasker::host {

// The host does not answer: exit code 8.
class HostUnreachable : public Error {
  public:
    HostUnreachable(const std::string& message, bool maybe_done, const std::string& hint = {})
        : Error(message, hint), maybe_done_(maybe_done) {}
    HostUnreachable(const std::string& message, const char* hint) = delete;  // would be taken for the bool
    // The request was sent, only its answer is missing: it may have been carried out.
    bool maybe_done() const noexcept { return maybe_done_; }

  private:
    bool maybe_done_;
};

class ApiClient {
  public:
    virtual ~ApiClient() = default;
    // Throws HostUnreachable.
    virtual ApiResponse request(const std::string& method, const std::string& target,
                                const std::string& body = {}) = 0;
};

class UnixSocketClient final : public ApiClient {
  public:
    // `timeout_ms` bounds the whole of one request.
    explicit UnixSocketClient(std::filesystem::path socket, int timeout_ms = 60'000)
        : socket_(std::move(socket)), timeout_ms_(timeout_ms) {}
    ApiResponse request(const std::string& method, const std::string& target,
                        const std::string& body) override;

  private:
    std::filesystem::path socket_;
    int timeout_ms_;
};

class LocalClient final : public ApiClient {
  public:
    explicit LocalClient(ApiContext context) : context_(std::move(context)) {}
    ApiResponse request(const std::string& method, const std::string& target,
                        const std::string& body) override {
        return handle({method, target, body}, context_);
    }

  private:
    ApiContext context_;
};

}  // namespace tasker::host
