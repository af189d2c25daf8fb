#pragma once
// One HTTP request, byte by byte as a test wants it, to a host that serves the API over TCP.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>

#include "tests/e2e/cli/sandbox.hpp"
#include "tests/support/told_address.hpp"

namespace tasker::host::e2e {

inline std::string address_of(ChildProcess& worker) {
    const std::string address = testing::told_address(worker, kPatience);
    REQUIRE_MESSAGE(!address.empty(), worker.err());
    return address;
}

// The whole answer to one request.
inline std::string ask(const std::string& address, const std::string& request) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in place{};
    place.sin_family = AF_INET;
    place.sin_port = htons(static_cast<std::uint16_t>(std::stoi(address.substr(address.rfind(':') + 1))));
    place.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(::connect(fd, reinterpret_cast<const sockaddr*>(&place), sizeof place) == 0);
    static_cast<void>(::send(fd, request.data(), request.size(), MSG_NOSIGNAL));
    std::string answer;
    char chunk[4096];
    for (pollfd entry{fd, POLLIN, 0}; ::poll(&entry, 1, static_cast<int>(kPatience.count())) > 0;) {
        const ssize_t got = ::recv(fd, chunk, sizeof chunk, 0);
        if (got <= 0) break;
        answer.append(chunk, static_cast<std::size_t>(got));
    }
    ::close(fd);
    return answer;
}

inline std::string get(const std::string& target, const std::string& headers = {}) {
    return "GET " + target + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n" + headers + "\r\n";
}
inline bool is(const std::string& answer, const std::string& status) {
    return answer.rfind("HTTP/1.1 " + status + " ", 0) == 0;
}

}  // namespace tasker::host::e2e
