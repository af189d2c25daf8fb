#include "host/model/wire.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <utility>

#include "host/core/clock.hpp"
#include "host/core/error.hpp"
#include "host/core/json_text.hpp"
#include "host/core/json_view.hpp"

namespace tasker::host {

namespace {

constexpr std::string_view kRetryAfter = "Retry-After";

void append_or_null(std::string& out, std::string_view text) {
    if (text.empty()) {
        out += "null";
    } else {
        append_json_string(out, text);
    }
}

void append_object_or_empty(std::string& out, std::string_view json) { out += json.empty() ? "{}" : json; }

void append_bool(std::string& out, bool value) { out += value ? "true" : "false"; }

void append_error(std::string& out, const StepError& error) {
    out += R"({"message":)";
    append_json_string(out, error.message);
    out += R"(,"error_type":)";
    append_or_null(out, error.error_type);
    out += R"(,"error_code":)";
    append_or_null(out, error.error_code);
    out += R"(,"backtrace":null,"retryable":)";
    append_bool(out, error.retryable);
    if (!error.context_json.empty() && error.context_json != "{}") {
        out += R"(,"context":)";
        out += error.context_json;
    }
    out += '}';
}

void append_metadata(std::string& out, const StepExecutionResult& result, bool retryable) {
    const StepError* const error = result.error ? &*result.error : nullptr;
    out += R"({"execution_time_ms":)";
    out += std::to_string(result.execution_time_ms);
    out += R"(,"handler_version":)";
    append_or_null(out, result.handler_version);
    out += R"(,"retryable":)";
    append_bool(out, retryable);
    out += R"(,"completed_at":")";
    out += rfc3339(result.completed_ms);
    out += R"(","worker_id":)";
    append_or_null(out, result.worker_id);
    out += R"(,"worker_hostname":)";
    append_or_null(out, result.worker_hostname);
    out += R"(,"started_at":")";
    out += rfc3339(result.started_ms);
    out += R"(","custom":)";
    append_object_or_empty(out, result.metadata_json);
    out += R"(,"error_code":)";
    append_or_null(out, error ? std::string_view{error->error_code} : std::string_view{});
    out += R"(,"error_type":)";
    append_or_null(out, error ? std::string_view{error->error_type} : std::string_view{});
    out += R"(,"context":)";
    append_object_or_empty(out, error ? std::string_view{error->context_json} : std::string_view{});
    out += '}';
}

bool same_ignoring_case(std::string_view a, std::string_view b) {
    const auto lower = [](char c) { return std::tolower(static_cast<unsigned char>(c)); };
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [&](char x, char y) { return lower(x) == lower(y); });
}

// Never null on a retryable failure: a Tasker server would then retry without any delay.
void append_orchestration_metadata(std::string& out, const StepExecutionResult& result, bool retryable) {
    if (result.success || (!retryable && !result.retry_after_ms)) {
        out += "null";
        return;
    }
    out += R"({"headers":{)";
    const char* comma = "";
    if (result.retry_after_ms) {
        const std::int64_t seconds = (std::max<std::int64_t>(*result.retry_after_ms, 0) + 999) / 1000;
        out += R"("Retry-After":")";
        out += std::to_string(seconds);
        out += '"';
        comma = ",";
    }
    for (const auto& [name, value] : result.headers) {
        if (result.retry_after_ms && same_ignoring_case(name, kRetryAfter)) continue;
        out += std::exchange(comma, ",");
        append_json_string(out, name);
        out += ':';
        append_json_string(out, value);
    }
    out += R"(},"error_context":null,"backoff_hint":null,"custom":{}})";
}

std::string retry_after_of(std::string_view envelope) {
    const auto orchestration = json_member(envelope, "orchestration_metadata");
    const auto headers = orchestration ? json_member(*orchestration, "headers") : std::nullopt;
    if (!headers) return {};
    for (JsonWalk walk(*headers); walk.next();) {
        const bool text = !walk.value().empty() && walk.value().front() == '"';
        if (text && same_ignoring_case(json_unescape(walk.raw_key()), kRetryAfter))
            return json_unescape(walk.value());
    }
    return {};
}

std::int64_t integer_or_zero(std::optional<std::string_view> text) {
    std::int64_t value = 0;
    if (text) std::from_chars(text->data(), text->data() + text->size(), value);
    return value;
}

}  // namespace

std::string to_envelope(const StepExecutionResult& result) {
    const bool retryable = !result.success && result.error && result.error->retryable;
    std::string out;
    out.reserve(768 + result.result_json.size() + result.metadata_json.size());
    out += R"({"step_uuid":")";
    out += result.step_uuid.str();
    out += R"(","success":)";
    append_bool(out, result.success);
    out += R"(,"result":)";
    append_object_or_empty(out, result.success ? std::string_view{result.result_json} : std::string_view{});
    out += R"(,"status":)";
    out += result.success ? R"("completed")" : R"("failed")";
    out += R"(,"error":)";
    if (result.success) {
        out += "null";
    } else {
        append_error(out, result.error.value_or(StepError{}));
    }
    out += R"(,"metadata":)";
    append_metadata(out, result, retryable);
    out += R"(,"orchestration_metadata":)";
    append_orchestration_metadata(out, result, retryable);
    out += R"(,"task_uuid":")";
    out += result.task_uuid.str();
    out += R"(","execution_time_ms":)";
    out += std::to_string(result.execution_time_ms);
    out += R"(,"worker_id":)";
    append_json_string(out, result.worker_id);
    out += R"(,"correlation_id":)";
    append_json_string(out, result.correlation_id);
    out += '}';
    return out;
}

std::optional<std::string> retry_after_header(const StepExecutionResult& result) {
    for (const auto& [name, value] : result.headers) {
        if (same_ignoring_case(name, kRetryAfter)) return value;
    }
    return std::nullopt;
}

std::string_view envelope_result(std::string_view envelope) {
    return json_member(envelope, "result").value_or(envelope);
}

EnvelopeSummary summarise_envelope(std::string_view envelope) {
    const auto fault = json_fault(envelope, {.max_depth = 128, .max_bytes = std::size_t{8} << 20U});
    if (fault) throw Error("the stored result is not an envelope: " + *fault);
    const auto success = json_member(envelope, "success");
    if (!success || (*success != "true" && *success != "false")) {
        throw Error("the stored result is not an envelope: it has no boolean 'success'");
    }
    EnvelopeSummary summary;
    summary.success = *success == "true";
    const std::string_view metadata = json_member(envelope, "metadata").value_or("{}");
    const std::string_view error = json_member(envelope, "error").value_or("{}");
    const auto text = [](std::string_view object, std::string_view key) {
        return json_string_member(object, key).value_or(std::string{});
    };
    summary.metadata_retryable = json_member(metadata, "retryable").value_or("false") == "true";
    summary.error_type = text(error, "error_type");
    summary.error_message = text(error, "message");
    summary.worker_id = text(metadata, "worker_id");
    summary.execution_time_ms = integer_or_zero(json_member(metadata, "execution_time_ms"));
    summary.retry_after = retry_after_of(envelope);
    return summary;
}

}  // namespace tasker::host
