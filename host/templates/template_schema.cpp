#include "host/templates/template_schema.hpp"

#include <algorithm>
#include <array>

namespace tasker::host {

namespace {

using enum FieldType;
using Texts = std::string_view;

constexpr std::int64_t kMaxName = 255, kMaxVersion = 50, kMaxDescription = 255, kMaxStepName = 255;
// Lengths of the columns of Tasker's database.
constexpr std::int64_t kStoredName = 64, kStoredVersion = 16, kStoredStepName = 128;
constexpr std::int64_t kMaxSteps = 1000, kMaxCallable = 500, kMaxFreeText = 1000;
constexpr std::int64_t kHourMs = 3'600'000, kYearSeconds = 31'536'000;

constexpr Texts kRetryWhenAbsent =
    R"({"backoff":"exponential","backoff_base_ms":1000,"max_attempts":3,"max_backoff_ms":30000,"retryable":true})";

constexpr std::array<Texts, 4> kBackoffs{"none", "linear", "exponential", "fibonacci"};
constexpr std::array<Texts, 5> kStepTypes{"standard", "decision", "deferred_convergence", "batchable",
                                          "batch_worker"};
constexpr std::array<Texts, 3> kFailureStrategies{"continue_on_failure", "fail_fast", "isolate"};
constexpr std::array<Texts, 5> kConditions{"success", "failure", "retryable_failure", "permanent_failure",
                                           "always"};
constexpr std::array<Texts, 3> kDeliveries{"durable", "fast", "broadcast"};
constexpr std::array<Texts, 3> kStaleness{"dlq", "error", "none"};
constexpr std::array<Texts, 3> kIdentities{"strict", "caller_provided", "always_unique"};

constexpr std::array kMetadataFields{
    Field{.key = "author", .max = kMaxFreeText, .description = "Who answers for the template."},
    Field{.key = "tags", .type = TextList, .default_json = "[]", .description = "Free labels."},
    Field{.key = "documentation_url", .max = kMaxFreeText, .description = "Where it is described."},
    Field{.key = "created_at", .type = Timestamp, .description = "When it was written."},
    Field{.key = "updated_at", .type = Timestamp, .description = "When it was last changed."},
};
constexpr ObjectSchema kMetadata{.what = "metadata", .fields = kMetadataFields};

constexpr std::array kSystemFields{
    Field{.key = "primary",
          .default_json = R"("default")",
          .min = 1,
          .max = kMaxDescription,
          .description = "The system that the workflow acts on. Informative."},
    Field{.key = "secondary",
          .type = TextList,
          .default_json = "[]",
          .description = "Further systems. Informative."},
};
constexpr ObjectSchema kSystem{.what = "system_dependencies", .fields = kSystemFields};

constexpr std::array kDomainEventFields{
    Field{.key = "name", .required = true, .min = 1, .max = 255, .description = "Name of the event."},
    Field{.key = "description", .max = kMaxFreeText, .description = "What it means."},
    Field{.key = "schema", .type = JsonSchema, .description = "Its payload."},
};
constexpr ObjectSchema kDomainEvent{.what = "a domain event", .fields = kDomainEventFields};

constexpr std::array kHandlerFields{
    Field{.key = "callable",
          .required = true,
          .min = 1,
          .max = kMaxCallable,
          .rule = FieldRule::Callable,
          .description = "The name under which a plugin offers the handler."},
    Field{.key = "method",
          .max = 255,
          .rule = FieldRule::Method,
          .description = "The method to call; absent: call."},
    Field{.key = "resolver",
          .min = 1,
          .max = 255,
          .rule = FieldRule::Resolver,
          .description = "The resolver that finds the callable."},
    Field{.key = "initialization",
          .type = FreeMap,
          .default_json = "{}",
          .description = "Configuration that the handler reads."},
};
constexpr ObjectSchema kHandler{.what = "a handler", .fields = kHandlerFields};

constexpr std::array kRetryFields{
    Field{.key = "retryable",
          .type = Boolean,
          .default_json = "true",
          .description = "Whether failures are retried."},
    Field{.key = "max_attempts",
          .type = Integer,
          .default_json = "3",
          .min = 1,
          .max = 100,
          .description = "Attempts in all, the first one included."},
    Field{.key = "backoff",
          .type = Choice,
          .default_json = R"("exponential")",
          .choices = kBackoffs,
          .description = "How the delay grows with the attempts."},
    Field{.key = "backoff_base_ms",
          .type = Integer,
          .min = 100,
          .max = kHourMs,
          .description = "Milliseconds that the growth starts from; absent: 1000."},
    Field{.key = "max_backoff_ms",
          .type = Integer,
          .min = 1000,
          .max = kHourMs,
          .description = "The longest delay in milliseconds; absent: 3600000, or 30000 without retry."},
};
constexpr std::array kRetryRenames{
    Rename{"limit", "max_attempts", "attempts in all, the first one included"},
    Rename{"max_retries", "max_attempts", "attempts in all, the first one included"},
    Rename{"initial_delay", "backoff_base_ms", "milliseconds"},
    Rename{"max_delay", "max_backoff_ms", "milliseconds"},
};
constexpr ObjectSchema kRetry{.what = "retry", .fields = kRetryFields, .renames = kRetryRenames};

constexpr std::array kBatchFields{
    Field{.key = "batch_size",
          .type = Integer,
          .required = true,
          .min = 1,
          .max = 100'000,
          .description = "Items in a batch."},
    Field{.key = "parallelism",
          .type = Integer,
          .required = true,
          .min = 1,
          .max = 1000,
          .description = "Workers at a time."},
    Field{.key = "cursor_field",
          .required = true,
          .min = 1,
          .max = 255,
          .description = "What the cursor counts."},
    Field{.key = "worker_template",
          .required = true,
          .min = 1,
          .max = kMaxStepName,
          .description = "The batch_worker step."},
    Field{.key = "failure_strategy",
          .type = Choice,
          .required = true,
          .choices = kFailureStrategies,
          .description = "What a failed batch means for the others."},
};
constexpr ObjectSchema kBatch{.what = "batch_config", .fields = kBatchFields};

constexpr std::array kPublishFields{
    Field{.key = "name",
          .required = true,
          .min = 3,
          .max = 255,
          .rule = FieldRule::EventName,
          .pattern = kEventNamePattern,
          .description = "Dotted name of the event."},
    Field{.key = "description", .required = true, .max = kMaxFreeText, .description = "What it means."},
    Field{.key = "condition",
          .type = Choice,
          .default_json = R"("success")",
          .choices = kConditions,
          .description = "The outcome after which it is published."},
    Field{.key = "schema",
          .type = JsonSchema,
          .required = true,
          .rule = FieldRule::PayloadSchema,
          .description = "What its payload must look like."},
    Field{.key = "delivery_mode",
          .type = Choice,
          .default_json = R"("durable")",
          .choices = kDeliveries,
          .description = "How it is delivered."},
    Field{.key = "publisher",
          .min = 1,
          .max = 255,
          .rule = FieldRule::Publisher,
          .pattern = kPublisherPattern,
          .description = "The publisher to use: names joined by :: or a dot."},
};
constexpr ObjectSchema kPublish{.what = "an event declaration", .fields = kPublishFields};

// What the wiring check says of a single step, for tools that only know schemas.
constexpr Texts kStepConditions = R"([
{"if":{"anyOf":[{"required":["type"],"properties":{"type":{"const":"decision"}}},
                {"required":["step_type"],"properties":{"step_type":{"const":"decision"}}}]},
 "then":{"description":"A decision step needs a dependency.",
         "anyOf":[{"required":["dependencies"],"properties":{"dependencies":{"type":"array","minItems":1}}},
                  {"required":["depends_on"],"properties":{"depends_on":{"type":"array","minItems":1}}}]}},
{"if":{"anyOf":[{"required":["type"],"properties":{"type":{"const":"batch_worker"}}},
                {"required":["step_type"],"properties":{"step_type":{"const":"batch_worker"}}}]},
 "then":{"description":"A batch worker needs batch_config.",
         "required":["batch_config"],"properties":{"batch_config":{"type":"object"}}}},
{"if":{"anyOf":[{"required":["type"],"properties":{"type":{"const":"batchable"}}},
                {"required":["step_type"],"properties":{"step_type":{"const":"batchable"}}}]},
 "then":{"description":"A batchable step names its worker.",
         "properties":{"handler":{"required":["initialization"],"properties":{"initialization":{
           "type":"object","required":["worker_template_name"],
           "properties":{"worker_template_name":{"type":"string","minLength":1}}}}}}}}])";
constexpr std::array kStepFields{
    Field{.key = "name",
          .required = true,
          .min = 1,
          .max = kMaxStepName,
          .stored = kStoredStepName,
          .description = "Unique in the template."},
    Field{.key = "description", .max = kMaxDescription, .description = "What the step does."},
    Field{.key = "handler",
          .type = Object,
          .required = true,
          .object = &kHandler,
          .description = "What runs it."},
    Field{.key = "type",
          .alias = "step_type",
          .type = Choice,
          .default_json = R"("standard")",
          .choices = kStepTypes,
          .description =
              "The kind of step: decision names the branches that are made, deferred_convergence waits for "
              "those that were, batchable cuts its input into batches, batch_worker runs one of them."},
    Field{.key = "system_dependency",
          .max = kMaxDescription,
          .description = "The system it acts on. Informative."},
    Field{.key = "dependencies",
          .alias = "depends_on",
          .type = TextList,
          .default_json = "[]",
          .max = kMaxSteps,
          .description = "Names of the steps that must be complete first."},
    Field{.key = "retry",
          .type = Object,
          .default_json = kRetryWhenAbsent,
          .object = &kRetry,
          .description = "What happens after a failure."},
    Field{.key = "timeout_seconds",
          .type = Integer,
          .min = 1,
          .max = kYearSeconds,
          .description = "How long one attempt may run; absent: the host's default."},
    Field{.key = "publishes_events",
          .type = ObjectList,
          .default_json = "[]",
          .object = &kPublish,
          .description = "Domain events of the step."},
    Field{.key = "batch_config",
          .type = Object,
          .object = &kBatch,
          .description = "Settings of a batch; a batch_worker needs them."},
    Field{.key = "result_schema",
          .type = JsonSchema,
          .default_json = "",
          .description = "What the result looks like. For tools; not enforced."},
    Field{.key = "composition",
          .type = Any,
          .default_json = "",
          .support = Support::Refused,
          .note =
              "handlers composed by a grammar exist only in Tasker's Rust worker; name a handler's callable",
          .description = "A composed virtual handler of Tasker's Rust worker; not supported here."},
};
constexpr std::array kStepRenames{
    Rename{"callable", "handler.callable", "inside of handler"},
    Rename{"timeout", "timeout_seconds", "seconds"},
    Rename{"lifecycle", "", "only a whole template has one"},
};
constexpr ObjectSchema kStep{
    .what = "a step", .fields = kStepFields, .renames = kStepRenames, .conditions_json = kStepConditions};

constexpr std::array kOverrideHandlerFields{
    Field{.key = "initialization",
          .type = FreeMap,
          .default_json = "{}",
          .description = "Keys that are added or replaced."},
};
constexpr ObjectSchema kOverrideHandler{.what = "an override's handler", .fields = kOverrideHandlerFields};

constexpr std::array kOverrideFields{
    Field{.key = "name",
          .required = true,
          .min = 1,
          .max = kMaxStepName,
          .description = "A step's name, or ALL."},
    Field{.key = "handler",
          .type = Object,
          .object = &kOverrideHandler,
          .description = "Changes to the handler."},
    Field{.key = "timeout_seconds",
          .type = Integer,
          .min = 1,
          .max = kYearSeconds,
          .description = "Replaces the step's."},
    Field{
        .key = "retry", .type = Object, .object = &kRetry, .description = "Replaces the step's as a whole."},
};
constexpr ObjectSchema kOverride{.what = "an override", .fields = kOverrideFields};

constexpr std::array kEnvironmentFields{
    Field{.key = "steps",
          .type = ObjectList,
          .default_json = "[]",
          .max = kMaxSteps,
          .object = &kOverride,
          .description = "Overrides, applied in order."},
};
constexpr ObjectSchema kEnvironment{.what = "an environment", .fields = kEnvironmentFields};

constexpr std::array kLifecycleFields{
    Field{.key = "max_duration_minutes",
          .type = Integer,
          .min = 1,
          .max = 43'200,
          .description = "How long a task may take."},
    Field{.key = "max_waiting_for_dependencies_minutes",
          .type = Integer,
          .min = 1,
          .max = 10'080,
          .description = "How long it may wait for dependencies."},
    Field{.key = "max_waiting_for_retry_minutes",
          .type = Integer,
          .min = 1,
          .max = 10'080,
          .description = "How long it may wait for a retry."},
    Field{.key = "max_steps_in_process_minutes",
          .type = Integer,
          .min = 1,
          .max = 10'080,
          .description = "How long steps may be in process."},
    Field{.key = "staleness_action",
          .type = Choice,
          .default_json = R"("dlq")",
          .choices = kStaleness,
          .description = "What happens to a stale task."},
    Field{.key = "auto_fail_on_timeout",
          .type = Boolean,
          .support = Support::NotActedUpon,
          .note = "staleness_action decides what becomes of a stale task",
          .description = "Kept; staleness_action decides."},
    Field{.key = "auto_dlq_on_timeout",
          .type = Boolean,
          .support = Support::NotActedUpon,
          .note = "staleness_action decides what becomes of a stale task",
          .description = "Kept; staleness_action decides."},
};
constexpr ObjectSchema kLifecycle{.what = "lifecycle", .fields = kLifecycleFields};

constexpr std::array kTemplateFields{
    Field{.key = "name",
          .required = true,
          .min = 1,
          .max = kMaxName,
          .stored = kStoredName,
          .description = "Unique in its namespace and version."},
    Field{.key = "namespace_name",
          .required = true,
          .min = 1,
          .max = kMaxNamespace,
          .rule = FieldRule::Namespace,
          .pattern = kNamespacePattern,
          .description = "Whose workers run it."},
    Field{.key = "version",
          .required = true,
          .min = 1,
          .max = kMaxVersion,
          .stored = kStoredVersion,
          .description = "Quoted, for instance \"1.0.0\"."},
    Field{.key = "description", .max = kMaxDescription, .description = "What the workflow is for."},
    Field{.key = "metadata", .type = Object, .object = &kMetadata, .description = "Informative."},
    Field{.key = "system_dependencies",
          .type = Object,
          .default_json = R"({"primary":"default","secondary":[]})",
          .object = &kSystem,
          .description = "Informative."},
    Field{.key = "domain_events",
          .type = ObjectList,
          .default_json = "[]",
          .object = &kDomainEvent,
          .description = "A catalogue of events. Informative."},
    Field{.key = "input_schema",
          .type = JsonSchema,
          .rule = FieldRule::InputSchema,
          .description = "What the input of a task must look like; a submission that does not is refused."},
    Field{.key = "steps",
          .type = ObjectList,
          .required = true,
          .min = 1,
          .max = kMaxSteps,
          .object = &kStep,
          .description = "The steps of the workflow."},
    Field{.key = "environments",
          .type = ObjectMap,
          .default_json = "{}",
          .object = &kEnvironment,
          .description = "Overrides by name of the environment."},
    Field{.key = "lifecycle",
          .type = Object,
          .object = &kLifecycle,
          .description = "Limits after which a task counts as stale."},
    Field{.key = "identity_strategy",
          .type = Choice,
          .default_json = R"("strict")",
          .choices = kIdentities,
          .description = "What makes two submissions the same task."},
};
constexpr std::array kTemplateRenames{
    Rename{"namespace", "namespace_name", ""},
    Rename{"task_handler", "", "a template has no handler of its own any more"},
};
constexpr ObjectSchema kTemplate{
    .what = "a template", .fields = kTemplateFields, .renames = kTemplateRenames};

}  // namespace

const Field* ObjectSchema::find(std::string_view key) const {
    const auto found = std::find_if(fields.begin(), fields.end(), [&](const Field& field) {
        return field.key == key || (!field.alias.empty() && field.alias == key);
    });
    return found == fields.end() ? nullptr : &*found;
}

const ObjectSchema& template_schema() { return kTemplate; }

}  // namespace tasker::host
