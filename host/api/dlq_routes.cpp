// The dead letter queue: entries, their investigation, tasks that are about to become one.

#include <array>

#include "host/api/json_body.hpp"
#include "host/api/json_writer.hpp"
#include "host/api/operator_documents.hpp"
#include "host/api/route_table.hpp"

namespace tasker::host {

namespace {
constexpr int kMaxRows = 1000;
constexpr std::size_t kMaxNotes = 16'384, kMaxBy = 256, kMaxMetadata = 65'536;
constexpr const char* kStatuses = " (pending, manually_resolved, permanently_failed, cancelled)";

ApiResponse bad_limit() {
    return bad_request("limit must be a number from 1 to " + std::to_string(kMaxRows));
}
ApiResponse bad_status(const std::string& text) {
    return bad_request("'" + text.substr(0, 64) + "' is not a resolution status" + kStatuses);
}

ApiResponse list_entries(const Call& call) {
    DlqFilter filter;
    const auto limit = number(call.query("limit"), 50, 1, kMaxRows);
    const auto offset = number(call.query("offset"), 0, 0, 1'000'000'000);
    if (!limit) return bad_limit();
    if (!offset) return bad_request("offset must be a number from 0");
    filter.limit = *limit;
    filter.offset = *offset;
    if (const std::string status = call.query("resolution_status"); !status.empty()) {
        filter.status = dlq_status(status);
        if (!filter.status) return bad_status(status);
    }
    return {200, dlq_list_document(call.context.engine.dlq().list(filter))};
}

ApiResponse entry_of_task(const Call& call) {
    const auto uuid = uuid_argument(call, 0);
    if (!uuid) return bad_uuid(call.arguments[0]);
    const auto entry = call.context.engine.dlq().find_by_task(*uuid);
    if (!entry) return not_found("there is no dead letter entry of task " + uuid->str());
    return {200, dlq_entry_document(*entry)};
}

ApiResponse update_entry(const Call& call) {
    const auto uuid = uuid_argument(call, 0);
    if (!uuid) return bad_uuid(call.arguments[0]);
    JsonBody fields(call.request.body, {"resolution_status", "resolution_notes", "resolved_by", "metadata"});
    DlqUpdate update;
    const auto status = fields.text("resolution_status", 64);
    update.notes = fields.text("resolution_notes", kMaxNotes);
    update.resolved_by = fields.text("resolved_by", kMaxBy);
    update.metadata_json = fields.object("metadata");
    if (!fields.fault().empty()) return bad_request(fields.fault());
    if (update.metadata_json && update.metadata_json->size() > kMaxMetadata)
        return bad_request("the field 'metadata' is larger than " + std::to_string(kMaxMetadata) + " bytes");
    if (status && !(update.status = dlq_status(*status))) return bad_status(*status);
    if (!update.status && !update.notes && !update.resolved_by && !update.metadata_json)
        return bad_request("the update says nothing",
                           "give resolution_status, resolution_notes, resolved_by or metadata");
    if (const auto refused = call.context.engine.dlq().update(*uuid, update)) return refuse(*refused);
    std::string body;
    JsonObject object(body);
    object.boolean("success", true)
        .text("message", "Investigation status updated successfully")
        .text("dlq_entry_uuid", uuid->str());
    object.end();
    return {200, body};
}

ApiResponse stats(const Call& call) { return {200, dlq_stats_document(call.context.engine.dlq().stats())}; }

ApiResponse queue(const Call& call) {
    const auto limit = number(call.query("limit"), 100, 1, kMaxRows);
    if (!limit) return bad_limit();
    return {200, dlq_queue_document(call.context.engine.dlq().investigation_queue(*limit))};
}

ApiResponse staleness(const Call& call) {
    const auto limit = number(call.query("limit"), 100, 1, kMaxRows);
    if (!limit) return bad_limit();
    return {200, staleness_document(call.context.engine.dlq().staleness(*limit))};
}

constexpr std::array kRoutes{
    Route{"GET", {"v1", "dlq"}, list_entries},
    Route{"GET", {"v1", "dlq", "stats"}, stats},
    Route{"GET", {"v1", "dlq", "investigation-queue"}, queue},
    Route{"GET", {"v1", "dlq", "staleness"}, staleness},
    Route{"GET", {"v1", "dlq", "task", "{}"}, entry_of_task},
    Route{"PATCH", {"v1", "dlq", "entry", "{}"}, update_entry},
};
}  // namespace

RouteTable dlq_routes() { return kRoutes; }

}  // namespace tasker::host
