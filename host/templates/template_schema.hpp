#pragma once
// The template schema as one table: the checker, the canonical form and the printed JSON Schema all walk it.

#include <cstdint>
#include <span>
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
    Resolver,  // only kKnownResolver is supported
    StepType,
    InputSchema
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

    const Field* find(std::string_view key) const;  // by key or alias
};

const ObjectSchema& template_schema();

inline constexpr std::int64_t kMaxNamespace = 29;
// What the registry does: a callable is the name that a plugin gave its handler.
inline constexpr std::string_view kKnownResolver = "explicit_mapping";
inline constexpr std::string_view kNamespacePattern = "[A-Za-z_][A-Za-z0-9_]*";

}  // namespace tasker::host
