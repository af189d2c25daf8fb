#pragma once
// Pictures of a workflow's graph, of a template or of a task with its states. Pure: values in, text out; every text from
// outside is escaped for the format it is put into.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "host/model/task_template.hpp"

namespace tasker::host {

// A step that the template has and the task does not have (yet): a branch not taken, a batch not cut.
inline constexpr std::string_view kNotMade = "not_made";

struct GraphNode {
    std::string name;
    StepType type = StepType::Standard;
    std::string callable;              // may be empty
    std::string state;                 // a step's state or kNotMade; empty: of a template
    std::vector<std::size_t> parents;  // indices of nodes, each once
    std::size_t merged = 1;            // how many equal steps it stands for; see condensed()
    std::string detail = {};           // "attempt 2/3"; may be empty
};

struct GraphPicture {
    std::string title;
    std::vector<GraphNode> nodes;
};

GraphPicture picture_of(const TaskTemplate& task_template);

// A step of a task, as the API tells it.
struct MadeStep {
    std::string name, state;
    int attempts = 0, max_attempts = 0;
    std::vector<std::string> dependencies;
};
// `task_template` may be null: then only what was made is drawn, all of it as standard steps.
GraphPicture picture_of(std::string title, const std::vector<MadeStep>& steps,
                        const TaskTemplate* task_template);

// The same graph with steps that have the same type, state, parents and children drawn as one, where that is needed to
// keep it below `most` nodes; batches of a thousand workers are then still a picture.
GraphPicture condensed(GraphPicture picture, std::size_t most);
// Nodes that a diagram shows before it condenses.
inline constexpr std::size_t kReadableNodes = 200;

// How deep each node lies below the roots. A node of a cycle (which no checked template has) counts as a root.
std::vector<std::size_t> layers_of(const GraphPicture& picture);

// One line a step, indented by its layer: "  approve [decision] <- check".
std::string as_text(const GraphPicture& picture);
// A flowchart for Mermaid, parents before children; states are classes.
std::string as_mermaid(const GraphPicture& picture);
// Title, the Mermaid diagram in a fence, and unless `graph_only` a table of the steps.
std::string as_markdown(const GraphPicture& picture, bool graph_only);
// {"title", "nodes": [{"name", "type", "callable", "state", "layer", "depends_on"}], "edges": [{"from", "to"}]}; not
// condensed.
std::string as_json(const GraphPicture& picture);
// A drawing that stands alone: no script, no reference to anything outside.
std::string as_svg(const GraphPicture& picture);

// The colours of a state, as "#rrggbb"; of an unknown one the neutral ones.
struct StateColours {
    std::string_view fill, line;
};
StateColours colours_of(std::string_view state);

}  // namespace tasker::host
