#include "host/process/commands.hpp"
#include "host/supervisor/handover.hpp"

#include "host/api/json_writer.hpp"
#include "host/core/uuid.hpp"

namespace tasker::host {

bool Command::colors(const Output& to) const {
    if (line.color != "auto") return line.color == "always";
    const auto no_color = environment.find("NO_COLOR");
    const bool refused = no_color != environment.end() && !no_color->second.empty();
    const auto term = environment.find("TERM");
    const bool able = term != environment.end() && !term->second.empty() && term->second != "dumb";
    return able && !refused && to.terminal();
}

LoadedConfig configuration(const Command& command) {
    ConfigInputs inputs;
    inputs.environment = command.environment;
    inputs.flags = command.line.settings;
    inputs.config_flag = command.line.config;
    inputs.working_directory = command.working_directory;
    inputs.installed_prefix = command.installed_prefix();
    return load_config(inputs);
}

LoadedConfig configure(Command& command) {
    LoadedConfig loaded = configuration(command);
    for (const std::string& warning : loaded.warnings) command.err.line("warning: " + printable(warning));
    return loaded;
}

std::string version_document() {
    std::string out;
    JsonObject object(out);
    object.text("name", "tasker-host").text("version", version_number()).number("handover", kHandoverVersion);
    object.end();
    return out;
}

ExitCode show_version(Command& command) {
    command.out.line(command.line.json ? version_document() : version_text());
    return ExitCode::Done;
}

bool Command::unicode() const {
    for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
        const auto found = environment.find(name);
        if (found == environment.end() || found->second.empty()) continue;
        return found->second.find("UTF-8") != std::string::npos ||
               found->second.find("utf8") != std::string::npos;
    }
    return false;
}

std::string task_argument(const Command& command) {
    const std::string text = *command.line.get("TASK");
    const auto uuid = Uuid::parse(text);
    if (!uuid) throw CommandFailure(ExitCode::Usage, "USAGE", "'" + text + "' is not a task UUID");
    return uuid->str();
}

}  // namespace tasker::host
