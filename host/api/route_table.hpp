#pragma once
// How a family of routes is written down: what a handler is given, the answers that all of them give, and the table that
// routes.cpp searches. A family lives in its own *_routes.cpp and shows one function that returns its table.

#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "host/api/documents.hpp"
#include "host/api/routes.hpp"
#include "host/api/url_query.hpp"
#include "host/core/uuid.hpp"
#include "host/model/task_request.hpp"

namespace tasker::host {

struct Call {
    const ApiRequest& request;
    const ApiContext& context;
    Target target;
    std::vector<std::string> arguments{};  // what stood at the {} of the pattern, decoded

    // A parameter of the query; empty when it is not there.
    std::string query(const std::string& key) const;
};

struct Route {
    std::string_view method;
    std::array<std::string_view, 7> pattern;  // "{}" matches any one segment; empty: the path ends before
    ApiResponse (*handler)(const Call&);
};
// A fixed segment is found before a {}: put the fixed ones first.
using RouteTable = std::span<const Route>;

RouteTable task_routes();
RouteTable step_routes();
RouteTable template_routes();
RouteTable health_routes();
RouteTable store_routes();
RouteTable step_action_routes();
RouteTable dlq_routes();
RouteTable analytics_routes();
RouteTable event_routes();

// Answers with an error document.
ApiResponse refuse(int status, std::string_view code, std::string_view message, std::string_view hint = {});
ApiResponse refuse(const Refused& refused);
ApiResponse bad_request(std::string_view message, std::string_view hint = {});
ApiResponse not_found(std::string_view message);
ApiResponse no_task(const Uuid& uuid);

// The argument as a UUID; nothing when it is none, which `bad_uuid` says.
std::optional<Uuid> uuid_argument(const Call& call, std::size_t index);
ApiResponse bad_uuid(const std::string& text);

// What ?include= asks for.
StepExtras extras_of(const Call& call);

// A number of the query within its range, `absent` when it is not there, nothing when it is wrong.
std::optional<int> number(const std::string& text, int absent, int low, int high);

// Calls `then(task, step)` with the task and the step that the first two arguments name, else says which of them is wrong.
template <class Then>
ApiResponse with_step(const Call& call, Then&& then) {
    const auto task_uuid = uuid_argument(call, 0);
    if (!task_uuid) return bad_uuid(call.arguments[0]);
    const auto step_uuid = uuid_argument(call, 1);
    if (!step_uuid) return bad_uuid(call.arguments[1]);
    const auto task = call.context.engine.tasks().get(*task_uuid);
    if (!task) return no_task(*task_uuid);
    for (const StepView& step : task->steps) {
        if (step.step_uuid == *step_uuid) return then(*task, step);
    }
    return not_found("task " + task_uuid->str() + " has no step " + step_uuid->str());
}

}  // namespace tasker::host
