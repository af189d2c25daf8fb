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
#include <vector>

#include "tasker/abi.h"
#include "tasker/detail/json_text.hpp"
#include "tasker/detail/outcomes.hpp"
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

inline std::string dump_object(const json& value) {
    return value.empty() ? std::string{} : dump(repaired(value));
}

inline std::int32_t send_failure(const tasker_call_api_v0& api, tasker_call* call,
                                 const StepHandlerResult& result) {
    const std::string headers = dump_object(result.headers()), context = dump_object(result.error_context());
    tasker_failure_v0 failure{};
    failure.struct_size = sizeof failure;
    failure.retryable = result.retryable() ? TASKER_RETRY_YES : TASKER_RETRY_NO;
    failure.message = borrow(result.error_message());
    failure.error_type = borrow(result.error_type());
    failure.error_code = borrow(result.error_code());
    failure.context_json = borrow(context);
    const auto delay = result.retry_after().count();
    failure.retry_after_ms = delay > 0 ? static_cast<std::uint64_t>(delay) : 0;
    failure.headers_json = borrow(headers);
    return api.fail(call, &failure);
}

inline std::int32_t send_invalid(const tasker_call_api_v0& api, tasker_call* call,
                                 const std::string& message) {
    return send_failure(api, call,
                        StepHandlerResult::failure(message, "invalid_outcome", false, {}, "INVALID_OUTCOME"));
}

// A terminal function of a kind, whose refusal leaves the step open: the step then fails with the reason.
inline std::int32_t explained(const tasker_call_api_v0& api, tasker_call* call, std::int32_t status,
                              const std::string& what, const std::string& remedy) {
    if (status == TASKER_E_UNSUPPORTED)
        return send_invalid(api, call, "a handler of this kind cannot " + what + ": " + remedy);
    return status;
}

// The result without its outcome, which the host writes.
inline std::string rest_of(const json& result, const char* key) {
    json rest = result;
    rest.erase(key);
    return dump(rest);
}

inline std::int32_t send_decision(const tasker_call_api_v0& api, tasker_call* call, const json& result) {
    const json& outcome = result.at(kDecisionKey);
    const std::string rest = rest_of(result, kDecisionKey);
    std::vector<tasker_str> names;
    if (outcome.contains("step_names")) {
        for (const auto& name : outcome.at("step_names"))
            names.push_back(borrow(name.get_ref<const std::string&>()));
    }
    return explained(api, call, api.decide(call, names.data(), names.size(), rest.data(), rest.size()),
                     "decide about branches", "derive it from tasker::DecisionHandler");
}

inline std::int32_t send_batches(const tasker_call_api_v0& api, tasker_call* call, const json& result) {
    const json& outcome = result.at(kBatchesKey);
    const std::string worker = outcome.value("worker_template_name", std::string{});
    json rest = result;
    rest.erase(kBatchesKey);
    std::vector<std::string> cursors;
    if (outcome.contains("cursor_configs")) {
        for (const auto& cursor : outcome.at("cursor_configs")) cursors.push_back(dump(cursor));
        rest["total_items"] = outcome.at("total_items");
    }
    const std::string text = dump(rest);
    const std::vector<tasker_str> views = borrow_all(cursors);
    return explained(
        api, call,
        api.create_batches(call, worker.c_str(), views.data(), views.size(), text.data(), text.size()),
        "create batches", "derive it from tasker::BatchAnalyzer");
}

inline std::int32_t send_yield(const tasker_call_api_v0& api, tasker_call* call, const json& record) {
    const std::string cursor = dump(record.at("cursor"));
    const auto found = record.find("accumulated_results");
    const std::string accumulated = found == record.end() ? std::string{} : dump(*found);
    const tasker_checkpoint_v0 checkpoint{sizeof checkpoint, 0, borrow(cursor), borrow(accumulated),
                                          record.at("items_processed").get<std::uint64_t>()};
    const std::int32_t status = api.yield_checkpoint(call, &checkpoint);
    if (status == TASKER_E_STATE) {
        return send_invalid(
            api, call,
            "a call that emitted events cannot yield: they belong to a result, and there is none yet");
    }
    return explained(api, call, status, "yield with a checkpoint",
                     "derive it from tasker::BatchWorker, or declare TASKER_CAP_CHECKPOINTS");
}

// Throws ValidationError when the host refuses the event: nobody is told less than the author meant.
inline void send_event(const tasker_call_api_v0& api, tasker_call* call, const std::string& name,
                       const json& payload) {
    check_event(name, false);
    const std::string text = dump(payload);
    const std::int32_t status = api.emit_event(call, name.c_str(), text.data(), text.size());
    if (status == TASKER_OK) return;
    if (status == TASKER_E_STATE) bad_event("the step has ended before '" + name + "'");
    bad_event("the host refused '" + name + "' (status " + std::to_string(status) +
              "; at most 100 events and 256 KiB of payloads a call)");
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

inline std::int32_t send_outcome(const tasker_call_api_v0& api, tasker_call* call,
                                 const StepHandlerResult& result) {
    switch (result.kind()) {
        case ResultKind::Failure:
            return send_failure(api, call, result);
        case ResultKind::Decision:
            return send_decision(api, call, result.result());
        case ResultKind::Batches:
            return send_batches(api, call, result.result());
        case ResultKind::CheckpointYield:
            return send_yield(api, call, result.result());
        case ResultKind::Success:
            break;
    }
    const std::string text = dump(result.result());
    return api.succeed(call, text.data(), text.size());
}

// What has no JSON text in a result makes it an invalid_result; in metadata, a text takes its place: metadata decides
// about nothing.
inline std::int32_t deliver(const tasker_call_api_v0& api, tasker_call* call,
                            const StepHandlerResult& result) {
    try {
        for (const auto& [key, value] : result.metadata().items()) {
            send_metadata(api, call, key, dump(repaired(value)));
        }
        // No event of a success that turns out to be none.
        if (!result.events().empty()) static_cast<void>(dump(result.result()));
        for (const auto& event : result.events()) send_event(api, call, event.name, event.payload);
        return send_outcome(api, call, result);
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
