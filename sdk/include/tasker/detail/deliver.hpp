#pragma once
// From what a handler returned or threw to the host's call services. Nothing here throws.

#include <cxxabi.h>

#include <array>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <string_view>
#include <typeinfo>

#include "tasker/abi.h"
#include "tasker/detail/json_text.hpp"
#include "tasker/detail/text.hpp"
#include "tasker/errors.hpp"
#include "tasker/step_result.hpp"

namespace tasker::detail {

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

// One item of metadata. What the host refuses is lost, which the step's log is told.
inline void send_metadata(const tasker_call_api_v0& api, tasker_call* call, const std::string& key,
                          const std::string& text) {
    const std::string name = readable(key);
    const std::int32_t status = api.set_metadata(call, name.c_str(), text.data(), text.size());
    if (status == TASKER_OK) return;
    constexpr std::string_view kMessage = "metadata of the result was refused and is lost";
    constexpr std::string_view kLimits = "keys of 1 to 256 bytes, 256 of them, 64 KiB of values in all";
    const std::string shown = name.substr(0, 256), bytes = std::to_string(text.size());
    const std::string answer = std::to_string(status);
    const std::array fields{
        tasker_kv{borrow("key"), borrow(shown)}, tasker_kv{borrow("bytes"), borrow(bytes)},
        tasker_kv{borrow("status"), borrow(answer)}, tasker_kv{borrow("limits"), borrow(kLimits)}};
    api.log(call, TASKER_LOG_WARN, kMessage.data(), kMessage.size(), fields.data(), fields.size());
}

// What has no JSON text in a result makes it an invalid_result; in metadata, a text takes its place: metadata decides
// about nothing.
inline std::int32_t deliver(const tasker_call_api_v0& api, tasker_call* call,
                            const StepHandlerResult& result) {
    try {
        const std::string text = result.is_success() ? dump(result.result()) : std::string{};
        for (const auto& [key, value] : result.metadata().items()) {
            send_metadata(api, call, key, dump(repaired(value)));
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
