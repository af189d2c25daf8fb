#pragma once
// Who may ask, decided from the header alone, before a body is read. Pure.

#include <optional>
#include <string>
#include <string_view>

namespace tasker::host {

// The rules of one listener.
struct HttpRules {
    bool local = true;    // the unix socket, which the kernel keeps for this user and root
    std::string token{};  // asked for from everybody; empty: from nobody. Never on the unix socket.
};

struct HeaderFacts {
    std::string_view target{};
    std::optional<std::string_view> host{}, origin{}, authorization{}, api_key{};
};

struct Admission {
    int status = 0;       // 0: go on; else what it is answered with, and the connection is closed
    bool trusted = true;  // see ApiRequest
};

// Without a token only names of this machine are served: a page in somebody's browser must not reach this API under a
// name of its own (DNS rebinding), nor from a page of another origin. With one, the token decides, and every name is good.
Admission admit(const HttpRules& rules, const HeaderFacts& header);

// Takes the same time for every wrong secret, whatever its length or beginning.
bool same_secret(std::string_view one, std::string_view other);

}  // namespace tasker::host
