#include "host/process/template_reload.hpp"

#include <set>
#include <system_error>

#include "host/model/template_merge.hpp"
#include "host/process/discovery.hpp"

namespace tasker::host {

namespace {
namespace fs = std::filesystem;

const LogFields kFields{{"component", "templates"}, {"operation", "reload"}};

void report_namespaces(const TemplateCatalog& catalog, const std::vector<std::string>& namespaces,
                       const Logger& log) {
    const std::set<std::string> served(namespaces.begin(), namespaces.end());
    for (const std::string& one : catalog.namespaces()) {
        if (served.contains(one)) continue;
        LogFields fields = kFields;
        fields.emplace_back("namespace", one);
        log.info("Namespace has templates and is not served by this worker; a restart with it would", fields);
    }
}
}  // namespace

void reload_templates(Engine& engine, const HandlerRegistry& registry, const EventExtensions& events,
                      const std::vector<std::string>& namespaces, const std::vector<fs::path>& roots,
                      const TemplateOptions& rules, const Logger& log) {
    LoadedTemplates loaded = load_templates(roots, rules);
    accept_resolvers(loaded, registry);
    report_diagnostics(loaded.diagnostics, "reload", log);
    TemplateChanges changes = merged_templates(*engine.catalog(), loaded.catalog, template_is_gone);
    for (const std::string& id : changes.kept) {
        LogFields fields = kFields;
        fields.emplace_back("template", id);
        log.error("Template keeps its old definition: its file cannot be used now", fields);
    }
    report_diagnostics(link_templates(changes.catalog, registry, {namespaces.begin(), namespaces.end()}),
                       "link", log);
    for (const std::string& one :
         missing_publishers(changes.catalog, {namespaces.begin(), namespaces.end()}, registry, events))
        log.error("Template: " + one, kFields);
    report_namespaces(changes.catalog, namespaces, log);
    LogFields counts = kFields;
    counts.emplace_back("templates", changes.catalog.all().size());
    counts.emplace_back("added", changes.added.size());
    counts.emplace_back("changed", changes.changed.size());
    counts.emplace_back("removed", changes.removed.size());
    counts.emplace_back("kept", changes.kept.size());
    engine.set_catalog(std::make_shared<const TemplateCatalog>(std::move(changes.catalog)));
    log.info("Templates read again: " + std::to_string(changes.added.size()) + " added, " +
                 std::to_string(changes.changed.size()) + " changed, " +
                 std::to_string(changes.removed.size()) + " removed, " + std::to_string(changes.kept.size()) +
                 " kept as they were",
             std::move(counts));
}

}  // namespace tasker::host
