#pragma once
// A plugin that did its harm after its probe.

#include <string>

#include "host/config/config.hpp"
#include "host/logging/logger.hpp"
#include "host/process/commands.hpp"

namespace tasker::host {

// As if its probe had crashed: nobody loads that content until somebody takes it out of the quarantine. What it did ("crashed
// with ...") is kept as the reason. A quarantine that cannot be written is told to the log.
void quarantine_plugin(const Command& command, const Config& config, const std::string& file,
                       const std::string& sha256, const std::string& what_it_did, const Logger& log);

}  // namespace tasker::host
