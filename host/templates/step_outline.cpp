#include "host/templates/step_outline.hpp"

#include <algorithm>
#include <utility>

#include "host/templates/yaml_scalar.hpp"

namespace tasker::host {

namespace {

bool is_text(const YamlNode& node) {
    return node.kind == YamlNode::Kind::Scalar && scalar_value(node).kind == ScalarValue::Kind::Text;
}

void read_type(const YamlTree& tree, OutlinedStep& step) {
    const YamlNode* given = text_member(tree, step.id, "type");
    if (given == nullptr) given = text_member(tree, step.id, "step_type");
    step.type_at = given == nullptr ? step.at : given->at;
    if (given != nullptr) step.type = step_type(given->text).value_or(StepType::Standard);
}

void read_dependencies(const YamlTree& tree, OutlinedStep& step) {
    const YamlMember* given = tree.find(step.id, "dependencies");
    if (given == nullptr) given = tree.find(step.id, "depends_on");
    if (given == nullptr) return;
    for (const NodeId item : tree[given->value].items) {
        if (is_text(tree[item])) step.dependencies.push_back({tree[item].text, tree[item].at});
    }
}

}  // namespace

const YamlNode* text_member(const YamlTree& tree, NodeId map, std::string_view key) {
    const YamlMember* member = tree.find(map, key);
    if (member == nullptr) return nullptr;
    const YamlNode& node = tree[member->value];
    return node.kind == YamlNode::Kind::Scalar && !node.text.empty() ? &node : nullptr;
}

StepOutline::StepOutline(const YamlTree& tree) {
    const YamlMember* list = tree.find(tree.root, "steps");
    if (list == nullptr) return;
    const auto& items = tree[list->value].items;
    for (std::size_t i = 0; i < items.size(); ++i) {
        const YamlNode* name = text_member(tree, items[i], "name");
        if (name == nullptr) continue;
        OutlinedStep step;
        step.id = items[i];
        step.name = name->text;
        step.at = name->at;
        step.path = "steps[" + std::to_string(i) + "]";
        read_type(tree, step);
        read_dependencies(tree, step);
        steps_.push_back(std::move(step));
    }
    for (const OutlinedStep& step : steps_) by_name_.emplace(step.name, &step);
}

const OutlinedStep* StepOutline::find(std::string_view name) const {
    const auto found = by_name_.find(name);
    return found == by_name_.end() ? nullptr : found->second;
}

std::vector<std::string> StepOutline::names() const {
    std::vector<std::string> names;
    for (const auto& [name, step] : by_name_) names.push_back(name);
    return names;
}

std::vector<std::string> StepOutline::names_of_type(StepType type) const {
    std::vector<std::string> names;
    for (const auto& [name, step] : by_name_) {
        if (step->type == type) names.push_back(name);
    }
    return names;
}

bool StepOutline::has_type(StepType type) const {
    return std::any_of(steps_.begin(), steps_.end(),
                       [&](const OutlinedStep& step) { return step.type == type; });
}

bool StepOutline::made_at_run_time(const OutlinedStep& step) const {
    // The entry comes before the answer, so that a cycle ends.
    const auto [known, fresh] = late_.emplace(&step, step.type == StepType::BatchWorker);
    if (!fresh || known->second) return known->second;
    const bool late = std::any_of(step.dependencies.begin(), step.dependencies.end(), [&](const auto& one) {
        const OutlinedStep* above = find(one.name);
        return above != nullptr && (above->type == StepType::Decision || made_at_run_time(*above));
    });
    known->second = late;
    return late;
}

}  // namespace tasker::host
