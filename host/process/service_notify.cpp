#include "host/process/service_notify.hpp"

#include <sys/socket.h>
#include <sys/un.h>

#include <charconv>
#include <cstddef>
#include <optional>
#include <system_error>

#include "host/core/owned_fd.hpp"

namespace tasker::host {

namespace {
struct Address {
    sockaddr_un place{};
    socklen_t size = 0;
};

// Nothing when it is no address of ours.
std::optional<Address> parse_address(std::string_view text) {
    if (text.size() < 2 || (text.front() != '/' && text.front() != '@')) return std::nullopt;
    Address out;
    const bool abstract = text.front() == '@';
    // A path ends with a zero, an abstract name begins with one.
    if (text.size() + (abstract ? 0 : 1) > sizeof out.place.sun_path) return std::nullopt;
    out.place.sun_family = AF_UNIX;
    text.copy(out.place.sun_path, text.size());
    if (abstract) out.place.sun_path[0] = '\0';
    out.size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + text.size() + (abstract ? 0 : 1));
    return out;
}

bool send_to(const Address& address, std::string_view text) {
    const OwnedFd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd) return false;
    const auto* place = reinterpret_cast<const sockaddr*>(&address.place);
    const ssize_t sent = ::sendto(fd.get(), text.data(), text.size(), MSG_NOSIGNAL, place, address.size);
    return sent == static_cast<ssize_t>(text.size());
}

std::optional<std::int64_t> number(const std::string& text) {
    std::int64_t value = 0;
    const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (fault != std::errc{} || end != text.data() + text.size() || value < 0) return std::nullopt;
    return value;
}

std::string variable(const std::map<std::string, std::string>& environment, const std::string& name) {
    const auto found = environment.find(name);
    return found == environment.end() ? std::string{} : found->second;
}
}  // namespace

NotifyTarget notify_target(const std::map<std::string, std::string>& environment, std::int64_t pid) {
    NotifyTarget out;
    const std::string socket = variable(environment, "NOTIFY_SOCKET");
    if (socket.empty()) return out;
    const auto address = parse_address(socket);
    if (!address) {
        out.fault = "NOTIFY_SOCKET: '" + socket +
                    "' is neither a path nor an abstract name (@name) of at most 107 bytes";
        return out;
    }
    out.tell = [address = *address](std::string_view text) { return send_to(address, text); };
    const std::string limit = variable(environment, "WATCHDOG_USEC");
    const std::string whom = variable(environment, "WATCHDOG_PID");
    if (limit.empty() || (!whom.empty() && whom != std::to_string(pid))) return out;
    const auto microseconds = number(limit);
    if (!microseconds || *microseconds == 0) {
        out.fault = "WATCHDOG_USEC: '" + limit + "' is not a number of microseconds";
        return out;
    }
    out.watchdog_ms = *microseconds < 1000 ? 1 : *microseconds / 1000;
    return out;
}

}  // namespace tasker::host
