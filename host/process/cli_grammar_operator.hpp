#pragma once
// The part of the command line that is for whoever looks after tasks: single steps, the dead letter queue, pruning.

#include <vector>

#include "host/process/cli_grammar.hpp"

namespace tasker::host {

std::vector<VerbSpec> operator_verbs();
// Of a supervisor's workers.
std::vector<VerbSpec> supervisor_verbs();

}  // namespace tasker::host
