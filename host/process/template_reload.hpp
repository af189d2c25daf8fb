#pragma once
// SIGHUP: the templates of a running worker are read again.

#include <filesystem>
#include <string>
#include <vector>

#include "host/engine/engine.hpp"
#include "host/logging/logger.hpp"
#include "host/registry/event_extensions.hpp"
#include "host/registry/handler_registry.hpp"
#include "host/templates/template_loader.hpp"

namespace tasker::host {

// Reads, merges, tells the engine and the log. New submissions use the result; running tasks keep what they have.
// `namespaces`: those served; a template of another one is warned about.
// A new definition that names a publisher of domain events which nobody offers is an error in the log: such events are
// not published.
void reload_templates(Engine& engine, const HandlerRegistry& registry, const EventExtensions& events,
                      const std::vector<std::string>& namespaces,
                      const std::vector<std::filesystem::path>& roots, const TemplateOptions& rules,
                      const Logger& log);

}  // namespace tasker::host
