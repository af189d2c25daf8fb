#pragma once
// A handler that talks to an HTTP service, over libcurl. Not part of sdk.hpp: a plugin that uses it says
// tasker_add_plugin(NAME sources API), which brings libcurl.
//
//   class ChargeCard : public tasker::ApiHandler {
//     public:
//       static constexpr std::string_view handler_name = "payments.charge";
//       using ApiHandler::ApiHandler;  // construct from HandlerSetup: the plugin's section `api` counts
//       tasker::StepHandlerResult call(tasker::StepContext& context) override {
//           auto service = api(context);  // base_url, auth and so on: ApiSettings
//           const auto response = service.post("/charges", {{"amount", context.require_input<int>("amount")}});
//           return response.ok() ? api_success(response) : api_failure(response);
//       }
//   };
//
// or in one line, where a returned response becomes success or failure by its status:
//
//   using Rate = tasker::api_function<"fx.rate", [](tasker::Api& api, const tasker::json& currency) {
//       return api.get("/rates", {{"currency", currency}});
//   }, tasker::inputs<"currency">>;
//
// A request ends at its timeout, at the step's deadline as it was when the request began, and within 50 ms when the
// task is cancelled or the lease is lost. (Draining lets it finish: what a service did for it would be done twice.)
// Without an answer it throws, which the step records unless the handler catches it:
//   ApiConnectionError  connection_error, retried      refused, reset, truncated, TLS, name not found
//   ApiTimeoutError     timeout, retried
//   ApiError            response_too_large, http_error (redirects without end), not retried
//   ValidationError     URL, header, parameter or configuration that cannot be used, not retried
// Certificates are always verified; only http and https are spoken; redirects are followed for GET and HEAD, never
// from https to http, and without credentials to another origin. Messages show no query and no secret.

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "tasker/api_response.hpp"
#include "tasker/detail/api_settings.hpp"
#include "tasker/detail/curl_transfer.hpp"
#include "tasker/detail/deliver.hpp"
#include "tasker/function_handler.hpp"
#include "tasker/step_handler.hpp"

namespace tasker {

class ApiError : public TaskerError {
    using TaskerError::TaskerError;
};
class ApiConnectionError : public ApiError {
  public:
    explicit ApiConnectionError(const std::string& message, json metadata = json::object())
        : ApiError(message, "connection_error", true, "CONNECTION_ERROR", std::move(metadata)) {}
};
class ApiTimeoutError : public ApiError {
  public:
    explicit ApiTimeoutError(const std::string& message, json metadata = json::object())
        : ApiError(message, std::string(to_string(ErrorType::Timeout)), true, "REQUEST_TIMEOUT",
                   std::move(metadata)) {}
};

using ApiHeaders =
    std::vector<std::pair<std::string, std::string>>;  // replace configured ones of the same name

struct ApiBody {
    std::string text, content_type;

    static ApiBody of_json(const json& value) {
        try {
            return {detail::dump(value), "application/json"};
        } catch (const std::invalid_argument& error) {
            throw ValidationError(std::string("the body of the request has no JSON text: ") + error.what(),
                                  "BAD_BODY");
        }
    }
    static ApiBody form(const json& fields) {
        return {detail::form_encoded(fields, "form"), "application/x-www-form-urlencoded"};
    }
    static ApiBody raw(std::string text, std::string content_type = "text/plain; charset=utf-8") {
        return {std::move(text), std::move(content_type)};
    }
};

struct ApiRequest {
    json params = json();  // an object; nulls are left out, an array gives its name several times
    ApiHeaders headers;
    std::optional<ApiBody> body;
    std::optional<std::chrono::milliseconds> timeout;
};

// The service as one step sees it. Valid as long as the step's context; one thread at a time.
class Api {
  public:
    Api(StepContext& context, ApiSettings settings, detail::CurlPool& pool)
        : context_(context), settings_(std::move(settings)), pool_(pool) {}

    ApiResponse get(std::string_view path, const json& params = json(), ApiHeaders headers = {}) {
        return request("GET", path, {params, std::move(headers), {}, {}});
    }
    // A body of null sends none.
    ApiResponse post(std::string_view path, const json& body, ApiHeaders headers = {}) {
        return with_json("POST", path, body, std::move(headers));
    }
    ApiResponse put(std::string_view path, const json& body, ApiHeaders headers = {}) {
        return with_json("PUT", path, body, std::move(headers));
    }
    ApiResponse patch(std::string_view path, const json& body, ApiHeaders headers = {}) {
        return with_json("PATCH", path, body, std::move(headers));
    }
    ApiResponse del(std::string_view path, const json& params = json(), ApiHeaders headers = {}) {
        return request("DELETE", path, {params, std::move(headers), {}, {}});
    }
    ApiResponse post_form(std::string_view path, const json& fields, ApiHeaders headers = {}) {
        return request("POST", path, {json(), std::move(headers), ApiBody::form(fields), {}});
    }
    // `path` is appended to base_url, or is a complete URL: then credentials go with it only to base_url's origin.
    ApiResponse request(std::string_view method, std::string_view path, const ApiRequest& wanted = {});

    const ApiSettings& settings() const noexcept { return settings_; }

  private:
    ApiResponse with_json(std::string_view method, std::string_view path, const json& body,
                          ApiHeaders headers) {
        ApiRequest wanted{json(), std::move(headers), {}, {}};
        if (!body.is_null()) wanted.body = ApiBody::of_json(body);
        return request(method, path, wanted);
    }
    std::string url_of(std::string_view path) const;
    detail::CurlRequest prepare(std::string_view method, const detail::ApiUrl& url, const ApiRequest& wanted,
                                bool configured) const;
    std::chrono::milliseconds time_for(const ApiRequest& wanted, const std::string& what) const;
    ApiResponse send(const detail::CurlRequest& request, const std::string& what);
    [[noreturn]] void fail(const detail::CurlOutcome& outcome, const detail::CurlRequest& request,
                           const std::string& what) const;

    StepContext& context_;
    ApiSettings settings_;
    detail::CurlPool& pool_;
};

inline std::string Api::url_of(std::string_view path) const {
    if (path.starts_with("http://") || path.starts_with("https://")) return std::string(path);
    std::string url = settings_.base_url;
    while (url.ends_with('/')) url.pop_back();
    // The slash keeps a path like "@elsewhere" from becoming part of the host's name.
    if (!path.empty() && path.front() != '/' && path.front() != '?') url += '/';
    return url.append(path);
}

namespace detail {
inline std::string with_query(std::string url, const std::string& query) {
    if (query.empty()) return url;
    const auto fragment = std::min(url.find('#'), url.size());
    url.resize(fragment);
    return url + (url.find('?') == std::string::npos ? '?' : '&') + query;
}
}  // namespace detail

inline detail::CurlRequest Api::prepare(std::string_view method, const detail::ApiUrl& url,
                                        const ApiRequest& wanted, bool configured) const {
    std::map<std::string, std::string> headers;
    if (configured) {
        headers = settings_.headers;
        if (auto auth = detail::auth_header(settings_.auth)) headers[auth->first] = auth->second;
    }
    if (wanted.body && !headers.contains("content-type")) headers["content-type"] = wanted.body->content_type;
    for (const auto& [name, value] : wanted.headers) headers[detail::lower(name)] = value;
    detail::CurlRequest request;
    request.method = method;
    request.url = url.text();
    for (auto& [name, value] : headers) {
        detail::check_header(name, value);
        request.headers.emplace_back(name, std::move(value));
    }
    if (wanted.body) request.body = wanted.body->text;
    request.connect_timeout = settings_.connect_timeout;
    request.max_bytes = settings_.max_response_bytes;
    request.ca_file = settings_.ca_file;
    request.proxy = settings_.proxy;
    return request;
}

// Throws when nothing is left of the step's time.
inline std::chrono::milliseconds Api::time_for(const ApiRequest& wanted, const std::string& what) const {
    const auto most = wanted.timeout.value_or(settings_.timeout);
    const auto left = context_.remaining();
    if (!left || *left >= most) return most;
    if (left->count() > 0) return *left;
    throw ApiTimeoutError(what + ": not sent, the step's time is over");
}

inline ApiResponse Api::request(std::string_view method, std::string_view path, const ApiRequest& wanted) {
    detail::check_header(method, "");
    detail::ApiUrl url(url_of(path));
    const bool ours =
        settings_.base_url.empty() || url.origin() == detail::ApiUrl(settings_.base_url).origin();
    const std::string origin = url.origin();
    std::string query = ours ? detail::form_encoded(settings_.params, "params") : std::string();
    if (const auto own = detail::form_encoded(wanted.params, "params"); !own.empty())
        query += (query.empty() ? "" : "&") + own;
    url.follow(detail::with_query(url.text(), query));
    const bool safe = method == "GET" || method == "HEAD";
    ApiRequest now = wanted;
    for (unsigned hops = 0;; ++hops) {
        const std::string what = std::string(method) + " " + url.shown();
        const bool at_home = url.origin() == origin;
        if (!at_home) now.headers.clear();
        auto request = prepare(method, url, now, ours && at_home);
        request.timeout = time_for(wanted, what);
        ApiResponse response = send(request, what);
        const int status = response.status_code;
        const bool moved = status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
        const auto location = response.header("location");
        if (!moved || !safe || !location || settings_.max_redirects == 0) return response;
        if (hops == settings_.max_redirects) {
            throw ApiError(what + ": more than " + std::to_string(hops) + " redirects", "http_error", false,
                           "TOO_MANY_REDIRECTS", {{"status_code", status}});
        }
        const bool was_secure = url.secure();
        url.follow(*location);
        if (was_secure && !url.secure()) return response;
    }
}

inline ApiResponse Api::send(const detail::CurlRequest& request, const std::string& what) {
    auto session = pool_.take();
    detail::CurlOutcome outcome;
    StopReason reason = StopReason::None;
    {
        detail::CurlTransfer transfer(*session, request);
        outcome = transfer.run([&] {
            reason = context_.stop();
            return reason == StopReason::Cancelled || reason == StopReason::LeaseLost;
        });
    }
    pool_.give_back(std::move(session));
    if (outcome.stopped) throw StopRequested(reason);
    if (outcome.code != CURLE_OK) fail(outcome, request, what);
    outcome.response.secrets = detail::secrets_of(settings_.auth);
    return std::move(outcome.response);
}

inline void Api::fail(const detail::CurlOutcome& outcome, const detail::CurlRequest& request,
                      const std::string& what) const {
    if (outcome.too_large) {
        throw ApiError(what + ": the response is larger than " + std::to_string(request.max_bytes) + " bytes",
                       "response_too_large", false, "RESPONSE_TOO_LARGE",
                       {{"status_code", outcome.response.status_code}});
    }
    if (outcome.code == CURLE_OUT_OF_MEMORY) throw std::bad_alloc();
    const json metadata{{"exception_type", curl_easy_strerror(outcome.code)},
                        {"curl_code", static_cast<int>(outcome.code)}};
    const std::string why = detail::without_secrets(outcome.detail, detail::secrets_of(settings_.auth));
    if (outcome.code == CURLE_OPERATION_TIMEDOUT) {
        const bool by_step = request.timeout < settings_.timeout && context_.remaining();
        throw ApiTimeoutError(what + ": no answer within " + std::to_string(request.timeout.count()) + " ms" +
                                  (by_step ? ", all that the step had left or allowed" : ""),
                              metadata);
    }
    throw ApiConnectionError(what + ": " + why, metadata);
}

// The step's failure for a service that was not reached; for handlers that catch the exceptions above.
inline StepHandlerResult connection_error(const std::exception& error, std::string_view doing = {}) {
    json metadata{{"exception_type", detail::exception_type(error)}};
    if (const auto* ours = dynamic_cast<const TaskerError*>(&error);
        ours != nullptr && ours->metadata().is_object())
        metadata.update(ours->metadata());
    return StepHandlerResult::failure((doing.empty() ? "" : std::string(doing) + ": ") + error.what(),
                                      "connection_error", true, std::move(metadata), "CONNECTION_ERROR");
}
inline StepHandlerResult timeout_error(const std::exception& error, std::string_view doing = {}) {
    return StepHandlerResult::failure((doing.empty() ? "" : std::string(doing) + ": ") + error.what(),
                                      ErrorType::Timeout, true,
                                      {{"exception_type", detail::exception_type(error)}}, "REQUEST_TIMEOUT");
}

class ApiHandler : public StepHandler {
  public:
    static constexpr std::uint64_t capabilities = TASKER_CAP_BLOCKING_IO | TASKER_CAP_CANCELLABLE;

    ApiHandler() = default;
    explicit ApiHandler(ApiSettings settings) : settings_(std::move(settings)) {}
    explicit ApiHandler(const HandlerSetup& setup, ApiSettings settings = {})
        : settings_(std::move(settings)) {
        if (setup.config.is_object() && setup.config.contains("api"))
            detail::apply(settings_, setup.config.at("api"));
    }

  protected:
    // The service with the step's own settings. Connections are shared by all steps of this instance. Throws
    // ValidationError for a setting that cannot be used.
    Api api(StepContext& context) {
        ApiSettings settings = settings_;
        detail::apply(settings, context.step_config());
        return {context, std::move(settings), pool_};
    }

  private:
    ApiSettings settings_;
    detail::CurlPool pool_;
};

namespace detail {

template <class T>
StepHandlerResult api_result(T&& value) {
    if constexpr (std::is_same_v<std::remove_cvref_t<T>, ApiResponse>) {
        return value.ok() ? api_success(value) : api_failure(value);
    } else {
        return to_result(std::forward<T>(value));
    }
}

template <auto Function, class... Values>
StepHandlerResult apply_api_function(StepContext& context, Api& api, const Values&... values) {
    using F = decltype(Function);
    if constexpr (std::is_invocable_v<F, StepContext&, Api&, const Values&...>) {
        return api_result(Function(context, api, values...));
    } else {
        static_assert(
            std::is_invocable_v<F, Api&, const Values&...>,
            "the function of an api_function takes (tasker::StepContext&, tasker::Api&, const "
            "tasker::json&...) or (tasker::Api&, const tasker::json&...), one json per injected value");
        return api_result(Function(api, values...));
    }
}

}  // namespace detail

template <fixed_string Name, auto Function, class... Injected>
class api_function : public ApiHandler {
  public:
    static constexpr std::string_view handler_name = Name.view();
    static constexpr Threading threading = Threading::Reentrant;
    using ApiHandler::ApiHandler;

    StepHandlerResult call(StepContext& context) override {
        Api service = api(context);
        const auto run = [&](const auto&... value) {
            return detail::apply_api_function<Function>(context, service, value...);
        };
        if constexpr (sizeof...(Injected) == 0) {
            return run();
        } else {
            try {
                return std::apply(run, std::tuple_cat(Injected::values(context)...));
            } catch (const json::type_error& error) {
                refuse(context, error);
            } catch (const json::out_of_range& error) {
                refuse(context, error);
            }
        }
    }

  private:
    [[noreturn]] static void refuse(const StepContext& context, const json::exception& error) {
        std::vector<detail::Injection> all;
        const auto add = [&](std::vector<detail::Injection> some) {
            all.insert(all.end(), some.begin(), some.end());
        };
        (add(Injected::describe(context)), ...);
        detail::refuse_injected(error, all);
    }
};

}  // namespace tasker
