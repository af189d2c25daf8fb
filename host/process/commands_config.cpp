#include "host/api/json_writer.hpp"
#include "host/core/json_text.hpp"
#include "host/core/nearest.hpp"
#include "host/process/commands.hpp"
#include "host/process/web_access.hpp"

namespace tasker::host {

namespace {
std::string_view source_name(Source source) {
    switch (source) {
        case Source::Default:
            return "default";
        case Source::File:
            return "file";
        case Source::Environment:
            return "environment";
        case Source::Flag:
            return "flag";
    }
    return "unknown";
}

std::string text_list(const std::vector<std::string>& texts) {
    std::string out = "[";
    for (const std::string& text : texts) out += (out.size() > 1 ? "," : "") + json_string(text);
    return out + "]";
}

std::string setting_document(const Setting& setting) {
    std::string out;
    JsonObject object(out);
    object.text("key", setting.key)
        .text("value", setting.value)
        .text("source", source_name(setting.source))
        .text("origin", setting.origin)
        .maybe_text("environment", setting.environment)
        .maybe_text("flag", setting.flag)
        .text("range", setting.range)
        .text("default", setting.default_value)
        .text("help", setting.help)
        .raw("overridden", text_list(setting.overridden));
    object.end();
    return out;
}

std::string settings_document(const LoadedConfig& loaded) {
    std::string list = "[";
    for (const Setting& setting : loaded.settings)
        list += (list.size() > 1 ? "," : "") + setting_document(setting);
    std::string out;
    JsonObject object(out);
    object
        .maybe_text("config_path",
                    loaded.config.config_path ? loaded.config.config_path->string() : std::string{})
        .raw("settings", list + "]")
        .raw("warnings", text_list(loaded.warnings))
        .raw("notices", text_list(loaded.notices));
    object.end();
    return out;
}

std::string file_line(const LoadedConfig& loaded) {
    return "Configuration file: " +
           (loaded.config.config_path ? loaded.config.config_path->string() : std::string{"none"});
}

std::string explanation(const Setting& setting, const Style& style) {
    std::string out = style.bold(setting.key) + " = " + printable(setting.value) + "\n";
    const auto add = [&](std::string_view label, const std::string& text) {
        if (!text.empty()) out += "  " + std::string{label} + printable(text) + "\n";
    };
    add("", setting.help);
    add("from:        ", setting.origin);
    for (const std::string& loser : setting.overridden) add("overrides:   ", loser);
    add("allowed:     ", setting.range);
    add("default:     ", setting.default_value);
    add("environment: ", setting.environment);
    add("flag:        ", setting.flag);
    return out;
}
}  // namespace

ExitCode config_show(Command& command) {
    const LoadedConfig loaded = configure(command);
    if (command.line.json) {
        command.document(settings_document(loaded));
        return ExitCode::Done;
    }
    TextTable table({"KEY", "VALUE", "FROM"});
    for (const Setting& setting : loaded.settings) {
        table.row({printable(setting.key), printable(setting.value), printable(setting.origin)});
    }
    command.out.line(printable(file_line(loaded)));
    command.out.write(table.str(command.style()));
    for (const std::string& notice : loaded.notices) command.out.line(printable(notice));
    return ExitCode::Done;
}

ExitCode config_explain(Command& command) {
    const LoadedConfig loaded = configure(command);
    const auto key = command.line.get("KEY");
    std::vector<std::string> keys;
    std::string text, documents;
    for (const Setting& setting : loaded.settings) {
        keys.push_back(setting.key);
        if (key && setting.key != *key && setting.key != "host." + *key) continue;
        text += (text.empty() ? "" : "\n") + explanation(setting, command.style());
        documents += (documents.empty() ? "" : ",") + setting_document(setting);
    }
    if (documents.empty()) {
        std::string hint = did_you_mean(*key, keys);
        if (hint.empty()) hint = did_you_mean("host." + *key, keys);
        throw CommandFailure(ExitCode::Usage, "USAGE", "there is no setting '" + *key + "'" + hint,
                             "tasker-host config show lists them");
    }
    if (command.line.json) {
        command.document(key ? documents : "[" + documents + "]");
    } else {
        command.out.write(text);
    }
    return ExitCode::Done;
}

ExitCode config_check(Command& command) {
    const LoadedConfig loaded = configure(command);
    static_cast<void>(web_access(loaded.config));
    if (command.line.json) {
        std::string out;
        JsonObject object(out);
        object.boolean("valid", true)
            .maybe_text("config_path",
                        loaded.config.config_path ? loaded.config.config_path->string() : std::string{})
            .raw("warnings", text_list(loaded.warnings))
            .raw("notices", text_list(loaded.notices));
        object.end();
        command.document(out);
        return ExitCode::Done;
    }
    command.out.line(printable(file_line(loaded)));
    for (const std::string& notice : loaded.notices) command.out.line(printable(notice));
    command.out.line(command.style().good("The configuration is valid."));
    return ExitCode::Done;
}

}  // namespace tasker::host
