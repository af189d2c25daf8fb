#pragma once
// Plugins as the configuration says, for `task run` and the listing verbs.

#include <filesystem>
#include <string>
#include <vector>

#include "host/config/config.hpp"
#include "host/loader/plugin_set.hpp"
#include "host/logging/logger.hpp"

namespace tasker::host {

// For looking at files; it names no cache.
PluginOptions plugin_options(const Config& config);
// Loads what it finds into this process. The copies that are loaded lie in the state folder, or in a temporary one where
// this user cannot write there.
LoadedPlugins discover_plugins(const Config& config, const Logger& log = Logger{});

// Why a root gives no plugins: it is missing, unreadable or a file; one line a root, none when all can be read.
std::vector<std::string> plugin_root_faults(const std::vector<std::filesystem::path>& roots);

}  // namespace tasker::host
