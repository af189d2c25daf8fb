#pragma once
// What a handler returns.

#include <chrono>
#include <string>
#include <utility>

#include "tasker/errors.hpp"
#include "tasker/json.hpp"

namespace tasker {

class StepHandlerResult {
  public:
    // value: any JSON value, at most 1 MiB as text. metadata: an object or null, kept with the result; anything else
    // throws ValidationError. Keys of 1 to 256 bytes, at most 256 of them, 64 KiB of values in all: what is beyond is
    // not kept, and the step's log has a WARN about it. A part without JSON text (NaN, not UTF-8) is replaced by a text
    // that says so.
    static StepHandlerResult success(json value = json::object(), json metadata = json::object()) {
        StepHandlerResult made;
        made.result_ = std::move(value);
        made.set_metadata(std::move(metadata));
        return made;
    }

    // type: free text of at most 255 bytes. Retried by default, as the template's retry section allows.
    static StepHandlerResult failure(std::string message, std::string type, bool retryable = true,
                                     json metadata = json::object(), std::string error_code = {}) {
        StepHandlerResult made;
        made.success_ = false;
        made.retryable_ = retryable;
        made.error_message_ = std::move(message);
        made.error_type_ = std::move(type);
        made.error_code_ = std::move(error_code);
        made.set_metadata(std::move(metadata));
        return made;
    }
    static StepHandlerResult failure(std::string message, ErrorType type = ErrorType::HandlerError,
                                     bool retryable = true, json metadata = json::object(),
                                     std::string error_code = {}) {
        return failure(std::move(message), std::string(to_string(type)), retryable, std::move(metadata),
                       std::move(error_code));
    }

    // The same failure with a delay before the next attempt, which wins over the template's backoff.
    StepHandlerResult with_retry_after(std::chrono::milliseconds delay) const {
        auto copy = *this;
        copy.retry_after_ = delay;
        return copy;
    }

    bool is_success() const noexcept { return success_; }
    bool is_failure() const noexcept { return !success_; }
    const json& result() const noexcept { return result_; }  // {} on failure
    const std::string& error_message() const noexcept { return error_message_; }
    const std::string& error_type() const noexcept { return error_type_; }
    const std::string& error_code() const noexcept { return error_code_; }
    bool retryable() const noexcept { return retryable_; }  // meaningful on failure
    const json& metadata() const noexcept { return metadata_; }
    std::chrono::milliseconds retry_after() const noexcept {
        return retry_after_;
    }  // 0: the template's backoff

    json to_json() const {
        const auto text_or_null = [](const std::string& text) { return text.empty() ? json() : json(text); };
        return {{"success", success_},
                {"result", success_ ? result_ : json()},
                {"error_message", text_or_null(error_message_)},
                {"error_type", text_or_null(error_type_)},
                {"error_code", text_or_null(error_code_)},
                {"retryable", retryable_},
                {"metadata", metadata_}};
    }

  private:
    StepHandlerResult() = default;

    void set_metadata(json value) {
        if (value.is_null()) return;
        if (!value.is_object()) {
            throw ValidationError(std::string("metadata of a result must be an object, found ") +
                                  value.type_name());
        }
        metadata_ = std::move(value);
    }

    json result_ = json::object();
    json metadata_ = json::object();
    std::string error_message_, error_type_, error_code_;
    std::chrono::milliseconds retry_after_{0};
    bool success_ = true;
    bool retryable_ = true;
};

}  // namespace tasker
