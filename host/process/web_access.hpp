#pragma once
// Whether the API is served over TCP, and to whom.

#include <optional>
#include <string>

#include "host/api/web_address.hpp"
#include "host/config/config.hpp"

namespace tasker::host {

struct WebAccess {
    std::optional<WebAddress> address;  // nothing: the unix socket only
    std::string token;                  // empty: none is asked for; then the address is a loopback one
};

// Reads the token's file. Throws ConfigError: an address that is none, one that others reach without a token, a token that
// others may read.
WebAccess web_access(const Config& config);

// The token alone, from its file as it is now; empty when there is no such file in the configuration. Throws ConfigError.
std::string web_token(const Config& config);

}  // namespace tasker::host
