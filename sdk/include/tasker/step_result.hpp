#pragma once
// What a handler returns.

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "tasker/detail/outcomes.hpp"
#include "tasker/errors.hpp"
#include "tasker/json.hpp"

namespace tasker {

// A domain event, published if and only if the step's result is accepted.
struct EmittedEvent {
    std::string name;  // payment.authorized
    json payload;
};

enum class ResultKind : std::uint8_t {
    Success,
    Failure,
    Decision,         // a success that names the branches to take
    Batches,          // a success that names the batches to make
    CheckpointYield,  // neither: the progress is saved, and the handler is called again with it
};

class StepHandlerResult {
  public:
    // value: any JSON value, at most 1 MiB as text. metadata: an object or null, kept with the result; anything else
    // throws ValidationError. Keys of 1 to 256 bytes, at most 256 of them, 64 KiB of values in all: what is beyond is
    // not kept, and the step's log has a WARN about it. A part without JSON text (NaN, not UTF-8) is replaced by a text
    // that says so.
    static StepHandlerResult success(json value = json::object(), json metadata = json::object()) {
        return make(ResultKind::Success, std::move(value), std::move(metadata));
    }

    // type: free text of at most 255 bytes. Retried by default, as the template's retry section allows.
    static StepHandlerResult failure(std::string message, std::string type, bool retryable = true,
                                     json metadata = json::object(), std::string error_code = {}) {
        auto made = make(ResultKind::Failure, json::object(), std::move(metadata));
        made.retryable_ = retryable;
        made.error_message_ = std::move(message);
        made.error_type_ = std::move(type);
        made.error_code_ = std::move(error_code);
        return made;
    }
    static StepHandlerResult failure(std::string message, ErrorType type = ErrorType::HandlerError,
                                     bool retryable = true, json metadata = json::object(),
                                     std::string error_code = {}) {
        return failure(std::move(message), std::string(to_string(type)), retryable, std::move(metadata),
                       std::move(error_code));
    }

    // Of a handler of kind Decision. result: an object, what stands beside decision_point_outcome. Throws
    // ValidationError (INVALID_DECISION_OUTCOME): no names, an empty one, a result that is no object.
    static StepHandlerResult decision(const std::vector<std::string>& step_names,
                                      json result = json::object(), json metadata = json::object()) {
        detail::check_step_names(step_names);
        return make(ResultKind::Decision,
                    detail::with_outcome(std::move(result), detail::kDecisionKey,
                                         {{"type", "create_steps"}, {"step_names", step_names}}),
                    std::move(metadata));
    }
    static StepHandlerResult no_branches(json result = json::object(), json metadata = json::object()) {
        return make(ResultKind::Decision,
                    detail::with_outcome(std::move(result), detail::kDecisionKey, {{"type", "no_branches"}}),
                    std::move(metadata));
    }

    // Of a handler of kind BatchAnalyzer; batch.hpp has the helpers. cursors: an array of objects with batch_id,
    // start_cursor, end_cursor, batch_size; none: no batches. Throws ValidationError (INVALID_BATCH_OUTCOME).
    static StepHandlerResult batches(const std::string& worker_template, const json& cursors,
                                     std::uint64_t total_items, json result = json::object(),
                                     json metadata = json::object()) {
        if (cursors.is_array() && cursors.empty()) return no_batches(std::move(result), std::move(metadata));
        detail::check_cursors(worker_template, cursors);
        return make(ResultKind::Batches,
                    detail::with_outcome(std::move(result), detail::kBatchesKey,
                                         {{"type", "create_batches"},
                                          {"worker_template_name", worker_template},
                                          {"worker_count", cursors.size()},
                                          {"cursor_configs", cursors},
                                          {"total_items", total_items}}),
                    std::move(metadata));
    }
    static StepHandlerResult no_batches(json result = json::object(), json metadata = json::object()) {
        return make(ResultKind::Batches,
                    detail::with_outcome(std::move(result), detail::kBatchesKey, {{"type", "no_batches"}}),
                    std::move(metadata));
    }

    // Of a handler of kind BatchWorker, or with TASKER_CAP_CHECKPOINTS: saves the progress; the handler is called again
    // with it, in the same attempt. cursor: any value but null, at most 64 KiB. items_processed: the sum over all calls.
    // accumulated: any value; both at most 1 MiB. Throws ValidationError (INVALID_CHECKPOINT).
    static StepHandlerResult checkpoint_yield(json cursor, std::int64_t items_processed,
                                              json accumulated = nullptr) {
        detail::check_checkpoint(cursor, items_processed);
        json record{{"cursor", std::move(cursor)}, {"items_processed", items_processed}};
        if (!accumulated.is_null()) record["accumulated_results"] = std::move(accumulated);
        return make(ResultKind::CheckpointYield, std::move(record), json::object());
    }

    // The same failure with a delay before the next attempt, which wins over the template's backoff.
    StepHandlerResult with_retry_after(std::chrono::milliseconds delay) const {
        auto copy = *this;
        copy.retry_after_ = delay;
        return copy;
    }
    // The same failure with a header of the response that it comes from, for the orchestrator. A Retry-After counts when
    // there is no retry_after().
    StepHandlerResult with_header(const std::string& name, std::string value) const {
        auto copy = *this;
        copy.headers_[name] = std::move(value);
        return copy;
    }
    // The same failure with details of it, an object (error.context of the stored result).
    StepHandlerResult with_context(json details) const {
        if (!details.is_object()) {
            throw ValidationError(std::string("context of a failure must be an object, found ") +
                                  details.type_name());
        }
        auto copy = *this;
        copy.context_ = std::move(details);
        return copy;
    }
    // The same result with an event. Throws ValidationError (INVALID_EVENT) for a name that is not dotted lower case,
    // and for a checkpoint yield, which is no result yet.
    StepHandlerResult with_event(std::string name, json payload = nullptr) const {
        detail::check_event(name, kind_ == ResultKind::CheckpointYield);
        auto copy = *this;
        copy.events_.push_back({std::move(name), std::move(payload)});
        return copy;
    }

    ResultKind kind() const noexcept { return kind_; }
    bool is_success() const noexcept { return !is_failure() && !is_checkpoint_yield(); }
    bool is_failure() const noexcept { return kind_ == ResultKind::Failure; }
    bool is_checkpoint_yield() const noexcept { return kind_ == ResultKind::CheckpointYield; }
    // {} on failure. Of a decision or of batches: with the outcome in it. Of a yield: cursor, items_processed and
    // accumulated_results when there are some.
    const json& result() const noexcept { return result_; }
    const std::string& error_message() const noexcept { return error_message_; }
    const std::string& error_type() const noexcept { return error_type_; }
    const std::string& error_code() const noexcept { return error_code_; }
    bool retryable() const noexcept { return retryable_; }  // meaningful on failure
    const json& metadata() const noexcept { return metadata_; }
    std::chrono::milliseconds retry_after() const noexcept {
        return retry_after_;
    }                                                                // 0: the template's backoff
    const json& headers() const noexcept { return headers_; }        // {"name": "value"}
    const json& error_context() const noexcept { return context_; }  // an object
    const std::vector<EmittedEvent>& events() const noexcept { return events_; }

    json to_json() const {
        const auto text_or_null = [](const std::string& text) { return text.empty() ? json() : json(text); };
        return {{"success", is_success()},
                {"result", is_failure() ? json() : result_},
                {"error_message", text_or_null(error_message_)},
                {"error_type", text_or_null(error_type_)},
                {"error_code", text_or_null(error_code_)},
                {"retryable", retryable_},
                {"metadata", metadata_}};
    }

  private:
    StepHandlerResult() = default;

    static StepHandlerResult make(ResultKind kind, json value, json metadata) {
        StepHandlerResult made;
        made.kind_ = kind;
        made.result_ = std::move(value);
        if (metadata.is_null()) return made;
        if (!metadata.is_object()) {
            throw ValidationError(std::string("metadata of a result must be an object, found ") +
                                  metadata.type_name());
        }
        made.metadata_ = std::move(metadata);
        return made;
    }

    ResultKind kind_ = ResultKind::Success;
    bool retryable_ = true;
    json result_ = json::object(), metadata_ = json::object(), headers_ = json::object(),
         context_ = json::object();
    std::string error_message_, error_type_, error_code_;
    std::chrono::milliseconds retry_after_{0};
    std::vector<EmittedEvent> events_;
};

}  // namespace tasker
