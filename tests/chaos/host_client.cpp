#include "tests/chaos/host_client.hpp"

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstring>
#include <stdexcept>

namespace tasker::chaos {

namespace {

// The length of the body that the header promises; nothing while the header is incomplete.
std::optional<std::size_t> whole_size(const std::string& received) {
    const auto end = received.find("\r\n\r\n");
    if (end == std::string::npos) return std::nullopt;
    std::string header = received.substr(0, end);
    std::transform(header.begin(), header.end(), header.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    const auto at = header.find("content-length:");
    if (at == std::string::npos) return end + 4;
    return end + 4 + std::stoul(header.substr(at + std::strlen("content-length:")));
}

}  // namespace

HostClient::~HostClient() { disconnect(); }

void HostClient::disconnect() {
    if (fd_ >= 0) close(fd_);
    fd_ = -1;
}

bool HostClient::connect() {
    disconnect();
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string path = socket_.string();
    if (path.size() >= sizeof address.sun_path)
        throw std::runtime_error("the socket's path is too long: " + path);
    std::copy(path.begin(), path.end(), address.sun_path);
    fd_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const timeval limit{10, 0};
    setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    if (::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return true;
    disconnect();
    return false;
}

bool HostClient::send_request(const std::string& method, const std::string& target, const std::string& body) {
    if (fd_ < 0) return false;
    const std::string request =
        method + ' ' + target +
        " HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: " +
        std::to_string(body.size()) + "\r\n\r\n" + body;
    if (send(fd_, request.data(), request.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(request.size()))
        return true;
    disconnect();
    return false;
}

void HostClient::send_only(const std::string& method, const std::string& target, const std::string& body) {
    static_cast<void>(send_request(method, target, body));
}

std::optional<Answer> HostClient::request(const std::string& method, const std::string& target,
                                          const std::string& body) {
    if (!send_request(method, target, body)) return std::nullopt;
    std::string received;
    for (;;) {
        const auto size = whole_size(received);
        if (size && received.size() >= *size) break;
        std::array<char, 16384> buffer;
        const ssize_t got = recv(fd_, buffer.data(), buffer.size(), 0);
        if (got <= 0) {
            disconnect();
            return std::nullopt;
        }
        received.append(buffer.data(), static_cast<std::size_t>(got));
    }
    Answer answer;
    const auto space = received.find(' ');
    if (space != std::string::npos) answer.status = std::stoi(received.substr(space + 1, 3));
    answer.body = received.substr(received.find("\r\n\r\n") + 4);
    return answer;
}

}  // namespace tasker::chaos
