#pragma once
// From what a handler returned or threw to the host's call services. Nothing here throws.

#include <cxxabi.h>

#include <cmath>
#include <cstdlib>
#include <exception>
#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <typeinfo>

#include "tasker/abi.h"
#include "tasker/detail/text.hpp"
#include "tasker/errors.hpp"
#include "tasker/step_result.hpp"

namespace tasker::detail {

inline constexpr int kMaxJsonDepth = 100;  // the host's limit

// The serialiser would write NaN and the infinities as null; that must not pass for a result.
inline const char* unserialisable(const json& value, int depth = 0) {
    if (depth > kMaxJsonDepth) return "it is nested deeper than 100";
    if (value.is_number_float() && !std::isfinite(value.get<double>()))
        return "it has a number that is not finite";
    if (value.is_structured()) {
        for (const auto& item : value) {
            if (const char* why = unserialisable(item, depth + 1)) return why;
        }
    }
    return nullptr;
}

// Throws std::invalid_argument for what has no JSON text.
inline std::string dump(const json& value) {
    if (const char* why = unserialisable(value)) throw std::invalid_argument(why);
    try {
        return value.dump();
    } catch (const json::exception& error) {
        throw std::invalid_argument(error.what());  // text that is not UTF-8
    }
}

inline std::string exception_type(const std::exception& error) {
    int status = 0;
    const std::unique_ptr<char, decltype(&std::free)> name(
        abi::__cxa_demangle(typeid(error).name(), nullptr, nullptr, &status), &std::free);
    return status == 0 ? std::string(name.get()) : std::string(typeid(error).name());
}

inline std::int32_t send_failure(const tasker_call_api_v0& api, tasker_call* call,
                                 const StepHandlerResult& result) {
    tasker_failure_v0 failure{};
    failure.struct_size = sizeof failure;
    failure.retryable = result.retryable() ? TASKER_RETRY_YES : TASKER_RETRY_NO;
    failure.message = borrow(result.error_message());
    failure.error_type = borrow(result.error_type());
    failure.error_code = borrow(result.error_code());
    const auto delay = result.retry_after().count();
    failure.retry_after_ms = delay > 0 ? static_cast<std::uint64_t>(delay) : 0;
    return api.fail(call, &failure);
}

inline std::int32_t deliver(const tasker_call_api_v0& api, tasker_call* call,
                            const StepHandlerResult& result) {
    try {
        const std::string text = result.is_success() ? dump(result.result()) : std::string{};
        for (const auto& [key, value] : result.metadata().items()) {
            const std::string item = dump(value);
            api.set_metadata(call, key.c_str(), item.data(), item.size());
        }
        if (result.is_failure()) return send_failure(api, call, result);
        return api.succeed(call, text.data(), text.size());
    } catch (const std::invalid_argument& error) {
        return send_failure(
            api, call,
            StepHandlerResult::failure(std::string("result has no JSON text: ") + error.what(),
                                       "invalid_result", false, {}, "INVALID_RESULT"));
    }
}

// The failure of the exception in flight; call it inside a catch block. StopRequested is not its business.
inline StepHandlerResult failure_of_current_exception() {
    try {
        throw;
    } catch (const TaskerError& error) {
        return StepHandlerResult::failure(error.what(), error.error_type(), error.retryable(),
                                          error.metadata().is_object() ? error.metadata() : json::object(),
                                          error.error_code())
            .with_retry_after(error.retry_after());
    } catch (const std::exception& error) {
        return StepHandlerResult::failure(error.what(), ErrorType::HandlerError, true,
                                          {{"exception_type", exception_type(error)}}, "HANDLER_EXCEPTION");
    } catch (...) {
        return StepHandlerResult::failure("unknown exception", ErrorType::HandlerError, true, {},
                                          "HANDLER_EXCEPTION");
    }
}

// Runs body() -> StepHandlerResult and hands the outcome to the host. The value is what call() returns.
template <class Body>
std::int32_t run_contained(const tasker_call_api_v0& api, tasker_call* call, Body&& body) noexcept {
    try {
        try {
            return deliver(api, call, body());
        } catch (const StopRequested& stop) {
            return stop.reason() == StopReason::LeaseLost ? TASKER_E_LEASE_LOST : TASKER_E_CANCELLED;
        } catch (...) {
            return deliver(api, call, failure_of_current_exception());
        }
    } catch (const std::bad_alloc&) {
        return TASKER_E_NOMEM;
    } catch (...) {
        return TASKER_E_PANIC;
    }
}

}  // namespace tasker::detail
