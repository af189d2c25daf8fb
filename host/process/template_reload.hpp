#pragma once
// SIGHUP: the templates of a running worker are read again.

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "host/engine/engine.hpp"
#include "host/logging/logger.hpp"
#include "host/registry/handler_registry.hpp"
#include "host/templates/template_loader.hpp"

namespace tasker::host {

// By id: "orders/order_fulfillment/1.0.0".
struct TemplateChanges {
    TemplateCatalog catalog;
    std::vector<std::string> added, changed, removed;
    std::vector<std::string> kept;  // their file is there and cannot be used now
};

// What a worker knows after its templates were read again. Pure: whether a file is gone is asked of `gone`. A template
// whose file is still there but did not give it any more keeps its old definition; one whose file is gone, or says
// another id now, is removed.
TemplateChanges merged_templates(const TemplateCatalog& old, const TemplateCatalog& fresh,
                                 const std::function<bool(const std::filesystem::path&)>& gone);

// Reads, merges, tells the engine and the log. New submissions use the result; running tasks keep what they have.
// `namespaces`: those served; a template of another one is warned about.
void reload_templates(Engine& engine, const HandlerRegistry& registry,
                      const std::vector<std::string>& namespaces,
                      const std::vector<std::filesystem::path>& roots, const TemplateOptions& rules,
                      const Logger& log);

}  // namespace tasker::host
