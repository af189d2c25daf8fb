#include "host/templates/canonical_json.hpp"

#include <set>
#include <string_view>

#include "host/core/json_text.hpp"
#include "host/templates/template_schema.hpp"
#include "host/templates/yaml_scalar.hpp"

namespace tasker::host {

namespace {

class Writer {
  public:
    explicit Writer(const YamlTree& tree) : tree_(tree) {}

    void object(const ObjectSchema& schema, NodeId id) {
        bool first = true;
        out += '{';
        for (const Field& field : schema.fields) {
            const YamlMember* given = tree_.find(id, field.key);
            if (given == nullptr && !field.alias.empty()) given = tree_.find(id, field.alias);
            const bool absent = given == nullptr || counts_as_absent(field, tree_[given->value]);
            if (absent && field.default_json.empty()) continue;
            if (!first) out += ',';
            first = false;
            append_json_string(out, field.key);
            out += ':';
            if (absent) {
                out += field.default_json;
            } else {
                value(field, given->value);
            }
        }
        out += '}';
    }

    std::string out;

  private:
    static bool counts_as_absent(const Field& field, const YamlNode& node) {
        return node.kind == YamlNode::Kind::Null ||
               (field.rule == FieldRule::Method && node.kind == YamlNode::Kind::Scalar && node.text.empty());
    }
    void value(const Field& field, NodeId id) {
        switch (field.type) {
            case FieldType::Object:
                object(*field.object, id);
                return;
            case FieldType::ObjectList:
                list(*field.object, id);
                return;
            case FieldType::ObjectMap:
                map(*field.object, id);
                return;
            case FieldType::TextList:
                distinct(id);
                return;
            case FieldType::Choice:
                append_json_string(out, tree_[id].text);
                return;  // `none` and `null` are words here
            case FieldType::Text:
            case FieldType::Timestamp:
            case FieldType::Integer:
            case FieldType::Boolean:
            case FieldType::FreeMap:
            case FieldType::JsonSchema:
            case FieldType::Any:
                append_json(out, tree_, id);
                return;
        }
    }

    void list(const ObjectSchema& schema, NodeId id) {
        out += '[';
        for (std::size_t i = 0; i < tree_[id].items.size(); ++i) {
            if (i > 0) out += ',';
            object(schema, tree_[id].items[i]);
        }
        out += ']';
    }

    void map(const ObjectSchema& schema, NodeId id) {
        out += '{';
        bool first = true;
        for (const YamlMember& member : tree_[id].members) {
            if (tree_[member.value].kind != YamlNode::Kind::Map) continue;
            if (!first) out += ',';
            first = false;
            append_json_string(out, member.key);
            out += ':';
            object(schema, member.value);
        }
        out += '}';
    }

    void distinct(NodeId id) {
        std::set<std::string_view> seen;
        out += '[';
        for (const NodeId item : tree_[id].items) {
            if (!seen.insert(tree_[item].text).second) continue;
            if (seen.size() > 1) out += ',';
            append_json_string(out, tree_[item].text);
        }
        out += ']';
    }

    const YamlTree& tree_;
};

}  // namespace

std::string canonical_json(const YamlTree& tree) {
    Writer writer(tree);
    writer.object(template_schema(), tree.root);
    return std::move(writer.out);
}

}  // namespace tasker::host
