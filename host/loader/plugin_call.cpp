#include "host/loader/plugin_call.hpp"

#include <utility>

#include "host/core/json_text.hpp"
#include "host/loader/error_text.hpp"

namespace tasker::host {

namespace {
Failed failed(std::string type, std::string code, bool retryable, std::string message) {
    Failed outcome;
    outcome.message = std::move(message);
    outcome.error_type = std::move(type);
    outcome.error_code = std::move(code);
    outcome.retryable = retryable;
    return outcome;
}

std::string metadata_object(const CallSlot& slot) {
    std::string out = "{";
    for (const auto& [key, json] : slot.metadata) {
        if (out.size() > 1) out += ',';
        append_json_string(out, key);
        out += ':';
        out += json;
    }
    return out + "}";
}

StepOutcome outcome_of(CallSlot& slot, std::int32_t status) {
    if (status > 0) {
        return failed("invalid_outcome", "INVALID_OUTCOME", false,
                      "call() returned the reserved status " + std::to_string(status));
    }
    if (slot.outcome) return std::move(*slot.outcome);
    if (status == TASKER_OK) {
        Failed missing = invalid_result(
            "call() returned without a result: no terminal function (succeed(), fail(), ...) was called");
        missing.error_code = "NO_RESULT";
        return missing;
    }
    if (status == TASKER_E_CANCELLED) return Released{"the handler stopped because it was asked to"};
    if (status == TASKER_E_LEASE_LOST)
        return Released{"the handler stopped because the step belongs to another worker"};
    return failed("handler_error", "HANDLER_EXCEPTION", true,
                  "call() returned " + status_name(status) + " without saying why");
}

// What belongs to a result, whichever it is.
template <class Result>
void complete(Result& result, CallSlot& slot) {
    if (!slot.metadata.empty()) result.metadata_json = metadata_object(slot);
    result.events = std::move(slot.events);
}
}  // namespace

Failed invalid_result(std::string message) {
    return failed("invalid_result", "INVALID_RESULT", false, std::move(message));
}

PluginCall::PluginCall(const StepEvent& event, CallControl& control, std::string_view plugin_id,
                       const tasker_handler_v0& handler, std::string_view callable)
    : taken_(take_slot()) {
    if (taken_.slot == nullptr) return;
    CallSlot& slot = *taken_.slot;
    const std::scoped_lock lock(slot.mutex);
    slot.view.show(event, control.deadline_unix_ms(), call_api());
    slot.control = &control;
    slot.plugin_id = plugin_id;
    slot.callable = callable;
    slot.kind = handler.kind;
    slot.capabilities = handler.capabilities;
    slot.open = true;
}

PluginCall::~PluginCall() {
    if (taken_.slot == nullptr) return;
    {
        const std::scoped_lock lock(taken_.slot->mutex);
        CallSlot& slot = *taken_.slot;
        slot.open = false;
        slot.control = nullptr;
        slot.view.clear();
        slot.outcome.reset();
        slot.metadata.clear();
        slot.metadata_bytes = 0;
        slot.events.clear();
        slot.event_bytes = 0;
        slot.told_large = false;
        slot.refused_terminals = 0;
    }
    give_back(taken_);
}

StepOutcome PluginCall::finish(std::int32_t status) {
    CallSlot& slot = *taken_.slot;
    const std::scoped_lock lock(slot.mutex);
    slot.open = false;
    if (slot.refused_terminals > 0) {
        slot.control->logger().warn("Handler ended its step more than once; the first result counts",
                                    {{"plugin", slot.plugin_id},
                                     {"callable", slot.callable},
                                     {"refused", std::size_t{slot.refused_terminals}}});
    }
    // Events belong to what the handler said, not to what the host had to say in its place.
    if (!slot.outcome || status > TASKER_OK) slot.events.clear();
    StepOutcome outcome = outcome_of(slot, status);
    if (auto* done = std::get_if<Succeeded>(&outcome)) complete(*done, slot);
    if (auto* failed = std::get_if<Failed>(&outcome)) complete(*failed, slot);
    return outcome;
}

}  // namespace tasker::host
