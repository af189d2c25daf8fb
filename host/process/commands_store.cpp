#include <nlohmann/json.hpp>

#include "host/core/json_text.hpp"
#include "host/process/connection.hpp"

namespace tasker::host {

using nlohmann::json;

ExitCode store_info_command(Command& command) {
    const Config config = configure(command).config;
    const auto connection = connect(config, StoreUse::Existing);
    const std::string document = expect_document(connection->client().request("GET", "/v1/store/info"));
    if (command.line.json) {
        command.document(document);
        return ExitCode::Done;
    }
    const json info = json::parse(document);
    TextTable table({"STORE", printable(info["path"].get<std::string>())});
    for (const auto& [key, value] : info.items()) {
        if (key != "path")
            table.row({key, value.is_string() ? printable(value.get<std::string>()) : value.dump()});
    }
    table.row({"held by", connection->host_running() ? "a running host" : "nobody"});
    command.out.write(table.str(command.style()));
    return ExitCode::Done;
}

ExitCode store_check_command(Command& command) {
    const Config config = configure(command).config;
    const auto connection = connect(config, StoreUse::Existing);
    const std::string document = expect_document(connection->client().request("POST", "/v1/store/check"));
    const json result = json::parse(document);
    const bool sound = result.value("ok", false);
    if (command.line.json) {
        command.document(document);
    } else {
        for (const auto& fault : result["faults"]) command.out.line(printable(fault.get<std::string>()));
        command.out.line(sound ? command.style().good("The store is sound.")
                               : command.style().bad("The store is damaged."));
    }
    return sound ? ExitCode::Done : ExitCode::StoreRefused;
}

ExitCode store_backup_command(Command& command) {
    const Config config = configure(command).config;
    const std::string target =
        (command.working_directory / *command.line.get("FILE")).lexically_normal().string();
    const auto connection = connect(config, StoreUse::Existing);
    const std::string document = expect_document(
        connection->client().request("POST", "/v1/store/backup", "{\"target\":" + json_string(target) + "}"));
    if (command.line.json) {
        command.document(document);
    } else {
        command.out.line("Copied to " + printable(target));
    }
    return ExitCode::Done;
}

}  // namespace tasker::host
