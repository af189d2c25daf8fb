#pragma once
// Plugins as the configuration says, for `task run` and the listing verbs.

#include "host/config/config.hpp"
#include "host/loader/plugin_set.hpp"
#include "host/logging/logger.hpp"

namespace tasker::host {

PluginOptions plugin_options(const Config& config);
// Loads what it finds into this process.
LoadedPlugins discover_plugins(const Config& config, const Logger& log = Logger{});

}  // namespace tasker::host
