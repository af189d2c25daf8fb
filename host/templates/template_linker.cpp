#include <algorithm>
#include <string>
#include <vector>

#include "host/core/nearest.hpp"
#include "host/templates/template_loader.hpp"

namespace tasker::host {

namespace {

Diagnostic warning(const TaskTemplate& entry, std::size_t index, std::string code, std::string_view key,
                   std::string message) {
    const StepPlaces places = index < entry.step_places.size() ? entry.step_places[index] : StepPlaces{};
    const TextPlace at = key == "method" ? places.method : places.callable;
    return {.severity = Severity::Warning,
            .code = std::move(code),
            .file = entry.source_path.empty() ? entry.id() : entry.source_path,
            .line = at.line,
            .column = at.column,
            .path = entry.steps[index].name + ".handler." + std::string(key),
            .message = std::move(message)};
}

}  // namespace

std::vector<Diagnostic> link_templates(const TemplateCatalog& catalog, const HandlerRegistry& registry,
                                       const std::set<std::string>& namespaces) {
    const std::vector<std::string> offered = registry.list_handlers();
    std::vector<Diagnostic> out;
    for (const auto& entry : catalog.all()) {
        if (!namespaces.empty() && !namespaces.contains(entry->namespace_name)) continue;
        for (std::size_t i = 0; i < entry->steps.size(); ++i) {
            const StepTemplate& step = entry->steps[i];
            const auto handler = registry.resolve(step.handler.callable);
            if (handler == nullptr) {
                out.push_back(warning(*entry, i, "HANDLER_NOT_FOUND", "callable",
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
            out.push_back(warning(*entry, i, "METHOD_NOT_FOUND", "method",
                                  "the handler '" + step.handler.callable + "' has no method '" + method +
                                      "', which step '" + step.name + "' of " + entry->id() + " needs" +
                                      did_you_mean(method, known)));
        }
    }
    return out;
}

}  // namespace tasker::host
