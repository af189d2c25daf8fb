#pragma once
// A checked document as canonical JSON: canonical key names in the schema's order, defaults filled in.

#include <string>

#include "host/templates/yaml_tree.hpp"

namespace tasker::host {

// Only for a tree without errors.
std::string canonical_json(const YamlTree& tree);

}  // namespace tasker::host
