#pragma once
// From argv to an exit code: parse, run the verb, turn whatever went wrong into a message and a code.

#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "host/process/commands.hpp"
#include "host/process/output.hpp"

namespace tasker::host {

struct Invocation {
    std::vector<std::string> arguments;  // without argv[0]
    std::map<std::string, std::string> environment;
    std::filesystem::path working_directory;
    std::filesystem::path executable;  // resolved
};

// Runs a verb's body: what it throws becomes its message, what could not be printed too. The exit code.
int conclude(Command& command, const std::function<ExitCode()>& body);
// Never throws.
int run_invocation(const Invocation& invocation, Output& out, Output& err);
// What main() does: takes the process's own arguments and surroundings.
int run_process(int argc, char** argv);

}  // namespace tasker::host
