// The dead letter queue: tasks that were set aside, and what people found out about them.

#include <charconv>
#include <nlohmann/json.hpp>
#include <system_error>

#include "host/api/json_writer.hpp"
#include "host/api/url_query.hpp"
#include "host/core/nearest.hpp"
#include "host/core/uuid.hpp"
#include "host/model/dlq.hpp"
#include "host/process/connection.hpp"
#include "host/process/report.hpp"
#include "host/process/submission.hpp"

namespace tasker::host {

namespace {
using nlohmann::json;

std::string text(const json& object, const char* key) {
    const auto found = object.find(key);
    if (found == object.end() || found->is_null()) return {};
    return found->is_string() ? found->get<std::string>() : found->dump();
}

int number_option(const Command& command, const std::string& key, int absent, int low) {
    const auto given = command.line.get(key);
    if (!given) return absent;
    int value = 0;
    const auto [end, fault] = std::from_chars(given->data(), given->data() + given->size(), value);
    if (fault != std::errc{} || end != given->data() + given->size() || value < low) {
        throw CommandFailure(ExitCode::Usage, "USAGE",
                             "--" + key + ": '" + *given + "' is not a number from " + std::to_string(low));
    }
    return value;
}

// Empty when none is given.
std::string status_option(const Command& command) {
    std::vector<std::string> names;
    for (const DlqStatus status : {DlqStatus::Pending, DlqStatus::ManuallyResolved,
                                   DlqStatus::PermanentlyFailed, DlqStatus::Cancelled})
        names.emplace_back(name(status));
    const auto given = command.line.get("status");
    if (!given) return {};
    std::string all;
    for (const std::string& one : names) {
        if (one == *given) return one;
        all += (all.empty() ? "" : ", ") + one;
    }
    throw CommandFailure(ExitCode::Usage, "USAGE",
                         "--status: '" + *given + "' is no status of an entry" + did_you_mean(*given, names),
                         "one of " + all);
}

void tell_entry(Report& report, const json& entry) {
    report.label("DLQ Entry UUID", text(entry, "dlq_entry_uuid"))
        .label("Task UUID", text(entry, "task_uuid"))
        .label("Reason", text(entry, "dlq_reason"))
        .state("Original state", text(entry, "original_state"))
        .label("Resolution status", text(entry, "resolution_status"))
        .label("DLQ timestamp", text(entry, "dlq_timestamp"))
        .label("Resolution timestamp", text(entry, "resolution_timestamp"))
        .label("Resolution notes", text(entry, "resolution_notes"))
        .label("Resolved by", text(entry, "resolved_by"));
}
}  // namespace

ExitCode dlq_list(Command& command) {
    const std::string status = status_option(command);
    const std::string target = "/v1/dlq?limit=" + std::to_string(number_option(command, "limit", 50, 1)) +
                               "&offset=" + std::to_string(number_option(command, "offset", 0, 0)) +
                               (status.empty() ? "" : "&resolution_status=" + percent_encoded(status));
    const Config config = configure(command).config;
    // Nothing was ever submitted: that is an empty list, not an error.
    std::string document = "[]";
    if (is_postgres(config) || store_exists(config))
        document = expect_document(connect(config, StoreUse::Existing)->client().request("GET", target));
    if (command.line.json) {
        command.document(document);
        return ExitCode::Done;
    }
    const json entries = json::parse(document);
    Report report = command.report();
    report.success("Found " + std::to_string(entries.size()) +
                   (entries.size() == 1 ? " DLQ entry" : " DLQ entries"));
    for (const json& entry : entries) {
        report.blank()
            .item("DLQ Entry: " + text(entry, "dlq_entry_uuid"))
            .label("Task UUID", text(entry, "task_uuid"), 2)
            .label("Reason", text(entry, "dlq_reason"), 2)
            .label("Resolution status", text(entry, "resolution_status"), 2)
            .label("Created at", text(entry, "created_at"), 2);
    }
    command.out.write(report.str());
    return ExitCode::Done;
}

ExitCode dlq_get(Command& command) {
    const std::string uuid = task_argument(command);
    const Config config = configure(command).config;
    const auto connection = connect(config, StoreUse::Existing);
    const std::string document = expect_document(connection->client().request("GET", "/v1/dlq/task/" + uuid));
    if (command.line.json) {
        command.document(document);
        return ExitCode::Done;
    }
    const json entry = json::parse(document);
    Report report = command.report();
    report.header("DLQ Entry Details");
    tell_entry(report, entry);
    report.blank().header("Task Snapshot");
    command.out.write(report.str());
    if (const auto snapshot = entry.find("task_snapshot"); snapshot != entry.end())
        command.out.line(snapshot->dump(2));
    return ExitCode::Done;
}

ExitCode dlq_update(Command& command) {
    const std::string said = *command.line.get("ENTRY");
    const auto uuid = Uuid::parse(said);
    if (!uuid) throw CommandFailure(ExitCode::Usage, "USAGE", "'" + said + "' is not the UUID of an entry");
    const std::string status = status_option(command);
    const auto notes = command.line.get("notes");
    if (status.empty() && !notes && !command.line.has("resolved-by"))
        throw CommandFailure(ExitCode::Usage, "USAGE", "there is nothing to write down",
                             "give --status or --notes");
    std::string body;
    JsonObject object(body);
    if (!status.empty()) object.text("resolution_status", status);
    if (notes) object.text("resolution_notes", *notes);
    object.text("resolved_by", command.line.get("resolved-by").value_or(submitting_user(command)));
    object.end();
    const Config config = configure(command).config;
    const auto connection = connect(config, StoreUse::Existing);
    const std::string document =
        expect_allowed(connection->client().request("PATCH", "/v1/dlq/entry/" + uuid->str(), body));
    if (command.line.json) {
        command.document(document);
        return ExitCode::Done;
    }
    command.out.write(command.report().success("DLQ investigation updated successfully").str());
    return ExitCode::Done;
}

ExitCode dlq_stats(Command& command) {
    const Config config = configure(command).config;
    std::string document = "[]";
    if (is_postgres(config) || store_exists(config))
        document =
            expect_document(connect(config, StoreUse::Existing)->client().request("GET", "/v1/dlq/stats"));
    if (command.line.json) {
        command.document(document);
        return ExitCode::Done;
    }
    Report report = command.report();
    report.success("DLQ Statistics by Reason:");
    for (const json& row : json::parse(document)) {
        report.blank()
            .header("  Reason: " + text(row, "dlq_reason"))
            .label("Total entries", text(row, "total_entries"), 2)
            .label("Pending", text(row, "pending"), 2)
            .label("Manually resolved", text(row, "manually_resolved"), 2)
            .label("Permanent failures", text(row, "permanent_failures"), 2)
            .label("Cancelled", text(row, std::string(name(DlqStatus::Cancelled)).c_str()), 2)
            .label("Oldest entry", text(row, "oldest_entry"), 2)
            .label("Newest entry", text(row, "newest_entry"), 2);
    }
    command.out.write(report.str());
    return ExitCode::Done;
}

}  // namespace tasker::host
