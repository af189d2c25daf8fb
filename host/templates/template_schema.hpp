#pragma once
// The template schema as one table: the checker, the canonical form and the printed JSON Schema all walk it.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace tasker::host {

struct ObjectSchema;

enum class FieldType : std::uint8_t {
    Text,       // min..max: characters
    Timestamp,  // RFC 3339
    Integer,    // min..max: the value
    Boolean,
    Choice,      // one of `choices`
    TextList,    // of distinct texts
    Object,      // `object`
    ObjectList,  // of `object`; min..max: items
    ObjectMap,   // any key to `object`
    FreeMap,     // any key to anything
    JsonSchema,  // a JSON Schema: a map, or true or false
    Any,
};

// Checks beyond type and range.
enum class FieldRule : std::uint8_t {
    None,
    Namespace,
    Callable,
    Method,    // empty counts as absent
    Resolver,  // a warning when the host itself has none of that name
    EventName,
    Publisher,
    InputSchema,   // of a task
    PayloadSchema  // of an event
};

enum class Support : std::uint8_t {
    Full,
    Refused,      // an error when it is given and not empty: this version cannot run it
    NotActedUpon  // a warning when it is given
};

struct Field {
    std::string_view key;
    std::string_view alias = {};  // another accepted spelling; empty: none
    FieldType type = FieldType::Text;
    bool required = false;
    // What the canonical form says when the key is absent; empty: nothing at all.
    std::string_view default_json = "null";
    std::int64_t min = 0;
    std::int64_t max = INT64_MAX;
    std::int64_t stored = INT64_MAX;  // a text with more characters does not fit Tasker's database: a warning
    std::span<const std::string_view> choices = {};
    const ObjectSchema* object = nullptr;
    FieldRule rule = FieldRule::None;
    Support support = Support::Full;
    std::string_view note = {};  // why it is not supported in full, with the remedy
    std::string_view pattern =
        {};  // the rule of a text as a regular expression of the whole, for the JSON Schema
    std::string_view description = {};
};

// A key that people write and no version ever knew.
struct Rename {
    std::string_view key;
    std::string_view instead;  // empty: it was removed
    std::string_view note;
};

struct ObjectSchema {
    std::string_view what;  // "a step", for messages
    std::span<const Field> fields;
    std::span<const Rename> renames = {};
    std::string_view conditions_json = {};  // for the JSON Schema: a list of what holds between the keys

    const Field* find(std::string_view key) const;  // by key or alias
};

const ObjectSchema& template_schema();

inline constexpr std::int64_t kMaxNamespace = 29;
inline constexpr std::string_view kNamespacePattern = "[A-Za-z_][A-Za-z0-9_]*";
inline constexpr std::string_view kEventNamePattern = "[a-z0-9_]+(\\.[a-z0-9_]+)+";
inline constexpr std::string_view kPublisherPattern =
    "[A-Za-z_][A-Za-z0-9_]*((::|\\.)[A-Za-z_][A-Za-z0-9_]*)*";

// The JSON Schema (draft 7) of a template for editors and other tools, made from the table. It refuses what
// `template validate --strict` refuses, as far as a schema can tell: not what one step says of another.
std::string template_json_schema();

}  // namespace tasker::host
