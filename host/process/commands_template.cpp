#include <iterator>
#include <utility>

#include "host/api/documents.hpp"
#include "host/api/json_writer.hpp"
#include "host/process/commands.hpp"
#include "host/process/plugin_discovery.hpp"
#include "host/process/plugin_output.hpp"
#include "host/process/template_choice.hpp"
#include "host/templates/handler_contract.hpp"
#include "host/templates/template_loader.hpp"

namespace tasker::host {

namespace {
TemplateOptions rules_of(const Command& command, const Config& config) {
    TemplateOptions rules;
    rules.environment = config.environment;
    rules.strict = config.strict_templates || command.line.has("strict");
    return rules;
}

std::string_view name(Severity severity) {
    switch (severity) {
        case Severity::Error:
            return "error";
        case Severity::Warning:
            return "warning";
        case Severity::Info:
            return "info";
    }
    return "unknown";
}

void print_diagnostics(Output& to, const LoadedTemplates& loaded, Severity least) {
    for (const Diagnostic& diagnostic : loaded.diagnostics) {
        if (diagnostic.severity <= least) to.line(printable(diagnostic.str()));
    }
}

std::string diagnostic_document(const Diagnostic& diagnostic) {
    std::string out;
    JsonObject object(out);
    object.text("severity", name(diagnostic.severity))
        .text("code", diagnostic.code)
        .text("file", diagnostic.file)
        .number("line", diagnostic.line)
        .number("column", diagnostic.column)
        .text("path", diagnostic.path)
        .text("message", diagnostic.message);
    object.end();
    return out;
}

std::string title(const TaskTemplate& one, const Style& style) {
    std::string out = style.bold(printable(one.id())) + "\n";
    if (!one.description.empty()) out += printable(one.description) + "\n";
    return out + "File: " + printable(one.source_path) + "\n\n";
}
}  // namespace

ExitCode template_list(Command& command) {
    const Config config = configure(command).config;
    const LoadedTemplates loaded = load_templates(config.template_path, rules_of(command, config));
    print_diagnostics(command.err, loaded, Severity::Error);
    if (command.line.json) {
        command.document(template_list_document(loaded.catalog));
        return ExitCode::Done;
    }
    TextTable table({"NAMESPACE", "NAME", "VERSION", "STEPS", "DESCRIPTION"});
    for (const auto& one : loaded.catalog.all()) {
        table.row({printable(one->namespace_name), printable(one->name), printable(one->version),
                   std::to_string(one->steps.size()), fitted(printable(one->description), 60)});
    }
    if (table.empty()) {
        for (const auto& root : config.template_path) command.out.line("No templates in " + root.string());
    } else {
        command.out.write(table.str(command.style()));
    }
    return ExitCode::Done;
}

ExitCode template_info(Command& command) {
    const Config config = configure(command).config;
    const LoadedTemplates loaded = load_templates(config.template_path, rules_of(command, config));
    print_diagnostics(command.err, loaded, Severity::Error);
    const auto one = only_match(command, loaded.catalog, *command.line.get("NAME"));
    if (command.line.json) {
        command.document(template_document(*one));
        return ExitCode::Done;
    }
    TextTable table({"STEP", "CALLABLE", "AFTER", "ATTEMPTS", "TIMEOUT"});
    for (const StepTemplate& step : one->steps) {
        std::string after;
        for (const std::string& dependency : step.dependencies)
            after += (after.empty() ? "" : ", ") + printable(dependency);
        table.row({printable(step.name), printable(step.handler.callable), after.empty() ? "-" : after,
                   step.retry.retryable ? std::to_string(step.retry.max_attempts) : "1",
                   step.timeout_ms ? short_duration(*step.timeout_ms) : "-"});
    }
    command.out.write(title(*one, command.style()) + table.str(command.style()));
    return ExitCode::Done;
}

namespace {
// What the plugins of the plugin path say about the templates. Other callables may be a plugin's that is not here.
void add_contract_findings(const Command& command, const Config& config, LoadedTemplates& loaded) {
    if (config.plugin_path.empty()) return;
    const PluginOutput output(make_logger(command, config), LogLevel::Warn);
    const LoadedPlugins plugins = discover_plugins(config);
    accept_resolvers(loaded, plugins.registry);
    std::vector<Diagnostic> found = check_handler_contracts(loaded.catalog, plugins.registry);
    std::move(found.begin(), found.end(), std::back_inserter(loaded.diagnostics));
}
}  // namespace

ExitCode template_validate(Command& command) {
    const Config config = configure(command).config;
    std::vector<std::filesystem::path> roots;
    for (const std::string& path : command.line.all("PATH")) {
        std::error_code ignored;
        if (!std::filesystem::exists(
                std::filesystem::symlink_status(command.working_directory / path, ignored)))
            throw CommandFailure(ExitCode::NotFound, "NOT_FOUND", "there is no file or folder " + path);
        roots.push_back(command.working_directory / path);
    }
    const bool asked = !roots.empty();
    if (!asked) roots = config.template_path;
    TemplateOptions rules = rules_of(command, config);
    rules.tasker = command.line.has("target") ? TaskerFindings::All : TaskerFindings::Ignored;
    LoadedTemplates loaded = load_templates(roots, rules);
    add_contract_findings(command, config, loaded);
    // Naming a place without templates is a mistake; a script that checks nothing must not pass.
    const bool nothing = asked && loaded.files == 0 && !loaded.has_errors();
    if (nothing) {
        std::string places;
        for (const auto& root : roots) places += " " + root.string();
        throw CommandFailure(ExitCode::Bootstrap, "NO_TEMPLATES",
                             "there is no template file (.yaml, .yml) in" + places);
    }
    const bool valid = !loaded.has_errors();
    if (command.line.json) {
        std::string list = "[";
        for (const Diagnostic& one : loaded.diagnostics)
            list += (list.size() > 1 ? "," : "") + diagnostic_document(one);
        std::string out;
        JsonObject object(out);
        object.boolean("valid", valid)
            .number("files", static_cast<std::int64_t>(loaded.files))
            .number("failed", static_cast<std::int64_t>(loaded.failed))
            .raw("diagnostics", list + "]");
        object.end();
        command.document(out);
    } else {
        print_diagnostics(command.out, loaded, Severity::Info);
        const std::string summary = std::to_string(loaded.files) +
                                    (loaded.files == 1 ? " file, " : " files, ") +
                                    std::to_string(loaded.failed) + " with errors";
        command.out.line(valid ? command.style().good(summary) : command.style().bad(summary));
    }
    return valid ? ExitCode::Done : ExitCode::Bootstrap;
}

}  // namespace tasker::host
