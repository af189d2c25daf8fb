#pragma once
// A service manager's end of NOTIFY_SOCKET: collects what a service says of itself. Not thread-safe.

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <vector>

namespace tasker::host::testing {

class NotifySocket {
  public:
    // `name`: a path, or "@..." for an abstract address; "@" alone: one that the kernel chooses.
    explicit NotifySocket(const std::string& name)
        : fd_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
        sockaddr_un place{};
        place.sun_family = AF_UNIX;
        auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path));
        if (name != "@") {
            name.copy(place.sun_path, sizeof place.sun_path - 1);
            size += static_cast<socklen_t>(name.size());
            if (name.front() == '@') place.sun_path[0] = '\0';
        } else {
            size = sizeof place.sun_family;
        }
        if (::bind(fd_, reinterpret_cast<const sockaddr*>(&place), size) != 0)
            throw std::runtime_error("cannot bind " + name);
        size = sizeof place;
        ::getsockname(fd_, reinterpret_cast<sockaddr*>(&place), &size);
        address_ = name;
        if (name == "@")
            address_ += std::string(place.sun_path + 1, size - offsetof(sockaddr_un, sun_path) - 1);
    }
    ~NotifySocket() { ::close(fd_); }
    NotifySocket(const NotifySocket&) = delete;
    NotifySocket& operator=(const NotifySocket&) = delete;

    const std::string& address() const { return address_; }  // for NOTIFY_SOCKET

    // All that has come so far, a datagram an entry.
    const std::vector<std::string>& messages() {
        std::array<char, 4096> chunk{};
        for (;;) {
            const ssize_t got = ::recv(fd_, chunk.data(), chunk.size(), 0);
            if (got < 0) return messages_;
            messages_.emplace_back(chunk.data(), static_cast<std::size_t>(got));
        }
    }
    // How many of them begin with this.
    int count(const std::string& begin) {
        const auto& all = messages();
        return static_cast<int>(
            std::count_if(all.begin(), all.end(), [&](const auto& one) { return one.rfind(begin, 0) == 0; }));
    }
    // Fills the queue so that nobody's datagram fits any more; returns how many it took.
    int clog() const {
        const int sender = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        sockaddr_un place{};
        socklen_t size = sizeof place;
        ::getsockname(fd_, reinterpret_cast<sockaddr*>(&place), &size);
        int sent = 0;
        while (::sendto(sender, "x", 1, MSG_NOSIGNAL, reinterpret_cast<const sockaddr*>(&place), size) == 1)
            ++sent;
        ::close(sender);
        return sent;
    }

  private:
    int fd_;
    std::string address_;
    std::vector<std::string> messages_;
};

}  // namespace tasker::host::testing
