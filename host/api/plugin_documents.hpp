#pragma once
// What was discovered, as documents. Pure.

#include <string>
#include <vector>

#include "host/loader/plugin_set.hpp"
#include "host/model/template_catalog.hpp"
#include "host/registry/handler_registry.hpp"

namespace tasker::host {

std::string plugin_document(const PluginReport& report);
// {"plugins": [...]}
std::string plugins_document(const std::vector<PluginReport>& reports);

struct HandlerUse {
    std::string callable;
    std::vector<std::string> used_by;  // "namespace/name/version#step"
};
// Every callable that a step of the catalog names, sorted.
std::vector<HandlerUse> handler_uses(const TemplateCatalog& catalog);

// {"handlers": [...], "missing": [...]}: what is offered, and what templates ask for in vain.
std::string handlers_document(const HandlerRegistry& registry, const TemplateCatalog& catalog);

std::string_view name(Threading threading);

}  // namespace tasker::host
