// The scan as a supervisor has it done, and the document that it reads.

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <system_error>
#include <utility>

#include "host/api/plugin_documents.hpp"
#include "host/model/template_merge.hpp"
#include "host/process/child_commands.hpp"
#include "host/process/discovery.hpp"
#include "host/process/plugin_scanning.hpp"
#include "host/scan/declared_handlers.hpp"

namespace tasker::host {

namespace {
namespace fs = std::filesystem;
using nlohmann::ordered_json;

std::string namespace_of(const std::string& step) { return step.substr(0, step.find('/')); }

// What an earlier scan found, by its document; nothing when there is none, or it is damaged.
TemplateCatalog earlier_templates(const std::optional<std::string>& path) {
    if (!path) return {};
    try {
        std::ifstream file(*path, std::ios::binary);
        const auto document = ordered_json::parse(file);
        std::vector<TaskTemplate> templates;
        for (const auto& one : document.at("templates")) {
            templates.push_back(template_from_json(one.at("definition").get<std::string>()));
            templates.back().source_path = one.at("path").get<std::string>();
        }
        return TemplateCatalog(std::move(templates));
    } catch (const std::exception&) {
        return {};
    }
}

struct Links {
    std::map<std::string, std::set<std::string>>
        users;  // of a plugin file: the namespaces whose templates use it
    std::map<std::string, std::set<std::string>> missing;  // of a namespace: callables that nobody offers
};

Links links_of(const HandlerRegistry& registry, const TemplateCatalog& catalog) {
    Links links;
    for (const HandlerUse& use : handler_uses(registry, catalog)) {
        for (const std::string& step : use.used_by) {
            if (use.handler == nullptr) {
                links.missing[namespace_of(step)].insert(use.callable);
            } else {
                links.users[use.handler->info().source].insert(namespace_of(step));
            }
        }
    }
    return links;
}

ordered_json manifest_of(const std::vector<ScannedFile>& files, const Links& links) {
    ordered_json manifest = ordered_json::array();
    for (const ScannedFile& file : files) {
        if (!file.usable()) continue;
        const PluginReport& report = file.report;
        ordered_json namespaces = ordered_json::array();
        // Whom events and resolvers serve is not known before they are asked.
        const auto users = links.users.find(report.path.string());
        if (users != links.users.end() && report.publishers.empty() && report.subscribers.empty() &&
            report.resolvers.empty())
            namespaces = users->second;
        // As the copy is named: of a symlink that is its target's name.
        manifest.push_back({{"file", file.copy.filename().string()},
                            {"sha256", report.hash},
                            {"id", report.id},
                            {"version", report.version},
                            {"namespaces", std::move(namespaces)},
                            {"path", report.path.string()}});
    }
    return manifest;
}

ordered_json templates_of(const TemplateCatalog& catalog) {
    ordered_json templates = ordered_json::array();
    for (const auto& one : catalog.all()) {
        templates.push_back({{"namespace", one->namespace_name},
                             {"name", one->name},
                             {"version", one->version},
                             {"path", one->source_path},
                             {"definition", one->definition_json}});
    }
    return templates;
}

ordered_json texts_of(const std::vector<Diagnostic>& findings) {
    ordered_json texts = ordered_json::array();
    for (const Diagnostic& one : findings) texts.push_back(one.str());
    return texts;
}
}  // namespace

ExitCode scan_command(Command& command) {
    const Config config = configure(command).config;
    PluginScanner scanner(command, config);
    if (command.line.has("settle")) scanner.let_settle();
    const ScanResult result = scanner.scan(find_plugin_files(config.plugin_path));
    HandlerRegistry registry = declared_registry(result.files);
    registry.fall_back_to_step_name(config.fallback_to_step_name);
    LoadedTemplates loaded = load_templates(config.template_path, template_rules(config));
    accept_resolvers(loaded, registry);
    const TemplateChanges templates =
        merged_templates(earlier_templates(command.line.get("kept")), loaded.catalog, template_is_gone);
    const Links links = links_of(registry, templates.catalog);
    ordered_json plugins = ordered_json::array();
    for (const ScannedFile& file : result.files)
        plugins.push_back(ordered_json::parse(scanned_document(file)));
    const ordered_json document{
        {"manifest", manifest_of(result.files, links)},
        {"plugins", std::move(plugins)},
        {"templates", templates_of(templates.catalog)},
        {"kept_templates", templates.kept},
        {"failed_templates", loaded.failed},
        {"template_findings", texts_of(loaded.diagnostics)},
        {"missing", links.missing},
        {"links", ordered_json::parse(handlers_document(registry, templates.catalog))},
        {"link_findings", texts_of(link_templates(templates.catalog, registry))},
        {"probed", result.probed},
        {"remembered", result.remembered},
        {"settling", result.settling},
        {"warnings", result.warnings}};
    command.document(document.dump(-1, ' ', false, ordered_json::error_handler_t::replace));
    return ExitCode::Done;
}

}  // namespace tasker::host
