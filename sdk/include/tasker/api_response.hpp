#pragma once
// What an HTTP service answered, and what its status says about trying again. Needs no HTTP library: a test makes one
// as it likes.
//
//   status                     error_type of the failure    retried
//   2xx                        (success)
//   400 401 403 404 405        bad_request, unauthorized, forbidden, not_found, method_not_allowed      no
//   408                        request_timeout              yes
//   409 410 422                conflict, gone, unprocessable_entity                                     no
//   429                        rate_limited                 yes
//   other 4xx                  client_error                 no
//   500 502 503 504            internal_server_error, bad_gateway, service_unavailable, gateway_timeout yes
//   other 5xx (501, 505 ...)   server_error                 no
//   anything else              http_error                   no

#include <array>
#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tasker/detail/api_text.hpp"
#include "tasker/detail/json_text.hpp"
#include "tasker/json.hpp"
#include "tasker/step_result.hpp"

namespace tasker {

struct StatusClass {
    std::string_view error_type;  // empty: success
    bool retryable = false;
    friend constexpr bool operator==(const StatusClass&, const StatusClass&) = default;
};

constexpr StatusClass classify_status(int status) noexcept {
    switch (status) {
        case 400:
            return {"bad_request", false};
        case 401:
            return {"unauthorized", false};
        case 403:
            return {"forbidden", false};
        case 404:
            return {"not_found", false};
        case 405:
            return {"method_not_allowed", false};
        case 408:
            return {"request_timeout", true};
        case 409:
            return {"conflict", false};
        case 410:
            return {"gone", false};
        case 422:
            return {"unprocessable_entity", false};
        case 429:
            return {"rate_limited", true};
        case 500:
            return {"internal_server_error", true};
        case 502:
            return {"bad_gateway", true};
        case 503:
            return {"service_unavailable", true};
        case 504:
            return {"gateway_timeout", true};
        default:
            break;
    }
    if (status >= 200 && status <= 299) return {};
    if (status >= 400 && status <= 499) return {"client_error", false};
    if (status >= 500 && status <= 599) return {"server_error", false};
    return {"http_error", false};
}

struct ApiResponse {
    int status_code = 0;
    std::string reason;                          // of the status line; empty over HTTP/2
    std::map<std::string, std::string> headers;  // lower-case names; several of one name are joined by ", "
    std::string raw_body;                        // as it came, decompressed
    json body;                         // parsed for a JSON content type; otherwise the text; null when empty
    std::vector<std::string> secrets;  // hidden in what a failure repeats of the response

    bool ok() const noexcept { return status_code >= 200 && status_code <= 299; }
    bool is_client_error() const noexcept { return status_code >= 400 && status_code <= 499; }
    bool is_server_error() const noexcept { return status_code >= 500 && status_code <= 599; }
    bool is_retryable() const noexcept { return classify_status(status_code).retryable; }

    // The header of that name, in any case.
    std::optional<std::string> header(std::string_view name) const {
        const auto found = headers.find(detail::lower(name));
        if (found == headers.end()) return std::nullopt;
        return found->second;
    }
    // What Retry-After asks for: whole seconds or an HTTP date. nullopt: no such header. A text that is neither: 60 s.
    std::optional<std::chrono::seconds> retry_after(
        std::chrono::system_clock::time_point now = std::chrono::system_clock::now()) const {
        const auto text = header("retry-after");
        if (!text) return std::nullopt;
        return detail::parse_retry_after(*text, now);
    }
    json to_json() const { return {{"status_code", status_code}, {"headers", headers}, {"body", body}}; }

    // Fills `body` from `raw_body` by the content type. Malformed JSON stays text.
    void read_body() {
        body = json();
        if (raw_body.empty()) return;
        if (detail::is_json_type(header("content-type").value_or(""))) {
            body = json::parse(raw_body, nullptr, false);
            if (!body.is_discarded()) return;
        }
        body = raw_body;
    }
};

namespace detail {

inline std::string_view standard_reason(int status) {
    constexpr std::array<std::pair<int, std::string_view>, 23> kReasons{{
        {301, "Moved Permanently"},
        {302, "Found"},
        {304, "Not Modified"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {402, "Payment Required"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {406, "Not Acceptable"},
        {408, "Request Timeout"},
        {409, "Conflict"},
        {410, "Gone"},
        {412, "Precondition Failed"},
        {413, "Content Too Large"},
        {415, "Unsupported Media Type"},
        {422, "Unprocessable Entity"},
        {429, "Too Many Requests"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {502, "Bad Gateway"},
        {503, "Service Unavailable"},
        {504, "Gateway Timeout"},
    }};
    for (const auto& [code, text] : kReasons) {
        if (code == status) return text;
    }
    return {};
}

// What the service says went wrong: the first of five keys that is a text or has one under `message`.
inline std::string error_text(const ApiResponse& response) {
    constexpr std::size_t kMost = 1024;
    if (response.body.is_object()) {
        for (const char* key : {"error", "message", "detail", "error_message", "msg"}) {
            const auto found = response.body.find(key);
            if (found == response.body.end()) continue;
            const json* text = &*found;
            if (text->is_object() && text->contains("message")) text = &text->at("message");
            if (text->is_string() && !text->get_ref<const std::string&>().empty())
                return text->get<std::string>().substr(0, kMost);
        }
    }
    if (!response.reason.empty()) return response.reason.substr(0, kMost);
    return std::string(standard_reason(response.status_code));
}

// Headers that are as good as a password are not kept with a result.
inline json shown_headers(const ApiResponse& response) {
    json shown = json::object();
    for (const auto& [name, value] : response.headers) {
        const bool secret = name == "set-cookie" || name == "set-cookie2" || name == "authentication-info";
        shown[name] = secret ? "[redacted]" : without_secrets(value, response.secrets);
    }
    return shown;
}

// At most 16 KiB of the body, without secrets.
inline void add_shown_body(json& metadata, const ApiResponse& response) {
    constexpr std::size_t kMost = std::size_t{16} << 10U;
    if (response.raw_body.empty()) return;
    std::string text = without_secrets(response.raw_body, response.secrets);
    const bool whole = text.size() <= kMost;
    if (!whole) {
        text.resize(kMost);
        metadata["response_body_truncated"] = true;
    }
    json parsed = whole && !response.body.is_string() ? json::parse(text, nullptr, false)
                                                      : json(json::value_t::discarded);
    metadata["response_body"] = parsed.is_discarded() ? json(std::move(text)) : std::move(parsed);
}

}  // namespace detail

// The step's success: `result` when given, else the body when it is an object, else {"data": body}. The metadata has
// status_code and headers unless told otherwise.
inline StepHandlerResult api_success(const ApiResponse& response, std::optional<json> result = std::nullopt,
                                     bool include_response = true) {
    json value = result ? *std::move(result)
                        : (response.body.is_object() ? response.body : json{{"data", response.body}});
    json metadata = json::object();
    if (include_response) {
        metadata = {{"status_code", response.status_code}, {"headers", detail::shown_headers(response)}};
    }
    return StepHandlerResult::success(std::move(value), std::move(metadata));
}

// The step's failure, classified by the status. Message: "HTTP 404: " and what the body says, or `message`. A
// Retry-After of the response decides when a retryable one is tried again.
inline StepHandlerResult api_failure(const ApiResponse& response, std::string message = {}) {
    const StatusClass what = classify_status(response.status_code);
    if (message.empty()) {
        const std::string text = detail::error_text(response);
        message = "HTTP " + std::to_string(response.status_code) + (text.empty() ? "" : ": " + text);
    }
    json metadata{{"status_code", response.status_code}, {"headers", detail::shown_headers(response)}};
    const auto wait = response.retry_after();
    if (wait) metadata["retry_after_seconds"] = wait->count();
    detail::add_shown_body(metadata, response);
    const std::string_view type = what.error_type.empty() ? "http_error" : what.error_type;
    auto failure = StepHandlerResult::failure(detail::without_secrets(std::move(message), response.secrets),
                                              std::string(type), what.retryable, std::move(metadata),
                                              "HTTP_" + std::to_string(response.status_code));
    return wait && what.retryable ? failure.with_retry_after(*wait) : failure;
}

}  // namespace tasker
