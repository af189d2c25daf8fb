#include <algorithm>
#include <array>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "host/model/domain_events.hpp"
#include "host/registry/resolver.hpp"
#include "host/templates/template_check.hpp"
#include "host/templates/template_schema.hpp"
#include "host/templates/text_rules.hpp"
#include "host/templates/yaml_scalar.hpp"

namespace tasker::host {

namespace {

using Kind = YamlNode::Kind;

std::string joined(std::span<const std::string_view> words) {
    std::string text;
    for (std::size_t i = 0; i < words.size(); ++i) {
        if (i > 0) text += i + 1 == words.size() ? " or " : ", ";
        text += words[i];
    }
    return text;
}

std::vector<std::string> strings(std::span<const std::string_view> words) {
    return {words.begin(), words.end()};
}

class SchemaCheck {
  public:
    SchemaCheck(const YamlTree& tree, const TemplateOptions& options, Findings& findings)
        : tree_(tree), options_(options), findings_(findings) {}

    void object(const ObjectSchema& schema, NodeId id, Position at, const std::string& path);

  private:
    // A value with what a message about it needs.
    struct Value {
        const Field& field;
        NodeId id;
        Position at;  // of the value; of the key when the value is missing
        std::string path;
    };

    void unknown_key(const ObjectSchema& schema, const YamlMember& member, const std::string& path);
    void field(const Field& field, const YamlMember& member, const std::string& path);
    void value(const Value& value);
    void text(const Value& value);
    void text_rules(const Value& value);
    void name_rules(const Value& value);
    void integer(const Value& value);
    void choice(const Value& value);
    void text_list(const Value& value);
    void object_list(const Value& value);
    void object_map(const Value& value);
    void json_schema(const Value& value);
    void anything(NodeId id, const std::string& path);
    bool is_empty(NodeId id) const;
    bool expect(Kind kind, const Value& value, std::string_view what);

    void wrong_type(const Value& value, const std::string& expected) {
        findings_.error(
            "WRONG_TYPE", value.at, value.path,
            std::string(value.field.key) + " must be " + expected + ", but is " + described(tree_[value.id]));
    }

    const YamlTree& tree_;
    const TemplateOptions& options_;
    Findings& findings_;
};

std::string below(const std::string& path, std::string_view key) {
    return path.empty() ? std::string(key) : path + "." + std::string(key);
}
std::string below(const std::string& path, std::size_t index) {
    return path + "[" + std::to_string(index) + "]";
}

void SchemaCheck::unknown_key(const ObjectSchema& schema, const YamlMember& member, const std::string& path) {
    std::string remedy;
    const auto renamed = std::find_if(schema.renames.begin(), schema.renames.end(),
                                      [&](const Rename& rename) { return rename.key == member.key; });
    if (renamed != schema.renames.end() && !renamed->instead.empty()) {
        remedy = ", did you mean '" + std::string(renamed->instead) + "'" +
                 (renamed->note.empty() ? "" : " (" + std::string(renamed->note) + ")") + "?";
    } else if (renamed != schema.renames.end()) {
        remedy = "; " + std::string(renamed->note) + ", remove it";
    } else {
        std::vector<std::string> known;
        for (const Field& field : schema.fields) known.emplace_back(field.key);
        remedy = findings_.suggest(member.key, known);
        for (const Rename& rename : schema.renames) {
            const std::vector<std::string> other{std::string(rename.key)};
            if (!remedy.empty() || rename.instead.empty() || findings_.suggest(member.key, other).empty())
                continue;
            remedy = ", did you mean '" + std::string(rename.instead) + "'?";
        }
        if (remedy.empty()) remedy = "; remove it";
    }
    const std::string message = std::string(schema.what) + " has no key " + shown(member.key) +
                                (options_.strict ? "" : ", it is ignored") + remedy;
    if (options_.strict) {
        findings_.error("UNKNOWN_KEY", member.at, path, message);
    } else {
        findings_.warning("UNKNOWN_KEY", member.at, path, message);
    }
}

void SchemaCheck::object(const ObjectSchema& schema, NodeId id, Position at, const std::string& path) {
    const YamlNode& node = tree_[id];
    if (node.kind != Kind::Map) {
        findings_.error("WRONG_TYPE", at, path,
                        std::string(schema.what) + " must be a map of keys, but is " + described(node));
        return;
    }
    for (const YamlMember& member : node.members) {
        const std::string key = shortened(member.key);
        const Field* known = schema.find(member.key);
        if (known == nullptr) {
            unknown_key(schema, member, below(path, key));
        } else {
            field(*known, member, below(path, key));
        }
    }
    for (const Field& wanted : schema.fields) {
        const YamlMember* given = tree_.find(id, wanted.key);
        const YamlMember* other = wanted.alias.empty() ? nullptr : tree_.find(id, wanted.alias);
        if (given != nullptr && other != nullptr) {
            findings_.error(
                "BOTH_SPELLINGS",
                std::max(given->at.line, other->at.line) == given->at.line ? given->at : other->at, path,
                "'" + given->key + "' (line " + std::to_string(given->at.line) + ") and '" + other->key +
                    "' (line " + std::to_string(other->at.line) + ") are the same key; keep one");
        }
        if (wanted.required && given == nullptr && other == nullptr) {
            findings_.error("MISSING_KEY", at, path,
                            std::string(schema.what) + " needs the key '" + std::string(wanted.key) + "'");
        }
    }
}

bool SchemaCheck::is_empty(NodeId id) const {
    const YamlNode& node = tree_[id];
    return node.kind == Kind::Null || (node.kind == Kind::List && node.items.empty()) ||
           (node.kind == Kind::Map && node.members.empty());
}

void SchemaCheck::field(const Field& known, const YamlMember& member, const std::string& path) {
    const YamlNode& node = tree_[member.value];
    if (known.support == Support::Refused) {
        if (!is_empty(member.value)) {
            findings_.error("NOT_SUPPORTED", member.at, path,
                            "'" + std::string(known.key) +
                                "' is not supported and the step cannot run: " + std::string(known.note));
        }
        return;
    }
    if (node.kind == Kind::Null) {
        if (known.required) {
            findings_.error("MISSING_KEY", member.at, path,
                            "'" + std::string(known.key) + "' is needed, but is empty");
        } else if (known.default_json != "null" && !known.default_json.empty()) {
            findings_.warning("EMPTY_VALUE", member.at, path,
                              "'" + member.key + "' is empty and counts as absent; remove the key");
        }
        return;
    }
    if (known.support == Support::NotActedUpon) {
        findings_.warning(
            "NOT_ACTED_UPON", member.at, path,
            "'" + std::string(known.key) + "' is kept, but not acted upon: " + std::string(known.note));
    }
    value({known, member.value, node.at, path});
}

void SchemaCheck::value(const Value& value) {
    switch (value.field.type) {
        case FieldType::Text:
        case FieldType::Timestamp:
            text(value);
            return;
        case FieldType::Integer:
            integer(value);
            return;
        case FieldType::Boolean:
            if (tree_[value.id].kind != Kind::Scalar ||
                scalar_value(tree_[value.id]).kind != ScalarValue::Kind::Boolean) {
                wrong_type(value, "true or false");
            }
            return;
        case FieldType::Choice:
            choice(value);
            return;
        case FieldType::TextList:
            text_list(value);
            return;
        case FieldType::Object:
            object(*value.field.object, value.id, value.at, value.path);
            return;
        case FieldType::ObjectList:
            object_list(value);
            return;
        case FieldType::ObjectMap:
            object_map(value);
            return;
        case FieldType::FreeMap:
            if (expect(Kind::Map, value, "a map of keys")) anything(value.id, value.path);
            return;
        case FieldType::JsonSchema:
            json_schema(value);
            return;
        case FieldType::Any:
            anything(value.id, value.path);
            return;
    }
}

bool SchemaCheck::expect(Kind kind, const Value& value, std::string_view what) {
    if (tree_[value.id].kind == kind) return true;
    wrong_type(value, std::string(what));
    return false;
}

void SchemaCheck::text(const Value& value) {
    const YamlNode& node = tree_[value.id];
    if (node.kind != Kind::Scalar) return wrong_type(value, "a text");
    if (scalar_value(node).kind != ScalarValue::Kind::Text) {
        return wrong_type(value, "a text; quote it: \"" + shortened(node.text) + "\"");
    }
    text_rules(value);
}

void SchemaCheck::text_rules(const Value& value) {
    const Field& known = value.field;
    const std::string& given = tree_[value.id].text;
    const std::string key(known.key);
    if (known.rule == FieldRule::Namespace) {
        if (!is_namespace(given) || text_length(given) > known.max) {
            findings_.error("NAMESPACE", value.at, value.path,
                            "the namespace must match " + std::string(kNamespacePattern) + ", max " +
                                std::to_string(known.max) + " characters, but is " + shown(given) + " (" +
                                std::to_string(text_length(given)) + ")");
        }
        return;
    }
    if (given.empty() && known.min > 0) {
        findings_.error(known.rule == FieldRule::Callable ? "EMPTY_CALLABLE" : "OUT_OF_RANGE", value.at,
                        value.path, key + " must not be empty");
    } else if (text_length(given) < known.min || text_length(given) > known.max) {
        findings_.error("OUT_OF_RANGE", value.at, value.path,
                        key + " must have " + std::to_string(known.min) + " to " + std::to_string(known.max) +
                            " characters, but " + shown(given) + " has " +
                            std::to_string(text_length(given)));
    } else if (text_length(given) > known.stored) {
        findings_.warning("TOO_LONG_FOR_TASKER", value.at, value.path,
                          key + " has " + std::to_string(text_length(given)) +
                              " characters, and Tasker's database takes " + std::to_string(known.stored) +
                              ": this runs here, but not on a Tasker server");
    }
    if (!given.empty()) name_rules(value);
    if (known.type == FieldType::Timestamp && !is_timestamp(given)) {
        findings_.error("WRONG_TYPE", value.at, value.path,
                        key + " must be a time like 2026-01-31T12:00:00Z, but is " + shown(given));
    }
    // Names are identities and are printed: what cannot be seen has no place in them.
    if (known.required && has_control(given)) {
        findings_.error("CONTROL_CHARACTER", value.at, value.path,
                        key + " holds a control character: " + shown(given));
    }
}

void SchemaCheck::name_rules(const Value& value) {
    const std::string& given = tree_[value.id].text;
    if (value.field.rule == FieldRule::Resolver) {
        std::vector<std::string> known{std::string(kExplicitMapping), std::string(kPluginLookup)};
        known.insert(known.end(), options_.resolvers.begin(), options_.resolvers.end());
        if (std::find(known.begin(), known.end(), given) != known.end()) return;
        findings_.warning("UNKNOWN_RESOLVER", value.at, value.path,
                          "the host has no resolver " + shown(given) + ", only " +
                              joined(std::vector<std::string_view>(known.begin(), known.end())) +
                              ": a plugin or a program that embeds it must bring one" +
                              findings_.suggest(given, known));
    } else if (value.field.rule == FieldRule::EventName && !is_event_name(given)) {
        findings_.error(
            "EVENT_NAME", value.at, value.path,
            "an event's name has a-z, 0-9 and _ in parts joined by dots, two parts at least, like "
            "order.created, but is " +
                shown(given));
    } else if (value.field.rule == FieldRule::Publisher && !is_publisher(given)) {
        findings_.error(
            "PUBLISHER_NAME", value.at, value.path,
            "a publisher is an identifier, or several joined by :: or a dot, but is " + shown(given));
    }
}

void SchemaCheck::integer(const Value& value) {
    const YamlNode& node = tree_[value.id];
    const Field& known = value.field;
    const std::string range =
        "a whole number from " + std::to_string(known.min) + " to " + std::to_string(known.max);
    if (node.kind != Kind::Scalar) return wrong_type(value, range);
    const ScalarValue number = scalar_value(node);
    using enum ScalarValue::Kind;
    const bool outside =
        number.kind == TooBig || number.kind == NotFinite || number.kind == Float ||
        (number.kind == Integer && (number.integer < known.min || number.integer > known.max));
    if (outside) {
        findings_.error("OUT_OF_RANGE", value.at, value.path,
                        std::string(known.key) + " must be " + range + ", but is " + shortened(node.text));
    } else if (number.kind != Integer) {
        wrong_type(value, range + (node.quoted ? " without quotes" : ""));
    }
}

void SchemaCheck::choice(const Value& value) {
    const YamlNode& node = tree_[value.id];
    const auto& choices = value.field.choices;
    if (node.kind != Kind::Scalar) return wrong_type(value, joined(choices));
    if (std::find(choices.begin(), choices.end(), node.text) == choices.end()) {
        findings_.error("UNKNOWN_VALUE", value.at, value.path,
                        std::string(value.field.key) + " must be " + joined(choices) + ", but is " +
                            shown(node.text) + findings_.suggest(node.text, strings(choices)));
    }
}

void SchemaCheck::text_list(const Value& value) {
    if (!expect(Kind::List, value, "a list of texts")) return;
    const auto& items = tree_[value.id].items;
    std::set<std::string_view> seen;
    if (static_cast<std::int64_t>(items.size()) > value.field.max) {
        findings_.error("OUT_OF_RANGE", value.at, value.path,
                        std::string(value.field.key) + " must have at most " +
                            std::to_string(value.field.max) + " items, but has " +
                            std::to_string(items.size()));
    }
    for (std::size_t i = 0; i < items.size(); ++i) {
        const YamlNode& item = tree_[items[i]];
        const std::string path = below(value.path, i);
        if (item.kind != Kind::Scalar || scalar_value(item).kind != ScalarValue::Kind::Text) {
            findings_.error("WRONG_TYPE", item.kind == Kind::Null ? value.at : item.at, path,
                            "must be a text, but is " + described(item) +
                                (item.kind == Kind::Scalar ? "; quote it" : ""));
        } else if (!seen.insert(item.text).second) {
            findings_.warning("DUPLICATE_ITEM", item.at, path,
                              shown(item.text) + " is listed twice; remove one");
        }
    }
}

void SchemaCheck::object_list(const Value& value) {
    if (!expect(Kind::List, value, "a list")) return;
    const Field& known = value.field;
    const auto& items = tree_[value.id].items;
    const auto count = static_cast<std::int64_t>(items.size());
    if (count < known.min || count > known.max) {
        findings_.error("OUT_OF_RANGE", value.at, value.path,
                        std::string(known.key) + " must have " + std::to_string(known.min) + " to " +
                            std::to_string(known.max) + " items, but has " + std::to_string(count));
    }
    for (std::size_t i = 0; i < items.size(); ++i) {
        const YamlNode& item = tree_[items[i]];
        object(*known.object, items[i], item.kind == Kind::Null ? value.at : item.at, below(value.path, i));
    }
}

void SchemaCheck::object_map(const Value& value) {
    if (!expect(Kind::Map, value, "a map of keys")) return;
    for (const YamlMember& member : tree_[value.id].members) {
        const YamlNode& item = tree_[member.value];
        object(*value.field.object, member.value, item.kind == Kind::Null ? member.at : item.at,
               below(value.path, shortened(member.key)));
    }
}

void SchemaCheck::json_schema(const Value& value) {
    const YamlNode& node = tree_[value.id];
    const FieldRule rule = value.field.rule;
    const bool honoured = rule == FieldRule::InputSchema || rule == FieldRule::PayloadSchema;
    const bool boolean = node.kind == Kind::Scalar && scalar_value(node).kind == ScalarValue::Kind::Boolean;
    if (boolean && !honoured) return;
    if (!expect(Kind::Map, value, honoured ? "a JSON Schema: a map" : "a JSON Schema: a map, true or false"))
        return;
    anything(value.id, value.path);
    if (honoured) check_json_schema(tree_, value.id, value.path, rule == FieldRule::InputSchema, findings_);
}

// Free values only have to be representable: JSON has no infinity and no integers beyond 64 bits.
void SchemaCheck::anything(NodeId id, const std::string& path) {
    const YamlNode& node = tree_[id];
    for (std::size_t i = 0; i < node.items.size(); ++i) anything(node.items[i], below(path, i));
    for (const YamlMember& member : node.members) anything(member.value, below(path, shortened(member.key)));
    if (node.kind != Kind::Scalar) return;
    const auto kind = scalar_value(node).kind;
    if (kind == ScalarValue::Kind::NotFinite || kind == ScalarValue::Kind::TooBig) {
        findings_.error(
            "OUT_OF_RANGE", node.at, path,
            "the number " + shortened(node.text) + " does not fit; quote it to pass it as a text");
    }
}

}  // namespace

void check_schema(const YamlTree& tree, const TemplateOptions& options, Findings& findings) {
    const YamlNode& root = tree[tree.root];
    SchemaCheck(tree, options, findings).object(template_schema(), tree.root, root.at, {});
}

}  // namespace tasker::host
