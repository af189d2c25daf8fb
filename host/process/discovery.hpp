#pragma once
// What a worker finds before it starts: plugins, templates, and which of them belong together.

#include <functional>
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

// Loads what the configured roots hold. A bad file never stops the others.
Discovered discover(const Config& config, const Logger& log);

// The namespaces that the worker serves: those configured, all of the templates', or `default`.
std::vector<std::string> served_namespaces(const Config& config, const TemplateCatalog& catalog);

void report_diagnostics(const std::vector<Diagnostic>& diagnostics, const char* operation, const Logger& log);

// The seed's lines about handlers, then everything that an operator should know: bad templates, callables that nobody
// offers, namespaces without templates.
void report_discovery(const Discovered& found, const std::vector<std::string>& namespaces, const Logger& log);

}  // namespace tasker::host
