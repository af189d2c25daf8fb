#pragma once
// What was discovered, as documents. Pure.

#include <memory>
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
    std::string callable, resolver;    // as steps say them; resolver: empty without a hint
    std::shared_ptr<Handler> handler;  // who runs them; null: nobody, and why in `fault`
    std::string fault;
    std::vector<std::string> used_by;  // "namespace/name/version#step"
};
// Every callable that a step of the catalog names, sorted, as the registry resolves it.
std::vector<HandlerUse> handler_uses(const HandlerRegistry& registry, const TemplateCatalog& catalog);

// {"handlers": [...], "resolvers": [...], "missing": [...]}: what is offered, who is asked in which order, and what
// templates ask for in vain.
std::string handlers_document(const HandlerRegistry& registry, const TemplateCatalog& catalog);

std::string_view name(Threading threading);

}  // namespace tasker::host
