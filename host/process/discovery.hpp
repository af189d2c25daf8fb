#pragma once
// What a worker finds before it starts: plugins, templates, and which of them belong together.

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "host/config/config.hpp"
#include "host/loader/plugin_set.hpp"
#include "host/logging/logger.hpp"
#include "host/registry/handler_registry.hpp"
#include "host/templates/template_loader.hpp"

namespace tasker::host {

struct Discovered {
    LoadedPlugins plugins;
    LoadedTemplates templates;
};
using Discover = std::function<Discovered(const Config&, const Logger&)>;

// How a worker with this configuration reads templates.
TemplateOptions template_rules(const Config& config);

// What a generation is made of, instead of what the configured roots hold now.
struct Chosen {
    struct Plugin {
        std::string file, sha256;  // as the cache in the state folder has it
        std::string path;          // of the file that was copied there; empty: not known
    };
    std::vector<Plugin> plugins;
    std::optional<TemplateCatalog> templates;  // nothing: those of the roots
};

// Loads what was chosen, or else what the roots hold. A bad file never stops the others.
Discovered discover_chosen(const Config& config, const Logger& log, std::optional<Chosen> chosen);
Discovered discover(const Config& config, const Logger& log);

// The namespaces that the worker serves: those configured, all of the templates', or `default`.
std::vector<std::string> served_namespaces(const Config& config, const TemplateCatalog& catalog);

// What merged_templates() is asked: a folder that cannot be looked into may still hold the file.
bool template_is_gone(const std::filesystem::path& path);

void report_diagnostics(const std::vector<Diagnostic>& diagnostics, const char* operation, const Logger& log);

// The seed's lines about handlers, then everything that an operator should know: bad templates, callables that nobody
// offers, namespaces without templates.
void report_discovery(const Discovered& found, const std::vector<std::string>& namespaces, const Logger& log);

}  // namespace tasker::host
