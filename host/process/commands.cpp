#include "host/process/commands.hpp"

#include "host/api/json_writer.hpp"

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
    object.text("name", "tasker-host")
        .text("version", version_text().substr(std::string_view{"tasker-host "}.size()));
    object.end();
    return out;
}

ExitCode show_version(Command& command) {
    command.out.line(command.line.json ? version_document() : version_text());
    return ExitCode::Done;
}

}  // namespace tasker::host
