#include "host/model/schema_words.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "host/core/nearest.hpp"
#include "host/model/schema_pattern.hpp"

namespace tasker::host {

namespace {
using Json = nlohmann::json;
using Pointer = Json::json_pointer;

enum class Form : std::uint8_t {
    Type,
    Schema,
    SchemaList,
    SchemaMap,
    PatternMap,
    Items,         // a schema or a list of them
    Dependencies,  // of names to a schema or to a list of names
    Count,
    Number,
    Divisor,
    Pattern,
    Flag,
    Names,
    Values,
    Reference,
    Newer,  // a word of later drafts, which nothing here heeds
};

struct Word {
    std::string_view key;
    Form form;
    bool in_place = false;  // its schemas are applied to the same value
};

constexpr auto kWords = std::to_array<Word>({
    {"type", Form::Type},
    {"properties", Form::SchemaMap},
    {"patternProperties", Form::PatternMap},
    {"definitions", Form::SchemaMap},
    {"$defs", Form::SchemaMap},
    {"additionalProperties", Form::Schema},
    {"propertyNames", Form::Schema},
    {"items", Form::Items},
    {"additionalItems", Form::Schema},
    {"contains", Form::Schema},
    {"allOf", Form::SchemaList, true},
    {"anyOf", Form::SchemaList, true},
    {"oneOf", Form::SchemaList, true},
    {"not", Form::Schema, true},
    {"if", Form::Schema, true},
    {"then", Form::Schema, true},
    {"else", Form::Schema, true},
    {"dependencies", Form::Dependencies, true},
    {"required", Form::Names},
    {"enum", Form::Values},
    {"minimum", Form::Number},
    {"maximum", Form::Number},
    {"exclusiveMinimum", Form::Number},
    {"exclusiveMaximum", Form::Number},
    {"multipleOf", Form::Divisor},
    {"minLength", Form::Count},
    {"maxLength", Form::Count},
    {"minItems", Form::Count},
    {"maxItems", Form::Count},
    {"minProperties", Form::Count},
    {"maxProperties", Form::Count},
    {"pattern", Form::Pattern},
    {"uniqueItems", Form::Flag},
    {"prefixItems", Form::Newer},
    {"unevaluatedItems", Form::Newer},
    {"unevaluatedProperties", Form::Newer},
    {"dependentRequired", Form::Newer},
    {"dependentSchemas", Form::Newer},
    {"minContains", Form::Newer},
    {"maxContains", Form::Newer},
    {"$dynamicRef", Form::Newer},
    {"$recursiveRef", Form::Newer},
});

bool is_names(const Json& value) {
    return value.is_array() &&
           std::all_of(value.begin(), value.end(), [](const Json& name) { return name.is_string(); });
}

bool is_count(const Json& value) { return value.is_number_unsigned(); }

class Reader {
  public:
    explicit Reader(const Json& root) : root_(root) {}

    void run();
    std::vector<SchemaRemark> remarks;
    std::set<std::string> places;  // of the schemas found

  private:
    void fault(const Pointer& at, std::string message) {
        remarks.push_back({true, at.to_string(), std::move(message)});
    }
    void must(bool right, const Pointer& at, std::string_view what) {
        if (!right) fault(at, "'" + at.back() + "' must be " + std::string(what));
    }
    void schema(const Json& node, const Pointer& at);
    void word(const Word& word, const Json& value, const Pointer& at);
    void type(const Json& value, const Pointer& at);
    void value_word(const Word& word, const Json& value, const Pointer& at);
    void schema_word(const Word& word, const Json& value, const Pointer& at);
    void reference(const Json& value, const Pointer& at);
    void found(const Pointer& at, bool in_place) {
        const std::string place = at.to_string();
        if (in_place) same_value_[current_].push_back(place);
        if (places.insert(place).second) waiting_.push_back(at);
    }
    void check_ends();

    const Json& root_;
    std::deque<Pointer> waiting_;
    std::string current_;
    std::map<std::string, std::vector<std::string>>
        same_value_;  // schema -> schemas it applies to the same value
};

void Reader::run() {
    if (!root_.is_object()) {
        fault(Pointer(), "must be a map with the rules of a JSON Schema");
        return;
    }
    found(Pointer(), false);
    while (!waiting_.empty()) {
        const Pointer at = waiting_.front();
        waiting_.pop_front();
        current_ = at.to_string();
        schema(root_.at(at), at);
    }
    check_ends();
}

void Reader::schema(const Json& node, const Pointer& at) {
    if (node.is_boolean()) return;
    if (!node.is_object()) return fault(at, "must be a schema: a map, true or false");
    // By draft 7 a reference hides what stands beside it.
    if (node.contains("$ref")) return reference(node["$ref"], at / "$ref");
    if (!at.empty() && node.contains("$id")) fault(at / "$id", "'$id' inside of a schema is not supported");
    for (const Word& known : kWords) {
        const auto value = node.find(known.key);
        if (value != node.end()) word(known, *value, at / std::string(known.key));
    }
}

void Reader::word(const Word& word, const Json& value, const Pointer& at) {
    switch (word.form) {
        case Form::Type:
            return type(value, at);
        case Form::Schema:
        case Form::SchemaList:
        case Form::SchemaMap:
        case Form::PatternMap:
        case Form::Items:
        case Form::Dependencies:
            return schema_word(word, value, at);
        case Form::Newer:
            remarks.push_back(
                {false, at.to_string(),
                 "'" + std::string(word.key) + "' belongs to a draft of JSON Schema after 7 and is ignored"});
            return;
        case Form::Count:
        case Form::Number:
        case Form::Divisor:
        case Form::Pattern:
        case Form::Flag:
        case Form::Names:
        case Form::Values:
        case Form::Reference:
            return value_word(word, value, at);
    }
}

void Reader::type(const Json& value, const Pointer& at) {
    static const std::vector<std::string> kTypes{"array",  "boolean", "integer", "null",
                                                 "number", "object",  "string"};
    const Json list = value.is_array() ? value : Json::array({value});
    must(!list.empty(), at, "a type or a list of types");
    for (const Json& one : list) {
        if (!one.is_string()) {
            fault(at, "'type' must be a type or a list of types");
        } else if (std::find(kTypes.begin(), kTypes.end(), one.get_ref<const std::string&>()) ==
                   kTypes.end()) {
            const auto& name = one.get_ref<const std::string&>();
            const std::string hint = did_you_mean(name, kTypes);
            fault(at,
                  "unknown type '" + name.substr(0, 80) + "'" +
                      (hint.empty() ? "; the types are array, boolean, integer, null, number, object, string"
                                    : hint));
        }
    }
}

void Reader::value_word(const Word& word, const Json& value, const Pointer& at) {
    switch (word.form) {
        case Form::Count:
            return must(is_count(value), at, "a whole number that is not negative");
        case Form::Number:
            return must(value.is_number(), at, "a number");
        case Form::Divisor:
            return must(value.is_number() && value.get<double>() > 0, at, "a number above 0");
        case Form::Pattern:
            if (!value.is_string()) return must(false, at, "a text");
            if (const auto wrong = pattern_fault(value.get<std::string>())) fault(at, "'pattern' " + *wrong);
            return;
        case Form::Flag:
            return must(value.is_boolean(), at, "true or false");
        case Form::Names:
            return must(is_names(value), at, "a list of names");
        case Form::Values:
            return must(value.is_array() && !value.empty(), at, "a list of values");
        default:
            return;
    }
}

void Reader::schema_word(const Word& word, const Json& value, const Pointer& at) {
    const bool list = word.form == Form::SchemaList || (word.form == Form::Items && value.is_array());
    if (list) {
        must(value.is_array() && (!value.empty() || word.form == Form::Items), at, "a list of schemas");
        for (std::size_t i = 0; value.is_array() && i < value.size(); ++i) found(at / i, word.in_place);
        return;
    }
    if (word.form == Form::Schema || word.form == Form::Items) return found(at, word.in_place);
    if (!value.is_object()) return must(false, at, "a map of schemas");
    for (const auto& [key, entry] : value.items()) {
        if (word.form == Form::PatternMap) {
            if (const auto wrong = key_pattern_fault(key)) fault(at / key, "the key " + *wrong);
        }
        if (word.form == Form::Dependencies && entry.is_array()) {
            if (!is_names(entry)) fault(at / key, "must be a list of names or a schema");
        } else {
            found(at / key, word.in_place);
        }
    }
}

void Reader::reference(const Json& value, const Pointer& at) {
    if (!value.is_string()) return fault(at, "'$ref' must be a text");
    const auto& text = value.get_ref<const std::string&>();
    if (!text.starts_with('#')) {
        return fault(at,
                     "a reference to another document is not followed: '" + text.substr(0, 80) +
                         "'; write what it refers to under 'definitions' and refer to #/definitions/NAME");
    }
    // %25 and its like are legal and rare; the validator would decode them, so they are refused rather than misread.
    const bool plain = text == "#" || (text[1] == '/' && text.find('%') == std::string::npos);
    try {
        if (plain && root_.contains(Pointer(text.substr(1)))) return found(Pointer(text.substr(1)), true);
    } catch (const Json::exception&) {
        // A pointer with a ~ that is no escape names nothing, like the others below.
        return fault(at, "the reference '" + text.substr(0, 80) + "' is no JSON pointer");
    }
    fault(at, "the reference '" + text.substr(0, 80) + "' leads nowhere in this schema");
}

// A schema that applies itself to the same value again has no end.
void Reader::check_ends() {
    std::map<std::string, int> state;  // 1: being looked at; 2: ends
    for (const auto& [start, unused] : same_value_) {
        std::vector<std::pair<std::string, std::size_t>> path;
        if (state[start] == 0) path.emplace_back(start, 0);
        while (!path.empty()) {
            const std::string at = path.back().first;
            state[at] = 1;
            const auto edges = same_value_.find(at);
            if (edges == same_value_.end() || path.back().second == edges->second.size()) {
                state[at] = 2;
                path.pop_back();
                continue;
            }
            const std::string next = edges->second[path.back().second++];
            if (state[next] == 1) {
                remarks.push_back({true, at, "the schema refers to itself without an end"});
                return;
            }
            if (state[next] == 0) path.emplace_back(next, 0);
        }
    }
}

// The rules as the validator takes them: patterns and formats, which it matches as patterns, only meet texts that its
// matcher can bear.
void make_checkable(Json& schema, std::set<std::string>& patterns) {
    if (!schema.is_object() || schema.contains("$ref")) return;
    schema.erase("$id");
    for (const char* word : {"pattern", "format"}) {
        const auto rule = schema.find(word);
        if (rule == schema.end()) continue;
        if (word == std::string_view("pattern")) patterns.insert(rule->get<std::string>());
        const Json guarded = {{"if", {{"maxLength", kMaxMatched}}},
                              {"then", {{word, *rule}}},
                              {"else", {{"maxLength", kMaxMatched}}}};
        schema.erase(rule);
        schema["allOf"].push_back(guarded);
    }
}
}  // namespace

SchemaWords read_schema_words(std::string_view json) {
    Json root = Json::parse(json, nullptr, false);
    SchemaWords words;
    Reader reader(root);
    reader.run();
    words.remarks = std::move(reader.remarks);
    if (std::any_of(words.remarks.begin(), words.remarks.end(), [](const auto& one) { return one.unusable; }))
        return words;
    for (const std::string& place : reader.places) make_checkable(root.at(Pointer(place)), words.patterns);
    words.checkable_json = root.dump();
    return words;
}

}  // namespace tasker::host
