#pragma once
// SIGHUP: the templates of a running worker are read again.

#include <filesystem>
#include <string>
#include <vector>

#include "host/engine/engine.hpp"
#include "host/logging/logger.hpp"
#include "host/registry/handler_registry.hpp"
#include "host/templates/template_loader.hpp"

namespace tasker::host {

// Reads, merges, tells the engine and the log. New submissions use the result; running tasks keep what they have.
// `namespaces`: those served; a template of another one is warned about.
void reload_templates(Engine& engine, const HandlerRegistry& registry,
                      const std::vector<std::string>& namespaces,
                      const std::vector<std::filesystem::path>& roots, const TemplateOptions& rules,
                      const Logger& log);

}  // namespace tasker::host
