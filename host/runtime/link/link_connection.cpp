#include "host/runtime/link/link_connection.hpp"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace tasker::host {

namespace {
constexpr std::size_t kReadBytes = std::size_t{128} << 10U;
constexpr int kSocketBytes = 1 << 20;

sockaddr_un address_of(const std::filesystem::path& path) {
    sockaddr_un address{};
    const std::string& text = path.native();
    if (text.size() >= sizeof address.sun_path) {
        throw ConfigError("the engine socket's path is " + std::to_string(text.size()) +
                              " bytes long, 107 are allowed: " + text,
                          "choose a shorter state folder");
    }
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, text.c_str(), text.size() + 1);
    return address;
}

OwnedFd fresh_socket() { return OwnedFd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)); }
}  // namespace

void check_link_path(const std::filesystem::path& path) { static_cast<void>(address_of(path)); }

std::optional<OwnedFd> connect_link(const std::filesystem::path& path, std::string& why) {
    const sockaddr_un address = address_of(path);
    OwnedFd socket = fresh_socket();
    if (!socket ||
        ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
        why = "no engine answers at " + path.string() + ": " + std::strerror(errno);
        return std::nullopt;
    }
    // A batch of frames in one write; without, it only takes more of them.
    ::setsockopt(socket.get(), SOL_SOCKET, SO_SNDBUF, &kSocketBytes, sizeof kSocketBytes);
    return socket;
}

OwnedFd listen_link(const std::filesystem::path& path) {
    const std::filesystem::path fresh = path.native() + ".n";
    const sockaddr_un address = address_of(fresh);
    OwnedFd socket = fresh_socket();
    ::unlink(fresh.c_str());
    // The mode before the bind, so that there is no moment in which others could connect.
    const bool ready =
        socket && ::fchmod(socket.get(), 0600) == 0 &&
        ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 &&
        ::chmod(fresh.c_str(), 0600) == 0 && ::listen(socket.get(), SOMAXCONN) == 0 &&
        ::rename(fresh.c_str(), path.c_str()) == 0;
    if (ready) return socket;
    const std::string why = std::strerror(errno);
    ::unlink(fresh.c_str());
    throw BootstrapError("the engine socket " + path.string() + " cannot be opened: " + why,
                         "check that its folder exists and is writable");
}

bool LinkConnection::receive(std::size_t limit) {
    std::size_t got = 0;
    while (got < limit) {
        char* const room = reader_.room(kReadBytes);
        const ssize_t count = ::recv(socket_.get(), room, kReadBytes, MSG_DONTWAIT);
        if (count > 0) {
            reader_.commit(static_cast<std::size_t>(count));
            got += static_cast<std::size_t>(count);
            // Less than there was room for: that was all.
            if (static_cast<std::size_t>(count) < kReadBytes) return true;
            continue;
        }
        if (count < 0 && errno == EINTR) continue;
        return count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
    }
    return true;
}

bool LinkConnection::flush() {
    while (sent_ < out_.size()) {
        const ssize_t count =
            ::send(socket_.get(), out_.data() + sent_, out_.size() - sent_, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            if (sent_ >= kMaxFrame) {
                out_.erase(0, sent_);
                sent_ = 0;
            }
            return true;
        }
        if (count < 0) return false;
        sent_ += static_cast<std::size_t>(count);
    }
    sent_ = 0;
    if (out_.capacity() > 4 * kMaxFrame) out_ = std::string();
    out_.clear();
    return true;
}

}  // namespace tasker::host
