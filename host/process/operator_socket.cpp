#include "host/process/operator_socket.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>

#include "host/api/api_client.hpp"
#include "host/api/socket_address.hpp"
#include "host/core/error.hpp"

namespace tasker::host {

namespace {
constexpr std::size_t kMaxLine = 16 * 1024, kMaxCallers = 32;

[[noreturn]] void refuse(const std::filesystem::path& path, const char* what) {
    throw BootstrapError("the supervisor cannot listen on " + path.string() + ": " + what + ": " +
                         std::strerror(errno));
}
}  // namespace

OperatorSocket::OperatorSocket(std::filesystem::path path, Ask ask)
    : path_(std::move(path)),
      ask_(std::move(ask)),
      listener_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
    if (!listener_) refuse(path_, "socket");
    const sockaddr_un address = socket_address(path_);
    ::unlink(path_.c_str());
    const mode_t before = ::umask(0177);
    const int bound = ::bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
    ::umask(before);
    if (bound != 0) refuse(path_, "bind");
    if (::listen(listener_.get(), 16) != 0) refuse(path_, "listen");
}

OperatorSocket::~OperatorSocket() { ::unlink(path_.c_str()); }

void OperatorSocket::wait_for(std::vector<pollfd>& on) const {
    on.push_back({listener_.get(), POLLIN, 0});
    for (const Caller& caller : callers_)
        on.push_back({caller.fd.get(), static_cast<short>(caller.out.empty() ? POLLIN : POLLOUT), 0});
}

void OperatorSocket::turn() {
    accept_callers();
    for (Caller& caller : callers_) {
        if (!caller.gone) read(caller);
        if (!caller.gone && !caller.out.empty()) write(caller);
    }
    callers_.remove_if([](const Caller& caller) { return caller.gone; });
}

void OperatorSocket::accept_callers() {
    while (true) {
        OwnedFd fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
        if (!fd) return;
        // Whoever waits longest without having asked makes room; else the new one goes.
        if (callers_.size() >= kMaxCallers) {
            const auto idle = std::ranges::find_if(callers_, [](const Caller& one) { return !one.asked; });
            if (idle == callers_.end()) continue;
            callers_.erase(idle);
        }
        Caller caller;
        caller.fd = std::move(fd);
        caller.call = ++last_call_;
        callers_.push_back(std::move(caller));
    }
}

void OperatorSocket::read(Caller& caller) {
    std::array<char, 4096> bytes;
    while (true) {
        const auto got = ::recv(caller.fd.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) break;
        if (got <= 0) {
            caller.gone = true;
            return;
        }
        caller.in.append(bytes.data(), static_cast<std::size_t>(got));
        if (caller.asked || caller.in.size() > kMaxLine) {
            caller.gone = true;
            return;
        }
        const auto end = caller.in.find('\n');
        if (end == std::string::npos) continue;
        caller.asked = true;
        ask_(caller.call, caller.in.substr(0, end));
    }
}

void OperatorSocket::write(Caller& caller) {
    while (!caller.out.empty()) {
        const auto sent =
            ::send(caller.fd.get(), caller.out.data(), caller.out.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && errno == EINTR) continue;
        if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
        if (sent <= 0) break;
        caller.out.erase(0, static_cast<std::size_t>(sent));
    }
    caller.gone = true;
}

void OperatorSocket::answer(std::uint64_t call, const std::string& line) {
    for (Caller& caller : callers_) {
        if (caller.call == call && caller.out.empty()) caller.out = line + "\n";
    }
}

std::string ask_supervisor(const std::filesystem::path& path, const std::string& line, int timeout_ms) {
    const auto unreachable = [&](const std::string& why) -> HostUnreachable {
        return HostUnreachable(
            "no supervisor answers on " + path.string() + ": " + why, false,
            "`tasker-host run` starts one, a lone `worker` has none; --state-dir says whose");
    };
    const OwnedFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const sockaddr_un address = socket_address(path);
    if (!fd || ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        throw unreachable(std::strerror(errno));
    const std::string asked = line + "\n";
    if (::send(fd.get(), asked.data(), asked.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(asked.size()))
        throw unreachable("it does not take the question");
    const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds{timeout_ms};
    std::string answer;
    while (true) {
        int left = -1;
        if (timeout_ms >= 0) {
            left = static_cast<int>(std::chrono::duration_cast<std::chrono::milliseconds>(
                                        until - std::chrono::steady_clock::now())
                                        .count());
            if (left <= 0) throw unreachable("no answer in time");
        }
        pollfd readable{fd.get(), POLLIN, 0};
        if (::poll(&readable, 1, left) <= 0) continue;
        std::array<char, 4096> bytes;
        const auto got = ::recv(fd.get(), bytes.data(), bytes.size(), 0);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) break;
        answer.append(bytes.data(), static_cast<std::size_t>(got));
        if (answer.ends_with('\n')) return answer.substr(0, answer.size() - 1);
    }
    throw unreachable("it went away");
}

}  // namespace tasker::host
