#pragma once
// Does the document follow the schema? Everything that is wrong, at once.

#include "host/templates/findings.hpp"
#include "host/templates/yaml_tree.hpp"

namespace tasker::host {

// Types, ranges, required and unknown keys, and what this version does not support.
void check_schema(const YamlTree& tree, const TemplateOptions& options, Findings& findings);

// A JSON Schema, a map: whether it can be used, each remark with its place. `input`: of a task, which is an object.
void check_json_schema(const YamlTree& tree, NodeId schema, const std::string& path, bool input,
                       Findings& findings);

// The steps' names and dependencies: duplicates, unknown names, self-dependencies, cycles. Tolerates a
// document that check_schema() complained about.
void check_graph(const YamlTree& tree, Findings& findings);

// Whether decisions, batches, workers and what waits for them fit together, and what steps publish. Tolerates a document
// that the other checks complained about.
void check_wiring(const YamlTree& tree, Findings& findings);

// What a Tasker server ignores or does differently, and what its own checker would say beside. Only for a tree without
// errors.
void check_tasker(const YamlTree& tree, TaskerFindings wanted, Findings& findings);

}  // namespace tasker::host
