// The functions a plugin calls while its step runs. The firewall's inner side: whatever arrives here is checked, copied
// and bounded, and nothing is thrown back across the boundary.

#include <tasker/abi.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <string>

#include "host/core/json_text.hpp"
#include "host/loader/call_support.hpp"
#include "host/loader/failure_text.hpp"
#include "host/loader/host_table.hpp"
#include "host/loader/plugin_call.hpp"
#include "host/loader/printable.hpp"

namespace tasker::host {

namespace {
constexpr std::size_t kMaxMessage = std::size_t{64} << 10U;
constexpr std::size_t kMaxLogMessage = std::size_t{32} << 10U;
constexpr std::size_t kMaxType = 255;
constexpr std::size_t kMaxKey = 256;
constexpr std::size_t kMaxMetadata = std::size_t{64} << 10U;
constexpr std::size_t kMaxMetadataKeys = 256;

std::int32_t succeed(tasker_call* handle, const char* json, std::size_t size) noexcept {
    return with_call(handle, [&](CallSlot& slot) -> std::int32_t {
        if (refuse_second(slot)) return TASKER_E_STATE;
        const std::string_view text = view_of(json, size);
        const auto fault =
            text.empty() ? std::optional<std::string>("not JSON: it is empty") : json_fault(text);
        if (fault) {
            slot.events.clear();
            slot.outcome = invalid_result("the result of " + std::string(slot.callable) +
                                          " cannot be stored: " + *fault);
            return TASKER_E_INVALID;
        }
        Succeeded done;
        done.result_json.assign(text);
        slot.outcome = std::move(done);
        return TASKER_OK;
    });
}

bool is_retried(std::uint32_t choice, std::string_view error_type) {
    if (choice == TASKER_RETRY_YES) return true;
    if (choice == TASKER_RETRY_NO) return false;
    return error_type != "permanent_error" && error_type != "validation_error";
}

// What the plugin's build does not know reads as zero.
tasker_failure_v0 copy_of(const tasker_failure_v0& given) {
    tasker_failure_v0 copy{};
    std::memcpy(&copy, &given, std::min<std::size_t>(given.struct_size, sizeof copy));
    return copy;
}

Failed failed_of(const tasker_failure_v0& failure) {
    Failed failed;
    failed.message = clean_utf8(view_of(failure.message), kMaxMessage);
    if (failed.message.empty()) failed.message = "handler failed without a message";
    failed.error_type = clean_utf8(view_of(failure.error_type), kMaxType);
    if (failed.error_type.empty()) failed.error_type = "handler_error";
    failed.error_code = clean_utf8(view_of(failure.error_code), kMaxType);
    failed.retryable = is_retried(failure.retryable, failed.error_type);
    if (failure.retry_after_ms > 0) {
        constexpr auto kMost = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
        failed.retry_after_ms = static_cast<std::int64_t>(std::min(failure.retry_after_ms, kMost));
    }
    return failed;
}

std::int32_t fail(tasker_call* handle, const tasker_failure_v0* failure) noexcept {
    return with_call(handle, [&](CallSlot& slot) -> std::int32_t {
        if (refuse_second(slot)) return TASKER_E_STATE;
        constexpr std::size_t kLeast = offsetof(tasker_failure_v0, error_type);
        if (failure == nullptr || failure->struct_size < kLeast || failure->struct_size > 4096) {
            Failed malformed;
            malformed.message = "handler failed, and fail() was given a malformed tasker_failure";
            slot.outcome = std::move(malformed);
            return TASKER_E_INVALID;
        }
        const tasker_failure_v0 copy = copy_of(*failure);
        Failed failed = failed_of(copy);
        std::int32_t status = copy.retryable > TASKER_RETRY_NO ? TASKER_E_INVALID : TASKER_OK;
        const std::string_view context = view_of(copy.context_json);
        if (!context.empty()) {
            if (json_is_object(context) && !json_fault(context))
                failed.context_json.assign(context);
            else
                status = TASKER_E_INVALID;
        }
        if (auto headers = read_headers(view_of(copy.headers_json)))
            failed.headers = *std::move(headers);
        else
            status = TASKER_E_INVALID;
        slot.outcome = std::move(failed);
        return status;
    });
}

std::int32_t get(tasker_call* handle, const char* key, tasker_str* out) noexcept {
    if (out == nullptr) return TASKER_E_INVALID;
    *out = tasker_str{};
    if (key == nullptr) return TASKER_E_INVALID;
    return with_call(handle, [&](CallSlot& slot) -> std::int32_t {
        constexpr std::size_t kMaxGetKey = 4096;
        const auto value = slot.view.get({key, ::strnlen(key, kMaxGetKey)});
        if (!value) return TASKER_E_NOT_FOUND;
        *out = {value->data(), value->size()};
        return TASKER_OK;
    });
}

std::int32_t set_metadata(tasker_call* handle, const char* key, const char* json, std::size_t size) noexcept {
    if (key == nullptr) return TASKER_E_INVALID;
    return with_call(handle, [&](CallSlot& slot) -> std::int32_t {
        if (slot.outcome) return TASKER_E_STATE;
        const std::size_t length = ::strnlen(key, kMaxKey + 1);
        const std::string_view text = view_of(json, size);
        if (length == 0 || length > kMaxKey || text.empty() || size > kMaxMetadata) return TASKER_E_INVALID;
        // One level less than a result may have: the value becomes a member.
        if (json_fault(text, {.max_depth = 99, .max_bytes = kMaxMetadata})) return TASKER_E_INVALID;
        std::string name = clean_utf8({key, length}, kMaxKey);
        const auto same = std::find_if(slot.metadata.begin(), slot.metadata.end(),
                                       [&](const auto& item) { return item.first == name; });
        const std::size_t replaced = same == slot.metadata.end() ? 0 : same->second.size();
        if (slot.metadata_bytes - replaced + text.size() > kMaxMetadata) return TASKER_E_INVALID;
        if (same != slot.metadata.end())
            same->second.assign(text);
        else if (slot.metadata.size() == kMaxMetadataKeys)
            return TASKER_E_INVALID;
        else
            slot.metadata.emplace_back(std::move(name), text);
        slot.metadata_bytes += text.size() - replaced;
        return TASKER_OK;
    });
}

std::int32_t stop_requested(tasker_call* handle) noexcept {
    const std::int32_t answer = with_call(
        handle, [](CallSlot& slot) { return static_cast<std::int32_t>(slot.control->stop_requested()); });
    // A call that is over is not to go on.
    return answer < 0 ? TASKER_STOP_LEASE_LOST : answer;
}

std::int64_t remaining_ms(tasker_call* handle) noexcept {
    std::int64_t remaining = -1;
    static_cast<void>(with_call(handle, [&](CallSlot& slot) {
        remaining = slot.control->remaining_ms();
        return TASKER_OK;
    }));
    return remaining;
}

std::int32_t heartbeat(tasker_call* handle, std::uint64_t done, std::uint64_t total) noexcept {
    return with_call(handle, [&](CallSlot& slot) {
        return slot.control->heartbeat(done, total) ? TASKER_OK : TASKER_E_LEASE_LOST;
    });
}

void log(tasker_call* handle, std::int32_t level, const char* message, std::size_t size,
         const tasker_kv* fields, std::size_t count) noexcept {
    static_cast<void>(with_call(handle, [&](CallSlot& slot) {
        const LogLevel mapped = level_of_plugin(level);
        const Logger& logger = slot.control->logger();
        if (!logger.enabled(mapped)) return TASKER_OK;
        LogFields all = fields_of_plugin(fields, count);
        all.emplace_back("plugin", slot.plugin_id);
        all.emplace_back("callable", slot.callable);
        logger.log(mapped, clean_utf8(view_of(message, size), kMaxLogMessage), std::move(all));
        return TASKER_OK;
    }));
}

static_assert(static_cast<int>(StopReason::None) == TASKER_STOP_NONE &&
              static_cast<int>(StopReason::Cancelled) == TASKER_STOP_CANCELLED &&
              static_cast<int>(StopReason::Deadline) == TASKER_STOP_DEADLINE &&
              static_cast<int>(StopReason::Draining) == TASKER_STOP_DRAINING &&
              static_cast<int>(StopReason::LeaseLost) == TASKER_STOP_LEASE_LOST);

constexpr tasker_call_api_v0 kCallApi{sizeof(tasker_call_api_v0),
                                      0,
                                      &succeed,
                                      &fail,
                                      &decide,
                                      &create_batches,
                                      &yield_checkpoint,
                                      &get,
                                      &set_metadata,
                                      &emit_event,
                                      &stop_requested,
                                      &remaining_ms,
                                      &heartbeat,
                                      &save_checkpoint,
                                      &log};
}  // namespace

const tasker_call_api_v0* call_api() { return &kCallApi; }

}  // namespace tasker::host
