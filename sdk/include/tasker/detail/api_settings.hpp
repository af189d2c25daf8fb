#pragma once
// How requests of an API handler are made, and where that is read from.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tasker/detail/api_text.hpp"
#include "tasker/detail/convert.hpp"
#include "tasker/json.hpp"

namespace tasker {

struct ApiAuth {
    enum class Kind : std::uint8_t { None, Bearer, Basic, ApiKey } kind = Kind::None;
    std::string token;               // bearer token or API key
    std::string username, password;  // basic
    std::string header = "X-API-Key";
};

// Later layers win, member by member: the class's own, the section `api` of the plugin's configuration (for a handler
// constructed from HandlerSetup), the step's handler.initialization. Secrets belong into the plugin's configuration,
// which the host never shows; a template is readable for everybody.
struct ApiSettings {
    std::string base_url;                       // what paths are appended to
    std::chrono::milliseconds timeout{30'000};  // of one request, at most the step's time that is left
    std::chrono::milliseconds connect_timeout{10'000};
    std::map<std::string, std::string> headers;              // sent with each request to base_url's origin
    json params = json::object();                            // likewise, in the query
    ApiAuth auth;                                            // likewise
    unsigned max_redirects = 5;                              // of GET and HEAD; 0: a redirect is the answer
    std::size_t max_response_bytes = std::size_t{8} << 20U;  // decompressed
    std::string ca_file;                                     // PEM; empty: the system's
    std::optional<std::string> proxy;                        // empty text: none; nothing: the environment's
};

namespace detail {

inline ApiAuth read_auth(const json& section) {
    if (!section.is_object()) wrong_type({"config", "auth"}, "object", type_name(section));
    ApiAuth auth;
    const auto type = require<std::string>(section, {"config", "type"});
    if (type == "bearer") {
        auth.kind = ApiAuth::Kind::Bearer;
        auth.token = require<std::string>(section, {"config", "token"});
    } else if (type == "basic") {
        auth.kind = ApiAuth::Kind::Basic;
        auth.username = require<std::string>(section, {"config", "username"});
        auth.password = require<std::string>(section, {"config", "password"});
    } else if (type == "api_key") {
        auth.kind = ApiAuth::Kind::ApiKey;
        auth.token = require<std::string>(section, {"config", "token"});
        if (auto header = read<std::string>(section, {"config", "api_key_header"})) auth.header = *header;
    } else if (type != "none") {
        throw ValidationError("auth.type '" + type + "' is unknown; bearer, basic, api_key or none",
                              "BAD_API_CONFIG");
    }
    return auth;
}

inline std::optional<std::chrono::milliseconds> read_time(const json& section, std::string_view key) {
    const auto ms = read<std::int64_t>(section, {"config", key});
    if (!ms) return std::nullopt;
    constexpr std::int64_t kMost = 86'400'000;
    if (*ms < 1 || *ms > kMost)
        throw ValidationError(std::string(key) + " must be 1 to 86400000, found " + std::to_string(*ms),
                              "BAD_API_CONFIG");
    return std::chrono::milliseconds(*ms);
}

// The keys of ApiSettings with `timeout_ms` and `connect_timeout_ms`; other keys are somebody else's. Throws
// ValidationError.
inline void apply(ApiSettings& settings, const json& section) {
    if (!section.is_object()) return;
    if (auto url = read<std::string>(section, {"config", "base_url"})) settings.base_url = *url;
    if (auto ms = read_time(section, "timeout_ms")) settings.timeout = *ms;
    if (auto ms = read_time(section, "connect_timeout_ms")) settings.connect_timeout = *ms;
    if (auto headers = read<std::map<std::string, std::string>>(section, {"config", "headers"})) {
        for (auto& [name, value] : *headers) settings.headers[lower(name)] = value;
    }
    if (presence(section, "params") == Presence::Present) {
        static_cast<void>(form_encoded(section.at("params"), "params"));
        settings.params.update(section.at("params"));
    }
    if (presence(section, "auth") == Presence::Present) settings.auth = read_auth(section.at("auth"));
    if (auto most = read<std::uint32_t>(section, {"config", "max_redirects"})) settings.max_redirects = *most;
    if (auto most = read<std::uint32_t>(section, {"config", "max_response_bytes"}))
        settings.max_response_bytes = *most;
    if (auto file = read<std::string>(section, {"config", "ca_file"})) settings.ca_file = *file;
    if (auto proxy = read<std::string>(section, {"config", "proxy"})) settings.proxy = *proxy;
}

inline std::optional<std::pair<std::string, std::string>> auth_header(const ApiAuth& auth) {
    switch (auth.kind) {
        case ApiAuth::Kind::Bearer:
            return std::pair{std::string("authorization"), "Bearer " + auth.token};
        case ApiAuth::Kind::Basic:
            return std::pair{std::string("authorization"),
                             "Basic " + base64(auth.username + ":" + auth.password)};
        case ApiAuth::Kind::ApiKey:
            return std::pair{lower(auth.header), auth.token};
        case ApiAuth::Kind::None:
            break;
    }
    return std::nullopt;
}

// What must not show up in an error, however the service repeats it.
inline std::vector<std::string> secrets_of(const ApiAuth& auth) {
    std::vector<std::string> secrets{auth.token, auth.password};
    if (auth.kind == ApiAuth::Kind::Basic) secrets.push_back(base64(auth.username + ":" + auth.password));
    return secrets;
}

}  // namespace detail
}  // namespace tasker
