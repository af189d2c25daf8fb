#include <array>
#include <filesystem>
#include <system_error>

#include "host/api/documents.hpp"
#include "host/api/json_body.hpp"
#include "host/api/operator_documents.hpp"
#include "host/api/route_table.hpp"
#include "host/core/error.hpp"
#include "host/core/json_text.hpp"
#include "host/core/json_view.hpp"

namespace tasker::host {

namespace {
ApiResponse store_info(const Call& call) { return {200, store_document(call.context.engine.info())}; }
ApiResponse store_check(const Call& call) {
    const auto faults = call.context.engine.check();
    std::string list = "[";
    for (const std::string& fault : faults) list += (list.size() > 1 ? "," : "") + json_string(fault);
    return {200,
            std::string{"{\"ok\":"} + (faults.empty() ? "true" : "false") + ",\"faults\":" + list + "]}"};
}
ApiResponse store_backup(const Call& call) {
    if (const auto fault = json_fault(call.request.body, {.max_depth = 4, .max_bytes = 65536})) {
        return bad_request("the request is not usable JSON: " + *fault);
    }
    const auto target = json_string_member(call.request.body, "target");
    if (!target || !target->starts_with('/')) return bad_request("'target' must be an absolute path");
    std::error_code ignored;
    if (std::filesystem::exists(std::filesystem::symlink_status(*target, ignored)))
        return refuse(409, "CONFLICT", "the backup " + *target + " exists already", "choose another name");
    try {
        call.context.engine.backup(*target);
    } catch (const StoreUnavailable&) {
        throw;
    } catch (const Error& fault) {
        return refuse(500, "FAILED", fault.what(), fault.hint());
    }
    return {200, "{\"target\":" + json_string(*target) + "}"};
}

ApiResponse store_prune(const Call& call) {
    constexpr std::int64_t kMost = std::int64_t{100} * 365 * 86'400;
    const std::string body = call.request.body.empty() ? "{}" : call.request.body;
    JsonBody fields(body, {"complete_after_seconds", "failed_after_seconds", "dry_run", "compact"});
    PruneOptions options;
    if (const auto seconds = fields.number("complete_after_seconds", 0, kMost))
        options.complete_ms = *seconds * 1000;
    if (const auto seconds = fields.number("failed_after_seconds", 0, kMost))
        options.failed_ms = *seconds * 1000;
    options.dry_run = fields.boolean("dry_run").value_or(false);
    options.compact = fields.boolean("compact").value_or(false);
    if (!fields.fault().empty()) return bad_request(fields.fault());
    return {200, prune_document(call.context.engine.prune(options))};
}

constexpr std::array kRoutes{
    Route{"POST", {"v1", "store", "prune"}, store_prune},
    Route{"GET", {"v1", "store", "info"}, store_info},
    Route{"POST", {"v1", "store", "check"}, store_check},
    Route{"POST", {"v1", "store", "backup"}, store_backup},
};
}  // namespace

RouteTable store_routes() { return kRoutes; }

}  // namespace tasker::host
