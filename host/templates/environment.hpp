#pragma once
// `environments`: what differs between, say, production and test.

#include <string_view>

#include "host/templates/findings.hpp"
#include "host/templates/yaml_tree.hpp"

namespace tasker::host {

// Warns of overrides, in any environment, for steps that do not exist.
void check_environments(const YamlTree& tree, Findings& findings);

// Changes the steps as `environment` says, its overrides in their order: keys of `initialization` are added
// or replaced, `timeout_seconds` replaces, `retry` replaces as a whole. Only for a tree without errors.
void apply_environment(YamlTree& tree, std::string_view environment);

}  // namespace tasker::host
