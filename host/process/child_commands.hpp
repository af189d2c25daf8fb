#pragma once
// The commands by which a supervisor starts its children. Not for people: they are in no help.

#include "host/process/commands.hpp"

namespace tasker::host {

// In the state folder: where operators find the supervisor, and workers the engine.
constexpr const char* kOperatorSocket = "supervisor.sock";
constexpr const char* kEngineSocket = "engine.sock";
// The environment variable with the token that workers show to the engine; of the state folder.
constexpr const char* kEngineToken = "TASKER_ENGINE_TOKEN";

ExitCode engine_process(Command& command);
ExitCode worker_process(Command& command);

// Looks at all plugin and template files, probes what is new and prints one document: what may be loaded ("manifest"), what
// became of each file, which templates there are and what they ask for in vain. A template whose file cannot be used now is
// told as the document --kept has it. In a process of its own so that the one that wants to know reads no ELF and no YAML,
// and lives whatever happens here.
ExitCode scan_command(Command& command);

}  // namespace tasker::host
