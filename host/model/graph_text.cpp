// A graph as lines of text: for a terminal, for Mermaid, for Markdown, for programs.
#include <algorithm>
#include <set>
#include <string>

#include "host/core/json_text.hpp"
#include "host/model/graph_picture.hpp"

namespace tasker::host {

namespace {

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }

// What would end a line or steer a terminal becomes '?'. C1 controls are two bytes in UTF-8: C2 80 to C2 9F.
std::string one_line(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const bool c1 =
            text[i] == '\xC2' && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xA0;
        if (c1) ++i;
        out += c1 || is_control(text[i]) ? '?' : text[i];
    }
    return out;
}

// Nodes by layer, within one in the order in which they are written.
std::vector<std::size_t> by_layer(const std::vector<std::size_t>& layers) {
    std::vector<std::size_t> order(layers.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t a, std::size_t b) { return layers[a] < layers[b]; });
    return order;
}

std::string count_of(const GraphPicture& picture) {
    std::size_t steps = 0;
    for (const GraphNode& node : picture.nodes) steps += node.merged;
    return std::to_string(steps) + (steps == 1 ? " step" : " steps");
}

// Mermaid reads these inside of a quoted label otherwise than as themselves.
std::string mermaid_text(std::string_view text) {
    std::string out;
    for (const char c : one_line(text)) {
        if (c == '"') {
            out += "#quot;";
        } else if (c == '#' || c == '<' || c == '>' || c == '&' || c == '`' || c == '\\') {
            out += "#" + std::to_string(static_cast<int>(c)) + ";";
        } else {
            out += c;
        }
    }
    return out;
}

std::string mermaid_shape(const GraphNode& node) {
    std::string label = mermaid_text(node.name);
    if (node.merged > 1) label += " (" + std::to_string(node.merged) + ")";
    if (!node.detail.empty()) label += "<br/>" + mermaid_text(node.detail);
    const std::string quoted = "\"" + label + "\"";
    switch (node.type) {
        case StepType::Standard:
            return "[" + quoted + "]";
        case StepType::Decision:
            return "{" + quoted + "}";
        case StepType::DeferredConvergence:
            return "{{" + quoted + "}}";
        case StepType::Batchable:
            return "[/" + quoted + "/]";
        case StepType::BatchWorker:
            return "[[" + quoted + "]]";
    }
    return "[" + quoted + "]";
}

// What hangs below a decision, and what was not made, exists only perhaps.
bool perhaps(const GraphPicture& picture, const GraphNode& child, std::size_t parent) {
    return child.state == kNotMade ||
           (child.state.empty() && picture.nodes[parent].type == StepType::Decision);
}

// A cell of a Markdown table.
std::string cell(std::string_view text) {
    std::string out;
    for (const char c : one_line(text)) {
        if (c == '|' || c == '\\' || c == '`' || c == '*' || c == '_' || c == '[' || c == '<') out += '\\';
        out += c;
    }
    return out.empty() ? "-" : out;
}

std::string names_of(const GraphPicture& picture, const std::vector<std::size_t>& nodes) {
    std::string out;
    for (const std::size_t node : nodes) out += (out.empty() ? "" : ", ") + picture.nodes[node].name;
    return out;
}

}  // namespace

std::string as_text(const GraphPicture& picture) {
    constexpr std::size_t kDeepest = 20;
    const auto layers = layers_of(picture);
    std::size_t width = 0;
    for (const GraphNode& node : picture.nodes) width = std::max(width, node.state.size());
    std::string out = one_line(picture.title) + " (" + count_of(picture) + ")\n";
    for (const std::size_t i : by_layer(layers)) {
        const GraphNode& node = picture.nodes[i];
        std::string line;
        if (width > 0) line += node.state + std::string(width + 2 - node.state.size(), ' ');
        line += std::string(2 * std::min(layers[i], kDeepest), ' ') + one_line(node.name);
        if (node.type != StepType::Standard) line += " [" + std::string(name(node.type)) + "]";
        if (node.merged > 1) line += " (" + std::to_string(node.merged) + " steps)";
        if (!node.detail.empty()) line += " (" + one_line(node.detail) + ")";
        if (!node.parents.empty()) line += " <- " + one_line(names_of(picture, node.parents));
        out += line + "\n";
    }
    return out;
}

std::string as_mermaid(const GraphPicture& picture) {
    // Mermaid's own limit, beyond which its pages draw nothing.
    constexpr std::size_t kMermaidEdges = 500;
    const auto id = [](std::size_t node) { return "s" + std::to_string(node); };
    const auto order = by_layer(layers_of(picture));
    std::string nodes, edges;
    std::size_t edge_count = 0;
    std::set<std::string> states;
    for (const std::size_t i : order) {
        const GraphNode& node = picture.nodes[i];
        nodes += "    " + id(i) + mermaid_shape(node);
        if (!node.state.empty()) {
            nodes += ":::" + node.state;
            states.insert(node.state);
        }
        nodes += "\n";
        for (const std::size_t parent : node.parents) {
            edges +=
                "    " + id(parent) + (perhaps(picture, node, parent) ? " -.-> " : " --> ") + id(i) + "\n";
        }
        edge_count += node.parents.size();
    }
    std::string out = "flowchart TD\n";
    if (edge_count > kMermaidEdges) {
        out += "    %% " + std::to_string(edge_count) + " edges: raise maxEdges of Mermaid, whose limit is " +
               std::to_string(kMermaidEdges) + "\n";
    }
    out += nodes + edges;
    for (const std::string& state : states) {
        const StateColours colours = colours_of(state);
        out += "    classDef " + state + " fill:" + std::string(colours.fill) +
               ",stroke:" + std::string(colours.line) + (state == kNotMade ? ",stroke-dasharray:4 3" : "") +
               "\n";
    }
    return out;
}

std::string as_markdown(const GraphPicture& picture, bool graph_only) {
    std::string out = "```mermaid\n" + as_mermaid(picture) + "```\n";
    if (graph_only) return out;
    out = "# " + cell(picture.title) + "\n\n" + count_of(picture) + ".\n\n" + out;
    const bool states = std::any_of(picture.nodes.begin(), picture.nodes.end(),
                                    [](const GraphNode& node) { return !node.state.empty(); });
    out += states ? "\n| Step | Type | State | Callable | After |\n| --- | --- | --- | --- | --- |\n"
                  : "\n| Step | Type | Callable | After |\n| --- | --- | --- | --- |\n";
    for (const std::size_t i : by_layer(layers_of(picture))) {
        const GraphNode& node = picture.nodes[i];
        std::string state = cell(node.state + (node.detail.empty() ? "" : ", " + node.detail));
        out += "| " + cell(node.name) + (node.merged > 1 ? " (" + std::to_string(node.merged) + ")" : "") +
               " | " + cell(name(node.type)) + " | " + (states ? state + " | " : "") + cell(node.callable) +
               " | " + cell(names_of(picture, node.parents)) + " |\n";
    }
    return out;
}

std::string as_json(const GraphPicture& picture) {
    const auto layers = layers_of(picture);
    std::string nodes, edges;
    for (std::size_t i = 0; i < picture.nodes.size(); ++i) {
        const GraphNode& node = picture.nodes[i];
        std::string parents;
        for (const std::size_t parent : node.parents) {
            const std::string from = json_string(picture.nodes[parent].name);
            parents += (parents.empty() ? "" : ",") + from;
            edges += (edges.empty() ? "{\"from\":" : ",{\"from\":") + from +
                     ",\"to\":" + json_string(node.name) + "}";
        }
        nodes += (nodes.empty() ? "{\"name\":" : ",{\"name\":") + json_string(node.name) +
                 ",\"type\":" + json_string(name(node.type)) + ",\"callable\":" + json_string(node.callable) +
                 ",\"state\":" + (node.state.empty() ? "null" : json_string(node.state)) +
                 ",\"layer\":" + std::to_string(layers[i]) + ",\"depends_on\":[" + parents + "]}";
    }
    return "{\"title\":" + json_string(picture.title) + ",\"nodes\":[" + nodes + "],\"edges\":[" + edges +
           "]}";
}

}  // namespace tasker::host
