#include <nlohmann/json.hpp>

#include "host/api/json_writer.hpp"
#include "host/config/duration.hpp"
#include "host/process/connection.hpp"
#include "host/process/report.hpp"

namespace tasker::host {

namespace {
// The request: ages in seconds, as configured when they are absent.
std::string request_of(const Command& command, bool compact) {
    std::string out;
    JsonObject object(out);
    if (const auto given = command.line.get("older-than")) {
        const auto ms = parse_duration(*given);
        if (!ms) {
            throw CommandFailure(ExitCode::Usage, "USAGE", "--older-than: '" + *given + "' is not a duration",
                                 "write a unit, like 36h or 30d");
        }
        // Rounded up: never younger than was said.
        const std::int64_t seconds = (*ms + 999) / 1000;
        object.number("complete_after_seconds", seconds).number("failed_after_seconds", seconds);
    }
    object.boolean("dry_run", command.line.has("dry-run"));
    if (compact) object.boolean("compact", true);
    object.end();
    return out;
}
}  // namespace

ExitCode store_prune_command(Command& command) {
    static_cast<void>(request_of(command, false));  // its faults before those of the store
    const Config config = configure(command).config;
    const auto connection = connect(config, StoreUse::Existing);
    // With a host running somebody may wait for the store: the file becomes smaller while there is nothing else to do.
    const std::string body = request_of(command, !connection->host_running());
    const std::string document =
        expect_document(connection->client().request("POST", "/v1/store/prune", body));
    if (command.line.json) {
        command.document(document);
        return ExitCode::Done;
    }
    const auto done = nlohmann::ordered_json::parse(document);
    Report report = command.report();
    report.success(command.line.has("dry-run") ? "This is what would be deleted:" : "The store is pruned.");
    for (const auto& [key, value] : done.items()) {
        if (key != "dry_run") report.label(key, value.is_string() ? value.get<std::string>() : value.dump());
    }
    command.out.write(report.str());
    return ExitCode::Done;
}

}  // namespace tasker::host
