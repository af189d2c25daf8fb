#pragma once
// Which template a verb means.

#include <memory>
#include <string>

#include "host/model/template_catalog.hpp"
#include "host/process/commands.hpp"

namespace tasker::host {

// The one of that name, --namespace and --version counted. Throws CommandFailure: NOT_FOUND with the nearest name, USAGE
// when several fit.
std::shared_ptr<const TaskTemplate> only_match(const Command& command, const TemplateCatalog& catalog,
                                               const std::string& name);

// The template in the file that the word names, or the one of that name in the template path. Throws CommandFailure, also
// for a file with errors, which it tells.
std::shared_ptr<const TaskTemplate> chosen_template(Command& command, const std::string& word);

}  // namespace tasker::host
