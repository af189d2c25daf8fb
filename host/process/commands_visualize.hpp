#pragma once
// The verbs that draw graphs, and the one that prints the schema of templates.

#include <vector>

#include "host/process/cli_grammar.hpp"
#include "host/process/commands.hpp"

namespace tasker::host {

std::vector<VerbSpec> visualize_verbs();

ExitCode template_schema_command(Command& command);
ExitCode template_visualize(Command& command);
ExitCode task_visualize(Command& command);

}  // namespace tasker::host
