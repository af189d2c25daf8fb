// The functions of the call API that belong to a kind of handler, and the events.

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "host/core/json_text.hpp"
#include "host/loader/call_support.hpp"
#include "host/loader/outcome_text.hpp"
#include "host/loader/plugin_call.hpp"

namespace tasker::host {

namespace {
constexpr std::size_t kMaxEvents = 100;
constexpr std::size_t kMaxEventBytes = std::size_t{256} << 10U;
constexpr std::size_t kMaxName = 255;

std::int32_t refuse(CallSlot& slot, const std::string& function, const std::string& fault) {
    Failed failed;
    failed.message = "handler '" + std::string(slot.callable) + "': " + function + " was refused: " + fault;
    failed.error_type = "invalid_outcome";
    failed.error_code = "INVALID_OUTCOME";
    failed.retryable = false;
    slot.events.clear();
    slot.outcome = std::move(failed);
    return TASKER_E_INVALID;
}

std::int32_t finish(CallSlot& slot, const std::string& function, OutcomeText made) {
    if (made.fault) return refuse(slot, function, *made.fault);
    Succeeded done;
    done.result_json = std::move(made.json);
    slot.outcome = std::move(done);
    return TASKER_OK;
}

// The texts of an array of the plugin; at most one more than `most`, which is too many anyway.
std::vector<std::string_view> views_of(const tasker_str* texts, std::size_t count, std::size_t most) {
    std::vector<std::string_view> views(std::min(count, most + 1));
    for (std::size_t i = 0; i < views.size(); ++i)
        views[i] = i < most ? view_of(texts[i]) : std::string_view{};
    return views;
}

bool saves_checkpoints(const CallSlot& slot) {
    return slot.kind == TASKER_KIND_BATCH_WORKER || (slot.capabilities & TASKER_CAP_CHECKPOINTS) != 0;
}

// The rule that the checkpoint breaks, or nothing and a copy of it.
std::optional<std::string> copy_of(const tasker_checkpoint_v0* given, Checkpoint& copy) {
    constexpr std::size_t kLeast = offsetof(tasker_checkpoint_v0, items_processed) + sizeof(std::uint64_t);
    if (given == nullptr || given->struct_size < kLeast || given->struct_size > 4096)
        return "a malformed tasker_checkpoint";
    copy.cursor_json = view_of(given->cursor_json);
    copy.accumulated_json = view_of(given->accumulated_json);
    copy.items_processed = given->items_processed;
    return given_checkpoint_fault(copy);
}

void tell_if_large(CallSlot& slot, const Checkpoint& checkpoint) {
    if (slot.told_large || !is_large(checkpoint)) return;
    slot.told_large = true;
    slot.control->logger().warn(
        "Checkpoint is large and is written anew each time; keep a reference to the data in it instead",
        {{"plugin", slot.plugin_id},
         {"callable", slot.callable},
         {"bytes", checkpoint.cursor_json.size() + checkpoint.accumulated_json.size()}});
}
}  // namespace

std::int32_t decide(tasker_call* handle, const tasker_str* steps, std::size_t count, const char* json,
                    std::size_t size) noexcept {
    return with_call(handle, [&](CallSlot& slot) -> std::int32_t {
        if (slot.kind != TASKER_KIND_DECISION) return TASKER_E_UNSUPPORTED;
        if (refuse_second(slot)) return TASKER_E_STATE;
        if (steps == nullptr && count > 0) return refuse(slot, "decide()", "its steps are NULL");
        return finish(slot, "decide()",
                      decision_text(views_of(steps, count, kMaxDecidedSteps), view_of(json, size)));
    });
}

std::int32_t create_batches(tasker_call* handle, const char* worker_template, const tasker_str* cursors,
                            std::size_t count, const char* json, std::size_t size) noexcept {
    return with_call(handle, [&](CallSlot& slot) -> std::int32_t {
        if (slot.kind != TASKER_KIND_BATCH_ANALYZER) return TASKER_E_UNSUPPORTED;
        if (refuse_second(slot)) return TASKER_E_STATE;
        if (cursors == nullptr && count > 0) return refuse(slot, "create_batches()", "its cursors are NULL");
        const std::string_view worker =
            worker_template == nullptr
                ? std::string_view{}
                : std::string_view{worker_template, ::strnlen(worker_template, kMaxName + 1)};
        return finish(slot, "create_batches()",
                      batches_text(worker, views_of(cursors, count, kMaxCursors), view_of(json, size)));
    });
}

std::int32_t yield_checkpoint(tasker_call* handle, const tasker_checkpoint_v0* checkpoint) noexcept {
    return with_call(handle, [&](CallSlot& slot) -> std::int32_t {
        if (!saves_checkpoints(slot)) return TASKER_E_UNSUPPORTED;
        if (refuse_second(slot) || !slot.events.empty()) return TASKER_E_STATE;
        Yielded yielded;
        if (const auto fault = copy_of(checkpoint, yielded.checkpoint))
            return refuse(slot, "yield_checkpoint()", *fault);
        tell_if_large(slot, yielded.checkpoint);
        slot.outcome = std::move(yielded);
        return TASKER_OK;
    });
}

std::int32_t save_checkpoint(tasker_call* handle, const tasker_checkpoint_v0* checkpoint) noexcept {
    return with_call(handle, [&](CallSlot& slot) -> std::int32_t {
        if (!saves_checkpoints(slot)) return TASKER_E_UNSUPPORTED;
        if (slot.outcome) return TASKER_E_STATE;
        Checkpoint copy;
        if (copy_of(checkpoint, copy)) return TASKER_E_INVALID;
        tell_if_large(slot, copy);
        return slot.control->save_checkpoint(copy) ? TASKER_OK : TASKER_E_LEASE_LOST;
    });
}

std::int32_t emit_event(tasker_call* handle, const char* name, const char* json, std::size_t size) noexcept {
    if (name == nullptr) return TASKER_E_INVALID;
    return with_call(handle, [&](CallSlot& slot) -> std::int32_t {
        if (slot.outcome) return TASKER_E_STATE;
        const std::string_view given{name, ::strnlen(name, kMaxName + 1)};
        std::string_view payload = view_of(json, size);
        if (payload.empty()) payload = "null";
        if (!may_be_event(given) || slot.events.size() == kMaxEvents) return TASKER_E_INVALID;
        if (payload.size() > kMaxEventBytes - slot.event_bytes) return TASKER_E_INVALID;
        if (json_fault(payload, {.max_depth = 99, .max_bytes = kMaxEventBytes})) return TASKER_E_INVALID;
        slot.events.push_back({std::string(given), std::string(payload)});
        slot.event_bytes += payload.size();
        return TASKER_OK;
    });
}

}  // namespace tasker::host
