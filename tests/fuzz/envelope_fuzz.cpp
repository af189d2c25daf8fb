// A result, each part anything, to its stored envelope and back. Parts that keep the rules of a result make one JSON
// document that tells the same; the readers of envelopes take any text.

#include "host/core/error.hpp"
#include "host/core/json_text.hpp"
#include "host/model/identity.hpp"
#include "host/model/result_rules.hpp"
#include "host/model/wire.hpp"
#include "tests/fuzz/fuzz_input.hpp"

using namespace tasker::host;
using fuzzing::require;

namespace {
void read_any(std::string_view text) {
    static_cast<void>(envelope_result(text));
    try {
        static_cast<void>(summarise_envelope(text));
    } catch (const Error& error) {
        require(std::string_view(error.what()).size() > 3, "a refusal says what is wrong");
    }
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    read_any({reinterpret_cast<const char*>(data), size});
    const auto parts = fuzzing::parts_of(data, size, 7);
    StepExecutionResult result;
    result.result_json = parts[0];
    result.metadata_json = parts[1];
    result.success = parts[2].empty();
    result.status = result.success ? "completed" : "error";
    result.worker_id = parts[5];
    result.execution_time_ms = static_cast<std::int64_t>(size);
    if (!result.success) {
        result.error =
            StepError{std::string(parts[2]), std::string(parts[5]), "", size % 2 == 0, std::string(parts[3])};
    }
    result.headers = {{std::string(parts[4]), std::string(parts[6])}};
    if (result_part_fault("result", result.result_json, false) ||
        result_part_fault("metadata", result.metadata_json, true) ||
        (result.error && result_part_fault("context", result.error->context_json, true)))
        return 0;
    const std::string envelope = to_envelope(result);
    require(!json_fault(envelope, {.max_depth = 200, .max_bytes = std::size_t{16} << 20U}),
            "an envelope is one JSON document");
    require(
        !result.success || canonical_json(envelope_result(envelope)) == canonical_json(result.result_json),
        "the result comes back");
    const EnvelopeSummary summary = summarise_envelope(envelope);
    require(summary.success == result.success, "success comes back");
    require(summary.execution_time_ms == result.execution_time_ms, "the time comes back");
    require(result.success || summary.metadata_retryable == result.error->retryable, "retryable comes back");
    return 0;
}
