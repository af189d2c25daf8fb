#pragma once
// Does a template's step fit the handler that it names? What the plugin declares against what the template says.

#include <cstddef>
#include <vector>

#include "host/templates/template_loader.hpp"

namespace tasker::host {

// Appends what is wrong between step `index` of the template and its handler: an error for a handler.initialization
// (environment overrides applied) that the handler's config_schema refuses, a warning for a handler whose kind cannot do
// what the step's type asks of it. A handler that the host was given by a program has no kind to speak of.
void check_handler_contract(const TaskTemplate& entry, std::size_t index, const HandlerInfo& info,
                            std::vector<Diagnostic>& out);

// The same for every step whose callable is offered; for `template validate`, which does not ask for all of them.
std::vector<Diagnostic> check_handler_contracts(const TemplateCatalog& catalog,
                                                const HandlerRegistry& registry);

}  // namespace tasker::host
