#pragma once
// Where the API is served over TCP. Pure.

#include <cstdint>
#include <string>
#include <string_view>

namespace tasker::host {

struct WebAddress {
    std::string host;        // an IP address: "127.0.0.1", "::1"
    std::uint16_t port = 0;  // 0: any that is free
    bool loopback = true;    // only this machine reaches it
    bool v6 = false;

    std::string str() const;  // "127.0.0.1:8080", "[::1]:8080"
};

// "127.0.0.1:8080", "[::1]:0", "localhost:8080". Throws ConfigError for anything else: names are not looked up.
WebAddress parse_web_address(std::string_view text);

}  // namespace tasker::host
