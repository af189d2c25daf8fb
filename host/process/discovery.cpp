#include "host/process/discovery.hpp"

#include <set>
#include <system_error>
#include <utility>

#include "host/process/plugin_scanning.hpp"
#include "host/process/state_folder.hpp"

namespace tasker::host {

namespace {
std::string joined(const std::vector<std::string>& words, std::string_view between) {
    std::string text;
    for (const std::string& word : words) {
        if (!text.empty()) text += between;
        text += word;
    }
    return text;
}

void report_handlers(const HandlerRegistry& registry, const Logger& log) {
    const std::vector<std::string> names = registry.list_handlers();
    const std::string count = std::to_string(names.size());
    log.info("Handler registry initialized: " + count + " handlers registered",
             {{"component", "registry"}, {"operation", "initialize"}, {"handler_count", count}});
    log.info("Registered handlers: " + joined(names, ", "),
             {{"component", "registry"}, {"handlers", joined(names, ",")}});
}

void report_empty_namespaces(const TemplateCatalog& catalog, const std::vector<std::string>& namespaces,
                             const Logger& log) {
    const std::set<std::string> with_templates = catalog.namespaces();
    const std::vector<std::string> names(with_templates.begin(), with_templates.end());
    for (const std::string& wanted : namespaces) {
        if (with_templates.count(wanted) > 0) continue;
        const std::string others = names.empty() ? "no template was found at all"
                                                 : "namespaces with templates: " + joined(names, ", ");
        log.warn("Namespace '" + wanted + "' has no templates; " + others,
                 {{"component", "templates"}, {"operation", "discover"}, {"namespace", wanted}});
    }
}
}  // namespace

void report_diagnostics(const std::vector<Diagnostic>& diagnostics, const char* operation,
                        const Logger& log) {
    for (const Diagnostic& diagnostic : diagnostics) {
        LogLevel level = LogLevel::Info;
        if (diagnostic.severity == Severity::Warning) level = LogLevel::Warn;
        if (diagnostic.severity == Severity::Error) level = LogLevel::Error;
        log.log(level, diagnostic.str(),
                {{"component", "templates"}, {"operation", operation}, {"code", diagnostic.code}});
    }
}

bool template_is_gone(const std::filesystem::path& path) {
    std::error_code fault;
    return std::filesystem::status(path, fault).type() == std::filesystem::file_type::not_found;
}

TemplateOptions template_rules(const Config& config) {
    TemplateOptions rules;
    rules.environment = config.environment;
    rules.strict = config.strict_templates;
    return rules;
}

Discovered discover(const Config& config, const Logger& log) {
    return discover_chosen(config, log, std::nullopt);
}

Discovered discover_chosen(const Config& config, const Logger& log, std::optional<Chosen> chosen) {
    Discovered found;
    if (chosen && chosen->templates) {
        found.templates.catalog = std::move(*chosen->templates);
    } else {
        found.templates = load_templates(config.template_path, template_rules(config));
    }
    PluginOptions plugin_options;
    plugin_options.roots = config.plugin_path;
    // With PostgreSQL there is no store whose folder could do.
    plugin_options.cache_dir =
        (is_postgres(config) ? config.state_dir : state_folder(config)) / "plugin-cache";
    if (chosen) {
        plugin_options.roots.clear();
        for (const Chosen::Plugin& one : chosen->plugins) {
            plugin_options.files.push_back(plugin_options.cache_dir / one.sha256.substr(0, 2) / one.sha256 /
                                           one.file);
            if (!one.path.empty()) plugin_options.origins.emplace(plugin_options.files.back(), one.path);
        }
    }
    plugin_options.quarantined = quarantined_plugins(config, log);
    plugin_options.relax_permissions = config.relax_plugin_permissions;
    plugin_options.plugin_config_json = config.plugin_config_json;
    plugin_options.worker_id = config.worker_id;
    plugin_options.namespace_name = joined(served_namespaces(config, found.templates.catalog), ",");
    found.plugins = load_plugins(plugin_options, log);
    found.plugins.registry.fall_back_to_step_name(config.fallback_to_step_name);
    accept_resolvers(found.templates, found.plugins.registry);
    return found;
}

std::vector<std::string> served_namespaces(const Config& config, const TemplateCatalog& catalog) {
    std::vector<std::string> namespaces = config.namespaces;
    if (config.all_namespaces) {
        const std::set<std::string> all = catalog.namespaces();
        namespaces.assign(all.begin(), all.end());
    }
    if (namespaces.empty()) namespaces.emplace_back("default");
    return namespaces;
}

void report_discovery(const Discovered& found, const std::vector<std::string>& namespaces,
                      const Logger& log) {
    report_handlers(found.plugins.registry, log);
    report_diagnostics(found.templates.diagnostics, "discover", log);
    const TemplateCatalog& catalog = found.templates.catalog;
    report_empty_namespaces(catalog, namespaces, log);
    report_diagnostics(
        link_templates(catalog, found.plugins.registry, {namespaces.begin(), namespaces.end()}), "link", log);
    const std::string count = std::to_string(found.plugins.registry.handler_count());
    log.info("Handler discovery complete: " + count + " handlers registered",
             {{"component", "registry"}, {"operation", "discover"}, {"handler_count", count}});
}

}  // namespace tasker::host
