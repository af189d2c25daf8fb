#pragma once
// What two plugin files offer under one name belongs to neither: an order of files must not decide which code runs. Pure.

#include <set>
#include <string>
#include <vector>

#include "host/loader/plugin_set.hpp"

namespace tasker::host {

// The names that several reports have. Those reports get the state "duplicate" and a reason with all files and the
// remedy; their lists stay as they are.
std::set<std::string> mark_duplicate_callables(const std::vector<PluginReport*>& reports);
std::set<std::string> mark_duplicate_resolvers(const std::vector<PluginReport*>& reports);

}  // namespace tasker::host
