#include <algorithm>
#include <string>
#include <vector>

#include "host/core/nearest.hpp"
#include "host/templates/template_loader.hpp"

namespace tasker::host {

namespace {

Diagnostic warning(const TaskTemplate& entry, const StepTemplate& step, std::string code,
                   std::string_view key, std::string message) {
    return {.severity = Severity::Warning,
            .code = std::move(code),
            .file = entry.source_path.empty() ? entry.id() : entry.source_path,
            .line = 0,
            .column = 0,
            .path = step.name + ".handler." + std::string(key),
            .message = std::move(message)};
}

}  // namespace

std::vector<Diagnostic> link_templates(const TemplateCatalog& catalog, const HandlerRegistry& registry,
                                       const std::set<std::string>& namespaces) {
    const std::vector<std::string> offered = registry.list_handlers();
    std::vector<Diagnostic> out;
    for (const auto& entry : catalog.all()) {
        if (!namespaces.empty() && !namespaces.contains(entry->namespace_name)) continue;
        for (const StepTemplate& step : entry->steps) {
            const auto handler = registry.resolve(step.handler.callable);
            if (handler == nullptr) {
                out.push_back(warning(*entry, step, "HANDLER_NOT_FOUND", "callable",
                                      "no plugin offers '" + step.handler.callable + "', which step '" +
                                          step.name + "' of " + entry->id() + " needs" +
                                          did_you_mean(step.handler.callable, offered)));
                continue;
            }
            const std::string& method = step.handler.method;
            const auto& methods = handler->info().methods;
            if (method.empty() || method == "call" ||
                std::find(methods.begin(), methods.end(), method) != methods.end()) {
                continue;
            }
            std::vector<std::string> known = methods;
            known.emplace_back("call");
            out.push_back(warning(*entry, step, "METHOD_NOT_FOUND", "method",
                                  "the handler '" + step.handler.callable + "' has no method '" + method +
                                      "', which step '" + step.name + "' of " + entry->id() + " needs" +
                                      did_you_mean(method, known)));
        }
    }
    return out;
}

}  // namespace tasker::host
