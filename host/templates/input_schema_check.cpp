#include <algorithm>
#include <charconv>
#include <string>
#include <string_view>
#include <utility>

#include "host/model/input_schema.hpp"
#include "host/templates/template_check.hpp"
#include "host/templates/yaml_scalar.hpp"

namespace tasker::host {

namespace {

using Kind = YamlNode::Kind;

// A token of a JSON pointer: ~1 is /, ~0 is ~.
std::string unescaped(std::string_view token) {
    std::string name;
    for (std::size_t i = 0; i < token.size(); ++i) {
        const bool escape = token[i] == '~' && i + 1 < token.size();
        if (escape) ++i;
        name += !escape ? token[i] : token[i] == '1' ? '/' : '~';
    }
    return name;
}

struct Place {
    NodeId id;
    Position at;
    std::string path;
};

// One step down: to the key of a map's member, or to an item of a list. False when there is none of that name.
bool descend(const YamlTree& tree, Place& place, const std::string& name) {
    const YamlNode& node = tree[place.id];
    if (node.kind == Kind::List) {
        std::size_t index = node.items.size();
        std::from_chars(name.data(), name.data() + name.size(), index);
        if (index >= node.items.size()) return false;
        place = {node.items[index], tree[node.items[index]].at, place.path + "[" + name + "]"};
        return true;
    }
    const YamlMember* member = tree.find(place.id, name);
    if (member == nullptr) return false;
    place = {member->value, member->at, place.path + "." + shortened(name)};
    return true;
}

// Where a JSON pointer leads to, or how far.
Place place_of(const YamlTree& tree, Place place, std::string_view pointer) {
    while (!pointer.empty()) {
        pointer.remove_prefix(1);
        const auto end = std::min(pointer.find('/'), pointer.size());
        if (!descend(tree, place, unescaped(pointer.substr(0, end)))) break;
        pointer.remove_prefix(end);
    }
    return place;
}

}  // namespace

void check_json_schema(const YamlTree& tree, NodeId schema, const std::string& path, bool input,
                       Findings& findings) {
    const YamlMember* type = tree.find(schema, "type");
    if (input && type != nullptr && tree[type->value].kind == Kind::Scalar &&
        tree[type->value].text != "object") {
        findings.warning("SCHEMA_NOT_OBJECT", type->at, path + ".type",
                         "the input of a task is an object, so no input can fit; write type: object");
    }
    std::string json;
    append_json(json, tree, schema);
    for (const SchemaRemark& remark : InputSchema(json).remarks()) {
        Place place = place_of(tree, {schema, tree[schema].at, path}, remark.pointer);
        if (remark.unusable) {
            findings.error("SCHEMA_UNUSABLE", place.at, std::move(place.path), remark.message);
        } else {
            findings.warning("SCHEMA_IGNORED", place.at, std::move(place.path), remark.message);
        }
    }
}

}  // namespace tasker::host
