#pragma once
// A raw connection to the worker of a sandbox.

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string>

#include "tests/bad_input/sandbox.hpp"

namespace tasker::host::bad_input {

// -1 when it cannot be reached.
inline int connect_to(const std::string& path) {
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) return -1;
    std::copy(path.begin(), path.end(), address.sun_path);
    if (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return fd;
    close(fd);
    return -1;
}

class Connection {
  public:
    explicit Connection(const Sandbox& sandbox) : fd_(connect_to(sandbox.path("state/api.sock").string())) {
        REQUIRE(fd_.get() >= 0);
        const timeval limit{15, 0};
        setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
        setsockopt(fd_.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    }
    // The peer may close before all of it is out.
    void send(const std::string& bytes) const {
        std::size_t at = 0;
        while (at < bytes.size()) {
            const ssize_t sent = ::send(fd_.get(), bytes.data() + at, bytes.size() - at, MSG_NOSIGNAL);
            if (sent <= 0) return;
            at += static_cast<std::size_t>(sent);
        }
    }
    void finish() const { shutdown(fd_.get(), SHUT_WR); }
    // Everything until the peer closes.
    std::string read_all() const {
        std::string all;
        std::array<char, 8192> buffer;
        for (;;) {
            const ssize_t got = recv(fd_.get(), buffer.data(), buffer.size(), 0);
            if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return all + "<still open>";
            if (got <= 0) return all;
            all.append(buffer.data(), static_cast<std::size_t>(got));
        }
    }

  private:
    testing::OwnedFd fd_;
};

inline std::string get(const std::string& target, const std::string& headers = {}) {
    return "GET " + target + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n" + headers + "\r\n";
}

// The whole answer, header and body.
inline std::string http_get(const Sandbox& sandbox, const std::string& target) {
    const Connection connection(sandbox);
    connection.send(get(target));
    return connection.read_all();
}

}  // namespace tasker::host::bad_input
