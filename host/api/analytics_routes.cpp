// Figures about the past.

#include <array>

#include "host/api/operator_documents.hpp"
#include "host/api/route_table.hpp"

namespace tasker::host {

namespace {
constexpr int kMaxHours = 24 * 366;

ApiResponse performance(const Call& call) {
    const auto hours = number(call.query("hours"), 24, 0, kMaxHours);
    if (!hours) return bad_request("hours must be a number from 0 to " + std::to_string(kMaxHours));
    return {200, performance_document(call.context.engine.analytics().performance(*hours))};
}

ApiResponse bottlenecks(const Call& call) {
    const auto limit = number(call.query("limit"), 10, 1, 1000);
    const auto least = number(call.query("min_executions"), 5, 0, 1'000'000'000);
    if (!limit) return bad_request("limit must be a number from 1 to 1000");
    if (!least) return bad_request("min_executions must be a number from 0");
    return {200, bottlenecks_document(call.context.engine.analytics().bottlenecks(*limit, *least))};
}

constexpr std::array kRoutes{
    Route{"GET", {"v1", "analytics", "performance"}, performance},
    Route{"GET", {"v1", "analytics", "bottlenecks"}, bottlenecks},
};
}  // namespace

RouteTable analytics_routes() { return kRoutes; }

}  // namespace tasker::host
