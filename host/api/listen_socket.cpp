#include "host/api/listen_socket.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "host/api/socket_address.hpp"
#include "host/core/error.hpp"

namespace tasker::host {

namespace {
std::string errno_text() { return std::strerror(errno); }

struct Place {
    sockaddr_storage storage{};
    socklen_t size = 0;
    const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

Place place_of(const WebAddress& address) {
    Place place;
    if (address.v6) {
        auto& six = reinterpret_cast<sockaddr_in6&>(place.storage);
        six.sin6_family = AF_INET6;
        six.sin6_port = htons(address.port);
        inet_pton(AF_INET6, address.host.c_str(), &six.sin6_addr);
        place.size = sizeof six;
    } else {
        auto& four = reinterpret_cast<sockaddr_in&>(place.storage);
        four.sin_family = AF_INET;
        four.sin_port = htons(address.port);
        inet_pton(AF_INET, address.host.c_str(), &four.sin_addr);
        place.size = sizeof four;
    }
    return place;
}

std::uint16_t port_of(int fd) {
    sockaddr_storage bound{};
    socklen_t size = sizeof bound;
    if (::getsockname(fd, reinterpret_cast<sockaddr*>(&bound), &size) != 0) return 0;
    return ntohs(bound.ss_family == AF_INET6 ? reinterpret_cast<const sockaddr_in6&>(bound).sin6_port
                                             : reinterpret_cast<const sockaddr_in&>(bound).sin_port);
}
}  // namespace

int listen_unix(const std::filesystem::path& path) {
    const std::filesystem::path fresh = path.parent_path() / ".api.new";
    const sockaddr_un address = socket_address(fresh);
    socket_address(path);
    const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) throw BootstrapError("the API socket cannot be made: " + errno_text());
    ::unlink(fresh.c_str());
    // The mode before the bind, so that there is no moment in which others could connect.
    const bool ready = ::fchmod(fd, 0600) == 0 &&
                       ::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 &&
                       ::chmod(fresh.c_str(), 0600) == 0 && ::listen(fd, SOMAXCONN) == 0 &&
                       ::rename(fresh.c_str(), path.c_str()) == 0;
    if (!ready) {
        const std::string why = errno_text();
        ::unlink(fresh.c_str());
        ::close(fd);
        throw BootstrapError("the API socket " + path.string() + " cannot be opened: " + why,
                             "check that the state folder exists and is writable");
    }
    return fd;
}

int listen_tcp(WebAddress& address) {
    const int fd = ::socket(address.v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) throw BootstrapError("the API cannot be served on " + address.str() + ": " + errno_text());
    const int on = 1;
    // A host that is started again right away finds its old connections still closing.
    ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    const Place place = place_of(address);
    if (::bind(fd, place.get(), place.size) != 0 || ::listen(fd, SOMAXCONN) != 0) {
        const std::string why = errno_text();
        ::close(fd);
        throw BootstrapError("the API cannot be served on " + address.str() + ": " + why,
                             "choose another TASKER_WEB_BIND_ADDRESS; port 0 takes any free one");
    }
    address.port = port_of(fd);
    return fd;
}

}  // namespace tasker::host
