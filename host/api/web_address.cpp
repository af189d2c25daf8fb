#include "host/api/web_address.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <charconv>
#include <system_error>

#include "host/core/error.hpp"

namespace tasker::host {

namespace {
[[noreturn]] void refuse_address(std::string_view text, const std::string& why) {
    throw ConfigError(
        "TASKER_WEB_BIND_ADDRESS (host.web_bind_address): '" + std::string(text) + "': " + why,
        "write an IP address and a port, like 127.0.0.1:8080 or [::1]:8080; port 0 takes any free one");
}
}  // namespace

std::string WebAddress::str() const { return (v6 ? "[" + host + "]" : host) + ":" + std::to_string(port); }

WebAddress parse_web_address(std::string_view text) {
    const std::size_t colon = text.rfind(':');
    if (colon == std::string_view::npos) refuse_address(text, "the port is missing");
    std::string_view host = text.substr(0, colon);
    const std::string_view port = text.substr(colon + 1);
    WebAddress out;
    const auto [end, fault] = std::from_chars(port.data(), port.data() + port.size(), out.port);
    if (fault != std::errc{} || end != port.data() + port.size() || port.empty())
        refuse_address(text, "the port must be a number from 0 to 65535");
    const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
    if (bracketed) host = host.substr(1, host.size() - 2);
    if (host == "localhost") host = "127.0.0.1";
    out.host = host;
    in_addr four{};
    in6_addr six{};
    if (!bracketed && inet_pton(AF_INET, out.host.c_str(), &four) == 1) {
        out.loopback = (ntohl(four.s_addr) >> 24U) == 127;
        return out;
    }
    if (bracketed && inet_pton(AF_INET6, out.host.c_str(), &six) == 1) {
        out.v6 = true;
        out.loopback = IN6_IS_ADDR_LOOPBACK(&six) != 0;
        return out;
    }
    refuse_address(text, "'" + std::string(host) + "' is not an IP address, and names are not looked up");
}

}  // namespace tasker::host
