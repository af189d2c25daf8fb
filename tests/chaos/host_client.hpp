#pragma once
// Talks to a host that may die at any moment: HTTP over its unix socket. Not thread-safe.

#include <filesystem>
#include <optional>
#include <string>

namespace tasker::chaos {

struct Answer {
    int status = 0;
    std::string body;
};

class HostClient {
  public:
    explicit HostClient(std::filesystem::path socket) : socket_(std::move(socket)) {}
    ~HostClient();
    HostClient(const HostClient&) = delete;
    HostClient& operator=(const HostClient&) = delete;

    // False when nobody listens.
    bool connect();
    // Nothing when the connection broke before the whole answer came, or after ten seconds.
    std::optional<Answer> request(const std::string& method, const std::string& target,
                                  const std::string& body);
    // Sends the request and leaves its answer unread; the connection is of no use afterwards.
    void send_only(const std::string& method, const std::string& target, const std::string& body);

  private:
    bool send_request(const std::string& method, const std::string& target, const std::string& body);
    void disconnect();

    const std::filesystem::path socket_;
    int fd_ = -1;
};

}  // namespace tasker::chaos
