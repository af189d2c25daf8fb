#include <algorithm>
#include <optional>

#include "host/api/plugin_documents.hpp"
#include "host/core/nearest.hpp"
#include "host/loader/plugin_set.hpp"
#include "host/process/commands.hpp"
#include "host/process/plugin_discovery.hpp"
#include "host/process/plugin_output.hpp"
#include "host/templates/template_loader.hpp"

namespace tasker::host {

namespace {
std::string handlers_text(const PluginReport& report) {
    std::string out;
    for (const HandlerInfo& info : report.handlers)
        out += (out.empty() ? "" : ", ") + printable(info.callable);
    return out;
}

std::string row_or_dash(const std::string& text) { return text.empty() ? "-" : printable(text); }

// The plugin files right below the roots, sorted; what a scan would look at.
std::vector<std::filesystem::path> plugin_files(const std::vector<std::filesystem::path>& roots) {
    std::vector<std::filesystem::path> files;
    for (const auto& root : roots) {
        std::error_code fault;
        for (std::filesystem::directory_iterator at(root, fault), end; !fault && at != end;
             at.increment(fault)) {
            if (at->path().extension() == ".so") files.push_back(at->path());
        }
    }
    std::sort(files.begin(), files.end());
    return files;
}

void say_root_faults(Command& command, const Config& config) {
    for (const std::string& fault : plugin_root_faults(config.plugin_path))
        command.err.line("warning: " + printable(fault));
}

// A plugin without a manifest (C allows that) tells its id only when it is loaded.
std::optional<PluginReport> find_loaded(const Command& command, const Config& config,
                                        const std::string& wanted, std::vector<std::string>& ids) {
    const PluginOutput output(make_logger(command, config), LogLevel::Warn);
    for (const PluginReport& report : discover_plugins(config).reports) {
        if (report.id == wanted) return report;
        ids.push_back(report.id);
    }
    return std::nullopt;
}

PluginReport find_plugin(Command& command, const Config& config) {
    const std::string wanted = *command.line.get("PLUGIN");
    const PluginOptions options = plugin_options(config);
    const std::filesystem::path file = command.working_directory / wanted;
    std::error_code ignored;
    if (wanted.find('/') != std::string::npos || wanted.ends_with(".so") ||
        std::filesystem::exists(file, ignored)) {
        if (!std::filesystem::exists(file, ignored)) {
            throw CommandFailure(ExitCode::NotFound, "NOT_FOUND", "there is no plugin file " + file.string());
        }
        return inspect_plugin(file, options);
    }
    say_root_faults(command, config);
    std::vector<std::string> ids;
    bool silent = false;
    for (const auto& candidate : plugin_files(config.plugin_path)) {
        PluginReport report = inspect_plugin(candidate, options);
        if (report.id == wanted || candidate.stem() == wanted) return report;
        if (!report.id.empty()) ids.push_back(report.id);
        silent = silent || (report.id.empty() && report.state != "rejected");
    }
    if (silent) {
        ids.clear();
        if (auto report = find_loaded(command, config, wanted, ids)) return std::move(*report);
    }
    throw CommandFailure(ExitCode::NotFound, "NOT_FOUND",
                         "there is no plugin '" + wanted + "'" + did_you_mean(wanted, ids),
                         "tasker-host plugin list shows what is found");
}
}  // namespace

ExitCode plugin_list(Command& command) {
    const Config config = configure(command).config;
    const PluginOutput output(make_logger(command, config), LogLevel::Warn);
    say_root_faults(command, config);
    const LoadedPlugins loaded = discover_plugins(config);
    if (command.line.json) {
        command.document(plugins_document(loaded.reports));
        return ExitCode::Done;
    }
    if (loaded.reports.empty()) {
        for (const auto& root : config.plugin_path) command.out.line("No plugins in " + root.string());
        return ExitCode::Done;
    }
    TextTable table({"PLUGIN", "VERSION", "ABI", "STATE", "FILE", "HANDLERS"});
    for (const PluginReport& report : loaded.reports) {
        table.row({row_or_dash(report.id), row_or_dash(report.version), row_or_dash(report.abi), report.state,
                   printable(report.path.string()), row_or_dash(handlers_text(report))});
    }
    command.out.write(table.str(command.style()));
    for (const PluginReport& report : loaded.reports) {
        if (!report.reason.empty())
            command.out.line(command.style().bad(printable(report.path.string() + ": " + report.reason)));
        for (const std::string& warning : report.warnings) command.err.line("warning: " + printable(warning));
    }
    return ExitCode::Done;
}

ExitCode plugin_info(Command& command) {
    const Config config = configure(command).config;
    const PluginReport report = find_plugin(command, config);
    if (command.line.json) {
        command.document(plugin_document(report));
    } else {
        const Style style = command.style();
        const auto field = [&](const std::string& label, const std::string& value) {
            if (!value.empty())
                command.out.line("  " + label + std::string(10 - label.size(), ' ') + printable(value));
        };
        command.out.line(style.bold(printable(report.id.empty() ? report.path.filename().string()
                                                                : report.id + " " + report.version)));
        field("File", report.path.string());
        field("State", report.state);
        field("Reason", report.reason);
        field("SDK", report.sdk);
        field("ABI", report.abi);
        field("SHA-256", report.hash);
        field("Size", report.bytes > 0 ? std::to_string(report.bytes) + " bytes" : "");
        for (const HandlerInfo& info : report.handlers) {
            field("Handler", info.callable + (info.summary.empty() ? "" : " - " + info.summary));
        }
        for (const std::string& warning : report.warnings) field("Warning", warning);
    }
    return report.state == "rejected" ? ExitCode::Bootstrap : ExitCode::Done;
}

ExitCode handler_list(Command& command) {
    const Config config = configure(command).config;
    const PluginOutput output(make_logger(command, config), LogLevel::Warn);
    say_root_faults(command, config);
    const LoadedPlugins plugins = discover_plugins(config);
    TemplateOptions rules;
    rules.environment = config.environment;
    const TemplateCatalog catalog = load_templates(config.template_path, rules).catalog;
    if (command.line.json) {
        command.document(handlers_document(plugins.registry, catalog));
        return ExitCode::Done;
    }
    const std::vector<HandlerUse> uses = handler_uses(catalog);
    TextTable table({"CALLABLE", "PLUGIN", "VERSION", "THREADING", "USED BY"});
    const auto users = [&](const std::string& callable) {
        std::string out;
        for (const HandlerUse& use : uses) {
            if (use.callable != callable) continue;
            for (const std::string& place : use.used_by) out += (out.empty() ? "" : ", ") + printable(place);
        }
        return out.empty() ? std::string{"-"} : out;
    };
    for (const auto& handler : plugins.registry.all()) {
        const HandlerInfo& info = handler->info();
        table.row({printable(info.callable), row_or_dash(info.plugin_id), row_or_dash(info.plugin_version),
                   std::string{name(info.threading)}, users(info.callable)});
    }
    const std::vector<std::string> offered = plugins.registry.list_handlers();
    for (const HandlerUse& use : uses) {
        if (plugins.registry.is_registered(use.callable)) continue;
        const auto near = nearest(use.callable, offered);
        table.row({printable(use.callable),
                   command.style().bad(near ? "missing; nearest: " + printable(*near) : "missing"), "-", "-",
                   users(use.callable)});
    }
    if (table.empty()) {
        command.out.line("No handlers: no plugin offers one and no template asks for one.");
    } else {
        command.out.write(table.str(command.style()));
    }
    return ExitCode::Done;
}

}  // namespace tasker::host
