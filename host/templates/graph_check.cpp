#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "host/model/task_template.hpp"
#include "host/templates/template_check.hpp"
#include "host/templates/yaml_scalar.hpp"

namespace tasker::host {

namespace {

struct Dependency {
    std::string name;
    Position at;
};

struct Step {
    std::string name;
    Position at;
    std::string path;
    std::vector<Dependency> dependencies;
};

const YamlNode* text_member(const YamlTree& tree, NodeId map, std::string_view key) {
    const YamlMember* member = tree.find(map, key);
    if (member == nullptr) return nullptr;
    const YamlNode& node = tree[member->value];
    return node.kind == YamlNode::Kind::Scalar && !node.text.empty() ? &node : nullptr;
}

std::vector<Step> steps_of(const YamlTree& tree) {
    std::vector<Step> steps;
    const YamlMember* list = tree.find(tree.root, "steps");
    if (list == nullptr) return steps;
    const auto& items = tree[list->value].items;
    for (std::size_t i = 0; i < items.size(); ++i) {
        const YamlNode* name = text_member(tree, items[i], "name");
        if (name == nullptr) continue;
        Step step{.name = name->text,
                  .at = name->at,
                  .path = "steps[" + std::to_string(i) + "]",
                  .dependencies = {}};
        const YamlMember* given = tree.find(items[i], "dependencies");
        if (given == nullptr) given = tree.find(items[i], "depends_on");
        if (given != nullptr) {
            for (const NodeId item : tree[given->value].items) {
                const bool is_text = tree[item].kind == YamlNode::Kind::Scalar &&
                                     scalar_value(tree[item]).kind == ScalarValue::Kind::Text;
                if (!is_text) continue;
                step.dependencies.push_back({tree[item].text, tree[item].at});
            }
        }
        steps.push_back(std::move(step));
    }
    return steps;
}

std::map<std::string, const Step*, std::less<>> by_name(const std::vector<Step>& steps, Findings& findings) {
    std::map<std::string, const Step*, std::less<>> names;
    for (const Step& step : steps) {
        const auto [first, fresh] = names.emplace(step.name, &step);
        if (fresh) continue;
        findings.error("DUPLICATE_STEP_NAME", step.at, step.path + ".name",
                       "two steps are named " + shown(step.name) + ": lines " +
                           std::to_string(first->second->at.line) + " and " + std::to_string(step.at.line) +
                           "; rename one");
    }
    return names;
}

void report_cycle(const std::vector<Step>& steps, TaskTemplate& graph, Findings& findings) {
    const auto cycle = link_graph(graph);
    if (!cycle) return;
    const auto start = std::find_if(steps.begin(), steps.end(),
                                    [&](const Step& step) { return cycle->starts_with(step.name + " -> "); });
    findings.error("CYCLE_DETECTED", start == steps.end() ? Position{} : start->at,
                   start == steps.end() ? "steps" : start->path + ".dependencies",
                   "dependency cycle: " + shortened(*cycle, 400) + "; remove one of these dependencies");
}

}  // namespace

void check_graph(const YamlTree& tree, Findings& findings) {
    const std::vector<Step> steps = steps_of(tree);
    const auto names = by_name(steps, findings);
    std::vector<std::string> known;
    for (const auto& [name, step] : names) known.push_back(name);
    TaskTemplate graph;
    for (const Step& step : steps) {
        StepTemplate node;
        node.name = step.name;
        for (std::size_t i = 0; i < step.dependencies.size(); ++i) {
            const Dependency& dependency = step.dependencies[i];
            const std::string path = step.path + ".dependencies[" + std::to_string(i) + "]";
            if (dependency.name == step.name) {
                findings.error("SELF_DEPENDENCY", dependency.at, path,
                               "dependency cycle: " + shown(step.name) + " depends on itself; remove it");
            } else if (!names.contains(dependency.name)) {
                findings.error("MISSING_DEP_REF", dependency.at, path,
                               shown(step.name) + " depends on " + shown(dependency.name) +
                                   " which does not exist" + findings.suggest(dependency.name, known));
            } else {
                node.dependencies.push_back(dependency.name);
            }
        }
        // Of steps with one name the first stands for all; the others have been reported.
        if (names.find(step.name)->second == &step) graph.steps.push_back(std::move(node));
    }
    report_cycle(steps, graph, findings);
}

}  // namespace tasker::host
