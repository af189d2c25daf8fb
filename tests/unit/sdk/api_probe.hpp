#pragma once
// An API handler whose body a test writes, against a local service.

#include <functional>
#include <string>
#include <tasker/api_handler.hpp>
#include <tasker/sdk.hpp>
#include <tasker/testing.hpp>
#include <utility>

#include "tests/support/http_server.hpp"

namespace tasker::testing {

using host::testing::HttpServer;
using host::testing::json_reply;
using host::testing::Reply;
using host::testing::reply;
using host::testing::SeenRequest;

struct ApiProbe : ApiHandler {
    static constexpr std::string_view handler_name = "test.api";
    using ApiHandler::ApiHandler;
    static inline std::function<StepHandlerResult(StepContext&, Api&)> body;

    StepHandlerResult call(StepContext& context) override {
        Api service = api(context);
        return body(context, service);
    }
};

// A step of the probe with this service as its base_url. Whatever proxy the environment names is not used.
inline StepTest api_step(const HttpServer& server, std::function<StepHandlerResult(StepContext&, Api&)> body,
                         json config = json::object()) {
    ApiProbe::body = std::move(body);
    config["base_url"] = server.url();
    config["proxy"] = "";
    auto step = StepTest::of<ApiProbe>();
    step.config(config);
    return step;
}

// GET of the path, its answer turned into the step's outcome.
inline auto get_of(std::string path) {
    return [path = std::move(path)](StepContext&, Api& api) {
        const auto response = api.get(path);
        return response.ok() ? api_success(response) : api_failure(response);
    };
}

}  // namespace tasker::testing
