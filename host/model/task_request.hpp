#pragma once
// What a client submits, what it gets back, and what it sees of a task. Values.

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "host/core/uuid.hpp"
#include "host/model/states.hpp"

namespace tasker::host {

struct TaskRequest {
    std::string name;
    std::string namespace_name;
    std::string version;
    std::string context_json = "{}";  // an object; limits in submission.hpp
    std::string initiator;
    std::string source_system;
    std::string reason;
    std::vector<std::string> tags;
    int priority = 0;  // higher first
    std::optional<Uuid> correlation_id;
    std::optional<Uuid> parent_correlation_id;
    std::optional<std::string> idempotency_key;
    std::string traceparent;
};

// Why a request was refused. `Invalid` is REST 400, NotFound 404, Duplicate 409, Unavailable 503.
enum class Refusal : std::uint8_t { Invalid, NotFound, Duplicate, Unavailable };
struct Refused {
    Refusal why = Refusal::Invalid;
    std::string message;
    std::string hint;
};
using SubmitOutcome = std::variant<Uuid, Refused>;

// An operator's action on one step (orchestration.md 6.3).
struct StepAction {
    enum class Kind : std::uint8_t {
        ResetForRetry,     // from error only: attempts start again from none
        ResolveManually,   // done without a result
        CompleteManually,  // done with `result_json`
    } kind = Kind::ResetForRetry;
    std::string reason, by;
    std::string result_json = "{}", metadata_json = "{}";  // CompleteManually only; metadata is an object
};

struct StepView {
    Uuid step_uuid;
    Uuid task_uuid;
    std::string name;
    StepState state = StepState::Pending;
    bool dependencies_satisfied = false;
    bool retry_eligible = false;
    bool ready_for_execution = false;
    int total_parents = 0;
    int completed_parents = 0;
    int attempts = 0;
    int max_attempts = 0;
    int crashes = 0;
    std::optional<std::int64_t> created_ms, last_attempted_ms, last_failure_ms, next_retry_ms, processed_ms,
        backoff_ms;
    std::string results_json;  // the stored envelope (protocol.md 7.1); empty when there is none
    std::vector<std::string> dependencies;
    std::string template_step_name;  // differs from `name` for a batch worker
    std::string inputs_json;         // workflow_step.inputs of a batch worker; else empty
};

struct TaskView {
    Uuid task_uuid;
    std::string name, namespace_name, version;
    TaskState state = TaskState::Pending;
    std::int64_t created_ms = 0, updated_ms = 0;
    std::optional<std::int64_t> completed_ms;
    std::string context_json, initiator, source_system, reason, tags_json = "[]";
    int priority = 0;
    Uuid correlation_id;
    std::optional<Uuid> parent_correlation_id;
    int total_steps = 0, pending_steps = 0, in_progress_steps = 0, completed_steps = 0, failed_steps = 0,
        ready_steps = 0, enqueued_steps = 0;
    std::vector<StepView> steps;  // template order, then as they were made; empty in lists
};

struct TaskFilter {
    std::optional<std::string> namespace_name;
    std::optional<TaskState> state;
    bool only_open = false;
    std::optional<std::string> initiator, source_system;
    int page = 1;
    int per_page = 25;
};
struct TaskPage {
    std::vector<TaskView> tasks;  // newest first
    std::int64_t total = 0;
    int page = 1, per_page = 25;
};

struct StepAuditRecord {
    std::int64_t sequence = 0;
    Uuid task_uuid, step_uuid;
    std::string step_name;
    int attempt = 0;
    std::string from_state, to_state;
    bool success = false;
    std::string event;  // succeeded, failed, worker_lost, handed_back, cancelled, completed_manually, ...
    std::int64_t recorded_ms = 0, claimed_ms = 0, execution_time_ms = 0;
    std::string worker_id, correlation_id, error_type, error_message;
    std::string result_json;  // the envelope that this attempt answered; empty: none
    std::string actor, note;  // the operator and the reason, for what was done by hand
};

}  // namespace tasker::host
