#include "host/supervisor/control_channel.hpp"

#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string>

#include "host/core/error.hpp"

namespace tasker::host {

ControlChannel::ControlChannel(OwnedFd fd, std::uint64_t nonce)
    : fd_(std::move(fd)), nonce_(nonce), file_(identity_of(fd_.get())) {}

bool ControlChannel::lost() const { return identity_of(fd_.get()) != file_; }

std::pair<OwnedFd, OwnedFd> ControlChannel::make_pair() {
    int ends[2] = {-1, -1};
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0)
        throw Error(std::string("no socket pair for a child process: ") + std::strerror(errno));
    return {OwnedFd(ends[0]), OwnedFd(ends[1])};
}

bool ControlChannel::send(ControlMessage message) const {
    if (lost()) return false;
    message.nonce = nonce_;
    const std::string bytes = to_bytes(message);
    while (true) {
        const auto sent = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent >= 0) return true;
        if (errno != EINTR) return false;
    }
}

std::optional<ControlMessage> ControlChannel::receive() {
    std::array<char, kMaxControlBytes> bytes;
    while (!closed_) {
        if (lost()) {
            closed_ = true;
            return std::nullopt;
        }
        const auto got = ::recv(fd_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return std::nullopt;
        if (got <= 0) {
            closed_ = true;
            return std::nullopt;
        }
        auto message = control_message({bytes.data(), static_cast<std::size_t>(got)});
        if (message && message->nonce == nonce_) return message;
    }
    return std::nullopt;
}

}  // namespace tasker::host
