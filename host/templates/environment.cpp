#include "host/templates/environment.hpp"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace tasker::host {

namespace {

using Kind = YamlNode::Kind;
constexpr std::string_view kEveryStep = "ALL";

// The value of the member; nothing when it is absent or null.
std::optional<NodeId> value_of(const YamlTree& tree, NodeId map, std::string_view key) {
    const YamlMember* member = tree.find(map, key);
    if (member == nullptr || tree[member->value].kind == Kind::Null) return std::nullopt;
    return member->value;
}

std::vector<NodeId> items_of(const YamlTree& tree, NodeId map, std::string_view key) {
    const auto list = value_of(tree, map, key);
    return list ? tree[*list].items : std::vector<NodeId>{};
}

std::string name_of(const YamlTree& tree, NodeId map) {
    const auto name = value_of(tree, map, "name");
    return name ? tree[*name].text : std::string{};
}

void set_member(YamlNode& map, const std::string& key, NodeId value) {
    const auto found = std::find_if(map.members.begin(), map.members.end(),
                                    [&](const YamlMember& member) { return member.key == key; });
    if (found != map.members.end()) {
        found->value = value;
    } else {
        map.members.push_back({.key = key, .at = {}, .value = value});
    }
}

// Nodes may be shared by aliases, so what changes is a copy.
NodeId with_initialization(YamlTree& tree, NodeId step, NodeId changes) {
    const auto handler = value_of(tree, step, "handler");
    if (!handler) return step;
    const auto before = value_of(tree, *handler, "initialization");
    YamlNode merged = before ? tree[*before] : YamlNode{.kind = Kind::Map};
    const std::vector<YamlMember> added = tree[changes].members;
    for (const YamlMember& member : added) set_member(merged, member.key, member.value);
    YamlNode new_handler = tree[*handler];
    set_member(new_handler, "initialization", tree.add(std::move(merged)));
    YamlNode new_step = tree[step];
    set_member(new_step, "handler", tree.add(std::move(new_handler)));
    return tree.add(std::move(new_step));
}

NodeId with_member(YamlTree& tree, NodeId step, const std::string& key, NodeId value) {
    YamlNode changed = tree[step];
    set_member(changed, key, value);
    return tree.add(std::move(changed));
}

NodeId changed_step(YamlTree& tree, NodeId step, NodeId change) {
    if (const auto handler = value_of(tree, change, "handler")) {
        if (const auto initialization = value_of(tree, *handler, "initialization")) {
            step = with_initialization(tree, step, *initialization);
        }
    }
    for (const char* key : {"timeout_seconds", "retry"}) {
        if (const auto value = value_of(tree, change, key)) step = with_member(tree, step, key, *value);
    }
    return step;
}

}  // namespace

void check_environments(const YamlTree& tree, Findings& findings) {
    std::vector<std::string> names{std::string(kEveryStep)};
    for (const NodeId step : items_of(tree, tree.root, "steps")) names.push_back(name_of(tree, step));
    std::sort(names.begin(), names.end());
    const auto environments = value_of(tree, tree.root, "environments");
    if (!environments) return;
    for (const YamlMember& environment : tree[*environments].members) {
        const auto overrides = items_of(tree, environment.value, "steps");
        for (std::size_t i = 0; i < overrides.size(); ++i) {
            const YamlMember* name = tree.find(overrides[i], "name");
            if (name == nullptr || tree[name->value].kind != Kind::Scalar) continue;
            const std::string& step = tree[name->value].text;
            if (std::binary_search(names.begin(), names.end(), step)) continue;
            findings.warning(
                "UNKNOWN_OVERRIDE_STEP", tree[name->value].at,
                "environments." + shortened(environment.key) + ".steps[" + std::to_string(i) + "].name",
                "there is no step " + shown(step) + ", the override has no effect" +
                    findings.suggest(step, names));
        }
    }
}

void apply_environment(YamlTree& tree, std::string_view environment) {
    if (environment.empty()) return;
    const auto environments = value_of(tree, tree.root, "environments");
    const auto chosen = environments ? value_of(tree, *environments, environment) : std::nullopt;
    const auto list = value_of(tree, tree.root, "steps");
    if (!chosen || !list) return;
    YamlNode steps = tree[*list];
    for (const NodeId change : items_of(tree, *chosen, "steps")) {
        const std::string wanted = name_of(tree, change);
        for (NodeId& step : steps.items) {
            if (wanted == kEveryStep || wanted == name_of(tree, step))
                step = changed_step(tree, step, change);
        }
    }
    const NodeId changed = tree.add(std::move(steps));
    YamlNode root = tree[tree.root];
    set_member(root, "steps", changed);
    tree.root = tree.add(std::move(root));
}

}  // namespace tasker::host
