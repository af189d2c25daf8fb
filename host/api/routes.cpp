#include "host/api/routes.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>

#include "host/api/route_table.hpp"
#include "host/core/error.hpp"

namespace tasker::host {

namespace {
constexpr std::size_t kMiB = std::size_t{1} << 20U;
constexpr std::size_t kSingleBody = kMiB + 65536;
constexpr std::size_t kBatchBody = 16 * kMiB;
constexpr std::string_view kBatch = "/v1/tasks/batch";

// Each family of routes in a file of its own.
constexpr std::array kTables{task_routes,        step_routes, template_routes,  health_routes, store_routes,
                             step_action_routes, dlq_routes,  analytics_routes, event_routes};

std::string_view path_of(std::string_view target) { return target.substr(0, target.find('?')); }

std::optional<std::vector<std::string>> match(const Route& route, const std::vector<std::string>& path) {
    const auto end = std::find(route.pattern.begin(), route.pattern.end(), std::string_view{});
    if (path.size() != static_cast<std::size_t>(end - route.pattern.begin())) return std::nullopt;
    std::vector<std::string> arguments;
    for (std::size_t i = 0; i < path.size(); ++i) {
        if (route.pattern[i] == "{}") {
            arguments.push_back(path[i]);
        } else if (route.pattern[i] != path[i]) {
            return std::nullopt;
        }
    }
    return arguments;
}

// JSON by its media type, and JSON lines where they are taken.
bool json_body(const ApiRequest& request) {
    std::string type = request.content_type.substr(0, request.content_type.find(';'));
    while (!type.empty() && type.back() == ' ') type.pop_back();
    std::transform(type.begin(), type.end(), type.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    if (type == "application/json" || (type.starts_with("application/") && type.ends_with("+json")))
        return true;
    const bool lines = type == "application/x-ndjson" || type == "application/jsonl";
    return lines && path_of(request.target) == kBatch;
}

// What must not be asked at all, wherever it leads.
std::optional<ApiResponse> forbidden(const ApiRequest& request, const Target& target) {
    if (!request.trusted && !open_to_all(request.target)) {
        ApiResponse answer = refuse(401, "UNAUTHORIZED", "Authentication required");
        answer.headers = "WWW-Authenticate: Bearer\r\n";
        return answer;
    }
    // These name files of this machine, and write them.
    const auto& path = target.path;
    if (!request.local && path.size() > 1 && path[0] == "v1" && path[1] == "store") {
        return refuse(403, "FORBIDDEN", "the store is served on the unix socket only",
                      "use tasker-host store on the host's machine");
    }
    if (request.body.size() > body_limit(request.target, request.local)) {
        return refuse(413, "PAYLOAD_TOO_LARGE",
                      "the body is larger than " + std::to_string(body_limit(request.target, request.local)) +
                          " bytes");
    }
    if (!request.body.empty() && !json_body(request)) {
        return refuse(415, "UNSUPPORTED_MEDIA_TYPE", "the body must be JSON",
                      "send the header Content-Type: application/json");
    }
    return std::nullopt;
}

ApiResponse dispatch(const ApiRequest& request, const ApiContext& context) {
    auto target = parse_target(request.target);
    if (!target) return bad_request("the request target is not a path of this API");
    if (auto refused = forbidden(request, *target)) return std::move(*refused);
    const std::string_view method = request.method == "HEAD" ? std::string_view{"GET"} : request.method;
    std::string allowed;
    for (const auto table : kTables) {
        for (const Route& route : table()) {
            auto arguments = match(route, target->path);
            if (!arguments) continue;
            if (route.method == method)
                return route.handler(Call{request, context, std::move(*target), std::move(*arguments)});
            allowed += (allowed.empty() ? "" : ", ") + std::string{route.method};
            if (route.method == "GET") allowed += ", HEAD";
        }
    }
    if (allowed.empty()) return not_found("there is no such resource");
    ApiResponse answer = refuse(405, "METHOD_NOT_ALLOWED", "the method is not allowed here");
    answer.headers = "Allow: " + allowed + "\r\n";
    return answer;
}
}  // namespace

ApiResponse handle(const ApiRequest& request, const ApiContext& context) {
    try {
        return dispatch(request, context);
    } catch (const StoreUnavailable& fault) {
        return refuse(503, "SERVICE_UNAVAILABLE", fault.what(), fault.hint());
    } catch (const Error& fault) {
        return refuse(409, "CONFLICT", fault.what(), fault.hint());
    } catch (const std::exception& fault) {
        return refuse(500, "INTERNAL_ERROR", fault.what());
    }
}

std::size_t body_limit(std::string_view target, bool local) {
    return local && path_of(target) == kBatch ? kBatchBody : kSingleBody;
}

bool answers_at_once(std::string_view target) { return open_to_all(target); }

bool open_to_all(std::string_view target) {
    const std::string_view path = path_of(target);
    return path == "/health" || path == "/health/live" || path == "/health/ready";
}

}  // namespace tasker::host
