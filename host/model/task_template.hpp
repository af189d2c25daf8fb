#pragma once
// A task template as a value: parsed, checked, with environment overrides already applied. Immutable once loaded.

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "host/model/input_schema.hpp"
#include "host/model/retry.hpp"

namespace tasker::host {

enum class IdentityStrategy : std::uint8_t { Strict, CallerProvided, AlwaysUnique };
std::string_view name(IdentityStrategy strategy);
std::optional<IdentityStrategy> identity_strategy(std::string_view name);

struct HandlerRef {
    std::string callable;
    std::string method;    // empty: "call"
    std::string resolver;  // empty: none
    std::string initialization_json = "{}";
    friend bool operator==(const HandlerRef&, const HandlerRef&) = default;
};

struct StepTemplate {
    std::string name;
    std::string description;
    HandlerRef handler;
    std::vector<std::string> dependencies;    // names, in template order
    std::vector<std::size_t> dependency_ids;  // the same as indices into TaskTemplate::steps
    std::vector<std::size_t> dependent_ids;   // the reverse edges
    std::vector<std::size_t> ancestor_ids;    // transitive dependencies, ascending
    RetryPolicy retry;
    std::optional<std::int64_t> timeout_ms;  // nothing: the host's default
    std::string definition_json;             // the canonical Step object (protocol.md 2.3)
    friend bool operator==(const StepTemplate&, const StepTemplate&) = default;
};

// Where in the file a step says what it needs. From 1; line 0: it is not known, or not said.
struct TextPlace {
    int line = 0;
    int column = 0;
};
struct StepPlaces {
    TextPlace callable, method;
};

struct TaskTemplate {
    std::string namespace_name;
    std::string name;
    std::string version;
    std::string description;
    IdentityStrategy identity = IdentityStrategy::Strict;
    std::string input_schema_json;  // empty: none
    std::shared_ptr<const InputSchema>
        input_schema;  // null: none. Shared by the copies, compiled when first used
    std::vector<StepTemplate> steps;
    std::string definition_json;  // the whole canonical template; what the store pins
    // The file it came from and the places in it, a step each; empty for a template from elsewhere. Not part of its
    // identity.
    std::string source_path;
    std::vector<StepPlaces> step_places;

    std::string id() const { return namespace_name + "/" + name + "/" + version; }
    std::optional<std::size_t> find_step(std::string_view step_name) const;
};

// Fills dependency_ids, dependent_ids and ancestor_ids from the names. Returns the path of a cycle ("a -> b -> a"),
// or nothing when the graph is sound. Unknown dependency names must have been reported before.
std::optional<std::string> link_graph(TaskTemplate& task_template);

// Rebuilds a template from its canonical JSON (what the store keeps). Throws Error when the text is not one.
TaskTemplate template_from_json(std::string_view definition_json);
// The canonical JSON of protocol.md 2.3: every default filled in, absent optionals null. Also fills definition_json
// of the steps.
void canonicalise(TaskTemplate& task_template, std::string definition_json);

}  // namespace tasker::host
