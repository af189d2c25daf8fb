#include "host/api/api_client.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <vector>

#include "host/api/http_codec.hpp"
#include "host/api/socket_address.hpp"

namespace tasker::host {

namespace {
// One connection for one request, bounded by a deadline.
class Connection {
  public:
    Connection(const std::filesystem::path& path, int timeout_ms)
        : path_(path.string()),
          deadline_(std::chrono::steady_clock::now() + std::chrono::milliseconds{timeout_ms}) {
        const sockaddr_un address = socket_address(path);
        fd_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd_ < 0) fail(std::strerror(errno));
        while (::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
            if (errno == EINTR) continue;
            // A unix socket with a full backlog answers EAGAIN and cannot be polled for room.
            if (errno != EAGAIN) fail(std::strerror(errno));
            if (left_ms() == 0) fail("it takes no connections");
            ::poll(nullptr, 0, 10);
        }
    }
    ~Connection() {
        if (fd_ >= 0) ::close(fd_);
    }
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    void send(std::string_view bytes) {
        while (!bytes.empty()) {
            wait(POLLOUT);
            const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (sent < 0) {
                if (errno == EINTR || errno == EAGAIN) continue;
                // The server may have answered and closed already (a body it does not want): look at its
                // answer.
                if (errno == EPIPE) return;
                fail(std::strerror(errno));
            }
            sent_ = true;
            bytes.remove_prefix(static_cast<std::size_t>(sent));
        }
    }

    ApiResponse receive() {
        HttpResponseDecoder decoder;
        std::vector<char> chunk(65536);
        for (;;) {
            wait(POLLIN);
            const ssize_t got = ::recv(fd_, chunk.data(), chunk.size(), 0);
            if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
            if (got < 0) fail(std::strerror(errno));
            if (got == 0) fail("it closed the connection without an answer");
            if (decoder.feed({chunk.data(), static_cast<std::size_t>(got)})) return decoder.take();
        }
    }

  private:
    [[noreturn]] void fail(const std::string& why) {
        if (fd_ >= 0) ::close(std::exchange(fd_, -1));
        throw HostUnreachable("the host at " + path_ + " cannot be reached: " + why, sent_);
    }

    int left_ms() const {
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
            deadline_ - std::chrono::steady_clock::now());
        return static_cast<int>(std::max<std::int64_t>(left.count(), 0));
    }

    void wait(short what) {
        pollfd entry{fd_, what, 0};
        for (;;) {
            const int ready = ::poll(&entry, 1, left_ms());
            if (ready > 0) return;
            if (ready < 0 && errno == EINTR) continue;
            fail(ready == 0 ? "it did not answer in time" : std::strerror(errno));
        }
    }

    std::string path_;
    std::chrono::steady_clock::time_point deadline_;
    int fd_ = -1;
    bool sent_ = false;
};
}  // namespace

ApiResponse UnixSocketClient::request(const std::string& method, const std::string& target,
                                      const std::string& body) {
    Connection connection(socket_, timeout_ms_);
    connection.send(encode_request(method, target, body));
    return connection.receive();
}

}  // namespace tasker::host
