#pragma once
// The stored envelope of a step result (protocol.md 7.1 plus the seed's flat keys). Pure text building: this is on the
// hot path, so no document tree is built.

#include <optional>
#include <string>
#include <string_view>

#include "host/model/step_result.hpp"

namespace tasker::host {

// Exactly what is stored in step_result.envelope and handed to dependents.
std::string to_envelope(const StepExecutionResult& result);

// The Retry-After among the result's headers, its name in any case.
std::optional<std::string> retry_after_header(const StepExecutionResult& result);

// The `result` member of an envelope as text, or the envelope itself when it has none. View into `envelope`.
std::string_view envelope_result(std::string_view envelope);

struct EnvelopeSummary {
    bool success = false;
    bool metadata_retryable = false;  // missing means false
    std::string error_type, error_message, worker_id;
    std::int64_t execution_time_ms = 0;
    std::string retry_after;  // the header's text, name matched in any case; empty: none
};
// Reads back what readers and the orchestration need. Throws Error when the text is not an envelope.
EnvelopeSummary summarise_envelope(std::string_view envelope);

}  // namespace tasker::host
