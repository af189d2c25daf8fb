#pragma once
// What an attempt came to: the handler's outcome, and the seed's StepExecutionResult that is submitted for it.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "host/core/uuid.hpp"
#include "host/model/checkpoint.hpp"
#include "host/model/domain_event.hpp"

namespace tasker::host {

struct Succeeded {
    std::string result_json = "{}";    // valid JSON (checked by whoever makes it)
    std::string metadata_json = "{}";  // the author's; an object
    std::vector<EmittedEvent> events = {};
};
struct Failed {
    std::string message;
    std::string error_type = "handler_error";
    std::string error_code;
    bool retryable = true;
    std::optional<std::int64_t> retry_after_ms;
    std::string context_json = "{}";
    std::string metadata_json = "{}";
    std::vector<std::pair<std::string, std::string>> headers = {};  // as StepExecutionResult::headers
    std::vector<EmittedEvent> events = {};
};
// The step was not really attempted (cancelled while draining, lease lost): give it back, uncharged.
struct Released {
    std::string reason;
};
// The handler saved its progress and wants to be called again with it, in the same attempt.
struct Yielded {
    Checkpoint checkpoint;
};
using StepOutcome = std::variant<Succeeded, Failed, Released, Yielded>;

struct StepError {
    std::string message;
    std::string error_type;
    std::string error_code;
    bool retryable = true;
    std::string context_json = "{}";
    friend bool operator==(const StepError&, const StepError&) = default;
};

// The seed's fields. Serialised by model/wire.
struct StepExecutionResult {
    Uuid step_uuid;
    Uuid task_uuid;
    bool success = false;
    std::string status;  // "completed" or "error"
    std::int64_t execution_time_ms = 0;
    std::string result_json = "{}";  // {} on failure
    std::optional<StepError> error;  // absent on success
    std::string worker_id;
    std::string correlation_id;
    std::string metadata_json = "{}";  // the author's
    std::int64_t started_ms = 0;       // wall clock
    std::int64_t completed_ms = 0;
    std::string handler_version;  // plugin@version; empty: unknown
    std::string worker_hostname;
    std::optional<std::int64_t> retry_after_ms;  // becomes the Retry-After header of orchestration_metadata
    // Other headers of orchestration_metadata, as a response had them. A Retry-After among them, in any case, counts
    // when retry_after_ms is not set: whole seconds or an RFC 2822 date.
    std::vector<std::pair<std::string, std::string>> headers;
    std::vector<DomainEvent> events = {};  // published if and only if this result is accepted
};

// What became of a submitted result.
enum class CompletionVerdict : std::uint8_t {
    Accepted,         // recorded by this call
    AlreadyRecorded,  // the same attempt's result was recorded before; harmless
    Superseded,       // the fence moved on (timeout, cancel, hand-back, lost lease): refused, not stored
};

}  // namespace tasker::host
