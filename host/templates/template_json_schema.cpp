// The table as a JSON Schema of draft 7, which editors and YAML language servers read.
#include <string>
#include <string_view>
#include <vector>

#include "host/core/json_text.hpp"
#include "host/templates/template_schema.hpp"

namespace tasker::host {

namespace {

// One object being written.
class Members {
  public:
    Members& raw(std::string_view key, std::string_view json) {
        text_ += (text_.empty() ? "{" : ",") + json_string(key) + ":" + std::string(json);
        return *this;
    }
    Members& text(std::string_view key, std::string_view value) { return raw(key, json_string(value)); }
    Members& number(std::string_view key, std::int64_t value) { return raw(key, std::to_string(value)); }
    std::string str() const { return text_.empty() ? "{}" : text_ + "}"; }

  private:
    std::string text_;
};

std::string list(const std::vector<std::string>& items) {
    std::string out = "[";
    for (const std::string& item : items) out += (out.size() > 1 ? "," : "") + item;
    return out + "]";
}

// Without the blanks between its tokens.
std::string compact(std::string_view json) {
    std::string out;
    bool quoted = false;
    for (std::size_t i = 0; i < json.size(); ++i) {
        if (json[i] == '"' && (i == 0 || json[i - 1] != '\\')) quoted = !quoted;
        if (quoted || (json[i] != ' ' && json[i] != '\n')) out += json[i];
    }
    return out;
}

std::string object_schema(const ObjectSchema& schema, const std::string& types);

// A key that may be left out may be null, too.
std::string types(const Field& field, std::vector<std::string_view> names) {
    if (!field.required) names.emplace_back("null");
    if (names.size() == 1) return json_string(names.front());
    std::vector<std::string> quoted;
    for (const std::string_view name : names) quoted.push_back(json_string(name));
    return list(quoted);
}

void text_rules(const Field& field, Members& out) {
    out.raw("type", types(field, {"string"}));
    if (field.min > 0) out.number("minLength", field.min);
    if (field.max < INT64_MAX) out.number("maxLength", field.max);
    if (field.type == FieldType::Timestamp) {
        out.text("pattern", R"(^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$)");
    } else if (!field.pattern.empty()) {
        out.text("pattern", "^(" + std::string(field.pattern) + ")$");
    } else if (field.required) {
        out.text("pattern", R"(^[^\u0000-\u001f\u007f]*$)");
    }
}

void choice_rules(const Field& field, Members& out) {
    std::vector<std::string> values;
    for (const std::string_view value : field.choices) values.push_back(json_string(value));
    if (!field.required) values.emplace_back("null");
    out.raw("enum", list(values));
}

void list_rules(const Field& field, std::string_view items, Members& out) {
    out.raw("type", types(field, {"array"})).raw("items", items);
    if (field.min > 0) out.number("minItems", field.min);
    if (field.max < INT64_MAX) out.number("maxItems", field.max);
}

// The members that `field` alone says, "type" first.
void value_rules(const Field& field, Members& out) {
    switch (field.type) {
        case FieldType::Text:
        case FieldType::Timestamp:
            return text_rules(field, out);
        case FieldType::Integer:
            out.raw("type", types(field, {"integer"}))
                .number("minimum", field.min)
                .number("maximum", field.max);
            return;
        case FieldType::Boolean:
            out.raw("type", types(field, {"boolean"}));
            return;
        case FieldType::Choice:
            return choice_rules(field, out);
        case FieldType::TextList:
            return list_rules(field, R"({"type":"string"})", out);
        case FieldType::ObjectList:
            return list_rules(field, object_schema(*field.object, "\"object\""), out);
        case FieldType::ObjectMap:
            out.raw("type", types(field, {"object"}))
                .raw("additionalProperties", object_schema(*field.object, "\"object\""));
            return;
        case FieldType::FreeMap:
            out.raw("type", types(field, {"object"}));
            return;
        case FieldType::JsonSchema: {
            const bool map = field.rule == FieldRule::InputSchema || field.rule == FieldRule::PayloadSchema;
            out.raw("type", map ? types(field, {"object"}) : types(field, {"object", "boolean"}));
            return;
        }
        case FieldType::Object:
        case FieldType::Any:
            return;
    }
}

std::string field_schema(const Field& field, std::string description) {
    if (field.support == Support::Refused) {
        Members out;
        out.text("description", description).raw("deprecated", "true").raw("enum", "[null,[],{}]");
        return out.str();
    }
    if (field.type == FieldType::Object) {
        // An object's schema says its own members; the description stands before them.
        const std::string inner = object_schema(*field.object, types(field, {"object"}));
        return "{\"description\":" + json_string(description) + "," + inner.substr(1);
    }
    Members out;
    out.text("description", description);
    value_rules(field, out);
    if (!field.default_json.empty() && field.default_json != "null") out.raw("default", field.default_json);
    if (field.support == Support::NotActedUpon) out.raw("deprecated", "true");
    return out.str();
}

// What nobody may write, with the reason that an editor shows.
std::string forbidden(const std::string& description) {
    Members out;
    out.text("description", description).raw("deprecated", "true").raw("not", "{}");
    return out.str();
}

std::string renamed(const Rename& rename) {
    const std::string note(rename.note);
    if (rename.instead.empty()) return forbidden("Removed: " + note + ".");
    return forbidden("Write " + std::string(rename.instead) + " instead" +
                     (note.empty() ? "." : " (" + note + ")."));
}

std::string object_schema(const ObjectSchema& schema, const std::string& types) {
    Members properties;
    std::vector<std::string> required, both;
    for (const Field& field : schema.fields) {
        properties.raw(field.key, field_schema(field, std::string(field.description)));
        if (field.required) required.push_back(json_string(field.key));
        if (field.alias.empty()) continue;
        properties.raw(field.alias,
                       field_schema(field, "Another spelling of " + std::string(field.key) + "."));
        both.push_back(R"({"not":{"required":[)" + json_string(field.key) + "," + json_string(field.alias) +
                       "]}}");
    }
    for (const Rename& rename : schema.renames) properties.raw(rename.key, renamed(rename));
    Members out;
    out.raw("type", types).raw("properties", properties.str());
    if (!required.empty()) out.raw("required", list(required));
    out.raw("additionalProperties", "false");
    std::string conditions = list(both);
    if (!schema.conditions_json.empty()) {
        const std::string more = compact(schema.conditions_json.substr(1));
        conditions = both.empty() ? "[" + more : conditions.substr(0, conditions.size() - 1) + "," + more;
    }
    if (conditions != "[]") out.raw("allOf", conditions);
    return out.str();
}

}  // namespace

std::string template_json_schema() {
    const std::string root = object_schema(template_schema(), "\"object\"");
    Members head;
    head.text("$schema", "http://json-schema.org/draft-07/schema#")
        .text("title", "Task template")
        .text("description",
              "A workflow of Tasker. An unknown key is ignored with a warning, and refused by template "
              "validate "
              "--strict.");
    const std::string start = head.str();
    return start.substr(0, start.size() - 1) + "," + root.substr(1);
}

}  // namespace tasker::host
