#pragma once
// Does the document follow the schema? Everything that is wrong, at once.

#include "host/templates/findings.hpp"
#include "host/templates/yaml_tree.hpp"

namespace tasker::host {

// Types, ranges, required and unknown keys, and what this version does not support.
void check_schema(const YamlTree& tree, bool strict, Findings& findings);

// The JSON Schema of a task's input, a map: whether it can be used, each remark with its place.
void check_input_schema(const YamlTree& tree, NodeId schema, const std::string& path, Findings& findings);

// The steps' names and dependencies: duplicates, unknown names, self-dependencies, cycles. Tolerates a
// document that check_schema() complained about.
void check_graph(const YamlTree& tree, Findings& findings);

// What a Tasker server ignores or does differently, and what its own checker would say beside. Only for a tree without
// errors.
void check_tasker(const YamlTree& tree, TaskerFindings wanted, Findings& findings);

}  // namespace tasker::host
