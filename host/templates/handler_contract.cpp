#include "host/templates/handler_contract.hpp"

#include <string>

#include "host/model/input_schema.hpp"

namespace tasker::host {

namespace {
Diagnostic finding(Severity severity, const TaskTemplate& entry, std::size_t index, std::string code,
                   const char* member, std::string message) {
    const TextPlace at = index < entry.step_places.size() ? entry.step_places[index].callable : TextPlace{};
    return {.severity = severity,
            .code = std::move(code),
            .file = entry.source_path.empty() ? entry.id() : entry.source_path,
            .line = at.line,
            .column = at.column,
            .path = entry.steps[index].name + ".handler." + member,
            .message = std::move(message)};
}

// What the kind of handler lacks for a step of this type; nothing when it may well do.
std::string missing_kind(const HandlerInfo& info, StepType type) {
    if (info.plugin_id.empty()) return {};
    const bool is_worker = info.kind == "batch_worker";
    if (is_worker && type != StepType::BatchWorker)
        return "runs one batch: only a step of type batch_worker has a cursor for it";
    if (info.kind != "step" && !is_worker) return {};
    if (type == StepType::Decision)
        return "names no steps unless its result has a decision_point_outcome of its own; make it a decision "
               "handler";
    if (type == StepType::Batchable)
        return "makes no batches unless its result has a batch_processing_outcome of its own; make it a "
               "batch analyzer";
    return {};
}
}  // namespace

void check_handler_contract(const TaskTemplate& entry, std::size_t index, const HandlerInfo& info,
                            std::vector<Diagnostic>& out) {
    const StepTemplate& step = entry.steps[index];
    const std::string who = "step '" + step.name + "' of " + entry.id();
    const std::string handler =
        "handler '" + info.callable + "'" + (info.plugin_id.empty() ? "" : " (" + info.version() + ")");
    if (!info.config_schema_json.empty()) {
        const InputSchema schema(info.config_schema_json, "the config_schema of " + handler);
        if (const auto fault = schema.fault(step.handler.initialization_json)) {
            out.push_back(finding(Severity::Error, entry, index, "CONFIG_INVALID", "initialization",
                                  "the configuration of " + who + " cannot be used: " + *fault +
                                      "; the step fails until that is corrected"));
        }
    }
    if (const std::string missing = missing_kind(info, step.type); !missing.empty()) {
        out.push_back(
            finding(Severity::Warning, entry, index, "HANDLER_KIND", "callable",
                    "the " + handler + " of " + who + " is of kind " + info.kind + " and " + missing));
    }
}

std::vector<Diagnostic> check_handler_contracts(const TemplateCatalog& catalog,
                                                const HandlerRegistry& registry) {
    std::vector<Diagnostic> out;
    for (const auto& entry : catalog.all()) {
        for (std::size_t i = 0; i < entry->steps.size(); ++i) {
            if (const auto handler = registry.find(entry->steps[i].handler, entry->steps[i].name).handler)
                check_handler_contract(*entry, i, handler->info(), out);
        }
    }
    return out;
}

}  // namespace tasker::host
