#include <algorithm>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "host/core/nearest.hpp"
#include "host/templates/handler_contract.hpp"
#include "host/templates/template_loader.hpp"

namespace tasker::host {

namespace {

Diagnostic finding(Severity severity, const TaskTemplate& entry, std::size_t index, std::string code,
                   std::string_view key, std::string message) {
    const StepPlaces places = index < entry.step_places.size() ? entry.step_places[index] : StepPlaces{};
    const TextPlace at = key == "method"     ? places.method
                         : key == "resolver" ? places.resolver
                                             : places.callable;
    return {.severity = severity,
            .code = std::move(code),
            .file = entry.source_path.empty() ? entry.id() : entry.source_path,
            .line = at.line,
            .column = at.column,
            .path = entry.steps[index].name + ".handler." + std::string(key),
            .message = std::move(message)};
}

class Linker {
  public:
    explicit Linker(const HandlerRegistry& registry) : registry_(registry) {}

    void step(const TaskTemplate& entry, std::size_t index) {
        const StepTemplate& step = entry.steps[index];
        const HandlerRef& ref = step.handler;
        const std::string who = "step '" + step.name + "' of " + entry.id();
        const Resolution found = registry_.find(ref, step.name);
        if (found.verdict == Resolution::Verdict::NoSuchResolver) {
            out.push_back(finding(Severity::Error, entry, index, "RESOLVER_NOT_FOUND", "resolver",
                                  found.fault + "; " + who + " fails until that is corrected"));
            return;
        }
        if (!found) {
            const std::string nobody = "no plugin offers '" + ref.callable + "', which " + who + " needs" +
                                       did_you_mean(ref.callable, registry_.list_handlers());
            const bool more = !ref.resolver.empty() || found.resolver_failed;
            out.push_back(finding(Severity::Warning, entry, index, "HANDLER_NOT_FOUND", "callable",
                                  more ? nobody + "; " + found.fault : nobody));
            return;
        }
        const HandlerInfo& info = found.handler->info();
        if (!offers_method(info, ref.method)) {
            std::vector<std::string> known = info.methods;
            known.emplace_back("call");
            out.push_back(finding(Severity::Warning, entry, index, "METHOD_NOT_FOUND", "method",
                                  "the handler '" + ref.callable + "' has no method '" + ref.method +
                                      "', which " + who + " needs" + did_you_mean(ref.method, known)));
        }
        check_handler_contract(entry, index, info, out);
    }

    std::vector<Diagnostic> out;

  private:
    const HandlerRegistry& registry_;
};

}  // namespace

std::vector<Diagnostic> link_templates(const TemplateCatalog& catalog, const HandlerRegistry& registry,
                                       const std::set<std::string>& namespaces) {
    Linker linker(registry);
    for (const auto& entry : catalog.all()) {
        if (!namespaces.empty() && !namespaces.contains(entry->namespace_name)) continue;
        for (std::size_t i = 0; i < entry->steps.size(); ++i) linker.step(*entry, i);
    }
    return std::move(linker.out);
}

void accept_resolvers(LoadedTemplates& loaded, const HandlerRegistry& registry) {
    std::set<std::tuple<std::string_view, int, int>> known;  // file, line, column
    for (const auto& entry : loaded.catalog.all()) {
        for (std::size_t i = 0; i < std::min(entry->steps.size(), entry->step_places.size()); ++i) {
            const TextPlace at = entry->step_places[i].resolver;
            if (registry.get_resolver(entry->steps[i].handler.resolver) != nullptr)
                known.insert({entry->source_path, at.line, at.column});
        }
    }
    std::erase_if(loaded.diagnostics, [&](const Diagnostic& one) {
        return one.code == "UNKNOWN_RESOLVER" && known.contains({one.file, one.line, one.column});
    });
}

}  // namespace tasker::host
