#pragma once
// What can go wrong in a handler: the standard error types, and the exceptions that carry them.
//
// An exception thrown out of a handler becomes the step's failure:
//   PermanentError    permanent_error, not retried
//     ValidationError      validation_error; the others below have a code of their own
//     NotFoundError, AuthenticationError, AuthorizationError, ConfigurationError, BusinessLogicError
//   RetryableError    retryable_error, retried, after retry_after when given
//     TimeoutError         timeout; the others below have a code of their own
//     NetworkError, RateLimitError, ServiceUnavailableError, ResourceContentionError
//   StopRequested     no failure: the step is released, uncharged
//   std::exception    handler_error HANDLER_EXCEPTION, retried
//   anything else     the same, with the message "unknown exception"
// None of them leaves the plugin.

#include <array>
#include <chrono>
#include <cstdint>
#include <exception>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "tasker/abi.h"
#include "tasker/json.hpp"

namespace tasker {

// The type is free text on the wire, at most 255 bytes; these five are standard.
enum class ErrorType : std::uint8_t {
    PermanentError,
    RetryableError,
    ValidationError,
    Timeout,
    HandlerError
};

inline constexpr std::array<std::string_view, 5> kErrorTypeNames{
    "permanent_error", "retryable_error", "validation_error", "timeout", "handler_error"};

constexpr std::string_view to_string(ErrorType type) noexcept {
    return kErrorTypeNames[static_cast<std::size_t>(type)];
}

constexpr std::optional<ErrorType> parse_error_type(std::string_view name) noexcept {
    for (std::size_t i = 0; i < kErrorTypeNames.size(); ++i) {
        if (kErrorTypeNames[i] == name) return static_cast<ErrorType>(i);
    }
    return std::nullopt;
}

constexpr bool is_standard_error_type(std::string_view name) noexcept {
    return parse_error_type(name).has_value();
}

// What the name alone suggests; the `retryable` of a result decides.
constexpr bool is_typically_retryable(ErrorType type) noexcept {
    return type == ErrorType::RetryableError || type == ErrorType::Timeout;
}
constexpr bool is_typically_retryable(std::string_view name) noexcept {
    const auto type = parse_error_type(name);
    return type && is_typically_retryable(*type);
}

// Base of the exceptions that say exactly what the failure is to be.
class TaskerError : public std::runtime_error {
  public:
    TaskerError(const std::string& message, std::string error_type, bool retryable,
                std::string error_code = {}, json metadata = json::object())
        : std::runtime_error(message),
          error_type_(std::move(error_type)),
          error_code_(std::move(error_code)),
          metadata_(std::move(metadata)),
          retryable_(retryable) {}

    const std::string& error_type() const noexcept { return error_type_; }
    const std::string& error_code() const noexcept { return error_code_; }
    const json& metadata() const noexcept { return metadata_; }
    bool retryable() const noexcept { return retryable_; }
    std::chrono::milliseconds retry_after() const noexcept {
        return retry_after_;
    }  // 0: the template's backoff

  protected:
    void set_retry_after(std::chrono::milliseconds delay) noexcept { retry_after_ = delay; }

  private:
    std::string error_type_, error_code_;
    json metadata_;
    std::chrono::milliseconds retry_after_{0};
    bool retryable_;
};

// Retrying cannot help.
class PermanentError : public TaskerError {
  public:
    explicit PermanentError(const std::string& message, std::string error_code = {},
                            json metadata = json::object())
        : PermanentError(ErrorType::PermanentError, message, std::move(error_code), std::move(metadata)) {}

  protected:
    PermanentError(ErrorType type, const std::string& message, std::string error_code, json metadata)
        : TaskerError(message, std::string(to_string(type)), false, std::move(error_code),
                      std::move(metadata)) {}
};

// Try again: after `retry_after`, or with the template's backoff when it is 0.
class RetryableError : public TaskerError {
  public:
    explicit RetryableError(const std::string& message, std::chrono::milliseconds retry_after = {},
                            std::string error_code = {}, json metadata = json::object())
        : RetryableError(ErrorType::RetryableError, message, retry_after, std::move(error_code),
                         std::move(metadata)) {}

  protected:
    RetryableError(ErrorType type, const std::string& message, std::chrono::milliseconds retry_after,
                   std::string error_code, json metadata)
        : TaskerError(message, std::string(to_string(type)), true, std::move(error_code),
                      std::move(metadata)) {
        set_retry_after(retry_after);
    }
};

// The input, the configuration or a dependency is not what the handler needs. Never retried.
class ValidationError : public PermanentError {
  public:
    explicit ValidationError(const std::string& message, std::string error_code = {},
                             json metadata = json::object())
        : PermanentError(ErrorType::ValidationError, message, std::move(error_code), std::move(metadata)) {}
};

// What was asked for does not exist.
class NotFoundError : public PermanentError {
  public:
    explicit NotFoundError(const std::string& message, std::string error_code = "NOT_FOUND",
                           json metadata = json::object())
        : PermanentError(message, std::move(error_code), std::move(metadata)) {}
};

// Who we are was not accepted.
class AuthenticationError : public PermanentError {
  public:
    explicit AuthenticationError(const std::string& message, std::string error_code = "AUTHENTICATION_FAILED",
                                 json metadata = json::object())
        : PermanentError(message, std::move(error_code), std::move(metadata)) {}
};

// We are known and may not do that.
class AuthorizationError : public PermanentError {
  public:
    explicit AuthorizationError(const std::string& message, std::string error_code = "AUTHORIZATION_FAILED",
                                json metadata = json::object())
        : PermanentError(message, std::move(error_code), std::move(metadata)) {}
};

// The handler's or the plugin's configuration cannot work.
class ConfigurationError : public PermanentError {
  public:
    explicit ConfigurationError(const std::string& message, std::string error_code = "CONFIGURATION_ERROR",
                                json metadata = json::object())
        : PermanentError(message, std::move(error_code), std::move(metadata)) {}
};

// A rule of the business forbids it.
class BusinessLogicError : public PermanentError {
  public:
    explicit BusinessLogicError(const std::string& message, std::string error_code = "BUSINESS_RULE",
                                json metadata = json::object())
        : PermanentError(message, std::move(error_code), std::move(metadata)) {}
};

// Something took too long: type timeout.
class TimeoutError : public RetryableError {
  public:
    explicit TimeoutError(const std::string& message, std::chrono::milliseconds retry_after = {},
                          std::string error_code = "TIMEOUT", json metadata = json::object())
        : RetryableError(ErrorType::Timeout, message, retry_after, std::move(error_code),
                         std::move(metadata)) {}
};

// No connection, or one that broke.
class NetworkError : public RetryableError {
  public:
    explicit NetworkError(const std::string& message, std::chrono::milliseconds retry_after = {},
                          std::string error_code = "NETWORK_ERROR", json metadata = json::object())
        : RetryableError(message, retry_after, std::move(error_code), std::move(metadata)) {}
};

// Too many requests: the other side says when to come again.
class RateLimitError : public RetryableError {
  public:
    explicit RateLimitError(const std::string& message, std::chrono::milliseconds retry_after = {},
                            std::string error_code = "RATE_LIMITED", json metadata = json::object())
        : RetryableError(message, retry_after, std::move(error_code), std::move(metadata)) {}
};

// The other side is down or overloaded.
class ServiceUnavailableError : public RetryableError {
  public:
    explicit ServiceUnavailableError(const std::string& message, std::chrono::milliseconds retry_after = {},
                                     std::string error_code = "SERVICE_UNAVAILABLE",
                                     json metadata = json::object())
        : RetryableError(message, retry_after, std::move(error_code), std::move(metadata)) {}
};

// Somebody else has it: a lock, a row, a device.
class ResourceContentionError : public RetryableError {
  public:
    explicit ResourceContentionError(const std::string& message, std::chrono::milliseconds retry_after = {},
                                     std::string error_code = "RESOURCE_CONTENTION",
                                     json metadata = json::object())
        : RetryableError(message, retry_after, std::move(error_code), std::move(metadata)) {}
};

// Why the host wants a running handler to end.
enum class StopReason : std::uint8_t { None, Cancelled, Deadline, Draining, LeaseLost };

constexpr std::string_view to_string(StopReason reason) noexcept {
    constexpr std::array<std::string_view, 5> kNames{"none", "cancelled", "deadline", "draining",
                                                     "lease_lost"};
    return kNames[static_cast<std::size_t>(reason)];
}

// Thrown by StepContext::throw_if_stopped(): leaves the handler without a result.
class StopRequested : public std::exception {
  public:
    explicit StopRequested(StopReason reason) noexcept : reason_(reason) {}
    StopReason reason() const noexcept { return reason_; }
    const char* what() const noexcept override { return "stop requested"; }

  private:
    StopReason reason_;
};

}  // namespace tasker
