#include <algorithm>
#include <functional>
#include <optional>

#include "host/api/plugin_documents.hpp"
#include "host/core/nearest.hpp"
#include "host/loader/plugin_set.hpp"
#include "host/process/commands.hpp"
#include "host/process/plugin_discovery.hpp"
#include "host/process/plugin_output.hpp"
#include "host/process/plugin_scanning.hpp"
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

void say_root_faults(Command& command, const Config& config) {
    for (const std::string& fault : plugin_root_faults(config.plugin_path))
        command.err.line("warning: " + printable(fault));
}

// A plugin without a manifest (C allows that) tells its id only when it is loaded: a probe does that.
std::optional<PluginReport> find_probed(const Command& command, const Config& config,
                                        const std::string& wanted, std::vector<std::string>& ids) {
    const ScanResult result = PluginScanner(command, config).scan(find_plugin_files(config.plugin_path));
    for (const ScannedFile& file : result.files) {
        if (file.report.id == wanted) return file.report;
        ids.push_back(file.report.id);
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
    for (const auto& candidate : find_plugin_files(config.plugin_path).paths) {
        PluginReport report = inspect_plugin(candidate, options);
        if (report.id == wanted || candidate.stem() == wanted) return report;
        if (!report.id.empty()) ids.push_back(report.id);
        silent = silent || (report.id.empty() && report.state != "rejected");
    }
    if (silent) {
        ids.clear();
        if (auto report = find_probed(command, config, wanted, ids)) return std::move(*report);
    }
    throw CommandFailure(ExitCode::NotFound, "NOT_FOUND",
                         "there is no plugin '" + wanted + "'" + did_you_mean(wanted, ids),
                         "tasker-host plugin list shows what is found");
}
}  // namespace

ExitCode plugin_list(Command& command) {
    const Config config = configure(command).config;
    say_root_faults(command, config);
    // A root that cannot be read was told already.
    const ScanResult result =
        PluginScanner(command, config).scan({find_plugin_files(config.plugin_path).paths, {}});
    for (const std::string& warning : result.warnings) command.err.line("warning: " + printable(warning));
    if (command.line.json) {
        std::string list = "[";
        for (const ScannedFile& file : result.files)
            list += (list.size() > 1 ? "," : "") + scanned_document(file);
        command.document("{\"plugins\":" + list + "]}");
        return ExitCode::Done;
    }
    if (result.files.empty()) {
        for (const auto& root : config.plugin_path) command.out.line("No plugins in " + root.string());
        return ExitCode::Done;
    }
    TextTable table({"PLUGIN", "VERSION", "ABI", "STATE", "FILE", "HANDLERS"});
    for (const ScannedFile& file : result.files) {
        const PluginReport& report = file.report;
        table.row({row_or_dash(report.id), row_or_dash(report.version), row_or_dash(report.abi), report.state,
                   printable(report.path.string()), row_or_dash(handlers_text(report))});
    }
    command.out.write(table.str(command.style()));
    for (const ScannedFile& file : result.files) {
        const PluginReport& report = file.report;
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
                command.out.line("  " + label + std::string(12 - label.size(), ' ') + printable(value));
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
        for (const std::string& one : report.publishers) field("Publisher", one);
        for (const std::string& one : report.subscribers) field("Subscriber", one);
        for (const ResolverNote& one : report.resolvers) {
            field("Resolver", one.name + " (" + std::to_string(one.priority) + ") - " +
                                  (one.pattern.empty() ? "prefix " + one.prefix : "pattern " + one.pattern));
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
    const std::vector<Diagnostic> faults = link_templates(catalog, plugins.registry);
    const ExitCode code =
        command.line.has("strict") && !faults.empty() ? ExitCode::Bootstrap : ExitCode::Done;
    if (command.line.json) {
        command.document(handlers_document(plugins.registry, catalog));
        return code;
    }
    const std::vector<HandlerUse> uses = handler_uses(plugins.registry, catalog);
    TextTable table({"CALLABLE", "PLUGIN", "VERSION", "KIND", "METHODS", "THREADING", "USED BY"});
    const auto users = [&](const std::function<bool(const HandlerUse&)>& counts) {
        std::string out;
        for (const HandlerUse& use : uses) {
            if (!counts(use)) continue;
            for (const std::string& place : use.used_by) out += (out.empty() ? "" : ", ") + printable(place);
        }
        return out.empty() ? std::string{"-"} : out;
    };
    for (const auto& handler : plugins.registry.all()) {
        const HandlerInfo& info = handler->info();
        table.row({printable(info.callable), row_or_dash(info.plugin_id), row_or_dash(info.plugin_version),
                   printable(info.kind), printable(methods_of(info)), std::string{name(info.threading)},
                   users([&](const HandlerUse& use) { return use.handler == handler; })});
    }
    const std::vector<std::string> offered = plugins.registry.list_handlers();
    for (const HandlerUse& use : uses) {
        if (use.handler != nullptr) continue;
        const auto near = nearest(use.callable, offered);
        table.row({printable(use.callable),
                   command.style().bad(near ? "missing; nearest: " + printable(*near) : "missing"), "-", "-",
                   "-", "-", users([&](const HandlerUse& other) { return &other == &use; })});
    }
    if (table.empty()) {
        command.out.line("No handlers: no plugin offers one and no template asks for one.");
    } else {
        command.out.write(table.str(command.style()));
    }
    for (const Diagnostic& fault : faults) command.err.line(printable(fault.str()));
    std::string resolvers;
    for (const ResolverEntry& one : plugins.registry.list_resolvers())
        resolvers += (resolvers.empty() ? "" : ", ") + one.name + " (" + std::to_string(one.priority) + ")";
    command.out.line("Resolvers, in the order in which they are asked: " + resolvers);
    return code;
}

}  // namespace tasker::host
