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

enum class StepType : std::uint8_t {
    Standard,
    Decision,             // names the branches that are made
    DeferredConvergence,  // made late, waits for those of its dependencies that exist
    Batchable,            // cuts its input into batches
    BatchWorker,          // what each batch is run by; never made under its own name
};
std::string_view name(StepType type);
std::optional<StepType> step_type(std::string_view name);

// Advice for the batch worker's handler; only `worker_template` and its being there matter to the orchestration.
struct BatchConfig {
    std::int64_t batch_size = 0, parallelism = 0;
    std::string cursor_field, worker_template;
    std::string failure_strategy;  // continue_on_failure, fail_fast, isolate
    friend bool operator==(const BatchConfig&, const BatchConfig&) = default;
};

// After which outcomes of the step a domain event is published.
enum class EventCondition : std::uint8_t { Success, Failure, RetryableFailure, PermanentFailure, Always };
std::optional<EventCondition> event_condition(std::string_view name);
enum class DeliveryMode : std::uint8_t {
    Durable,    // the namespace's queue of domain events
    Fast,       // subscribers in this process
    Broadcast,  // both
};
std::string_view name(DeliveryMode mode);
std::optional<DeliveryMode> delivery_mode(std::string_view name);

struct EventDeclaration {
    std::string name;
    EventCondition condition = EventCondition::Success;
    DeliveryMode delivery = DeliveryMode::Durable;
    std::string schema_json;                    // of the payload
    std::shared_ptr<const InputSchema> schema;  // the same, compiled when first used; null: anything goes
    std::string publisher;                      // empty: the default one
    friend bool operator==(const EventDeclaration& a, const EventDeclaration& b) {
        return a.name == b.name && a.condition == b.condition && a.delivery == b.delivery &&
               a.schema_json == b.schema_json && a.publisher == b.publisher;
    }
};

// After how long in a state a task counts as stale, in minutes; nothing: the engine's default.
struct Lifecycle {
    std::optional<std::int64_t> max_waiting_for_dependencies, max_waiting_for_retry, max_steps_in_process,
        max_duration;
    std::string staleness_action = "dlq";  // dlq, error, none
    friend bool operator==(const Lifecycle&, const Lifecycle&) = default;
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
    StepType type = StepType::Standard;
    std::optional<BatchConfig> batch;
    std::vector<EventDeclaration> publishes;
    std::string definition_json;  // the canonical Step object (protocol.md 2.3)
    friend bool operator==(const StepTemplate&, const StepTemplate&) = default;
};

// Where in the file a step says what it needs. From 1; line 0: it is not known, or not said.
struct TextPlace {
    int line = 0;
    int column = 0;
};
struct StepPlaces {
    TextPlace callable, method, resolver;
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
    Lifecycle lifecycle;
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
