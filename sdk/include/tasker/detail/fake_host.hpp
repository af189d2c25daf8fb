#pragma once
// The host that tasker/testing.hpp puts behind a handler: the C tables of abi.h over plain memory.

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tasker/abi.h"
#include "tasker/detail/fake_call.hpp"
#include "tasker/detail/fake_outcomes.hpp"
#include "tasker/detail/json_text.hpp"
#include "tasker/detail/text.hpp"
#include "tasker/logging.hpp"
#include "tasker/step_result.hpp"

namespace tasker::testing::detail {

inline std::int32_t succeed(tasker_call* call, const char* text, std::size_t size) noexcept {
    const std::string_view given(text, size);
    const auto fault = tasker::detail::json_fault(given);
    const std::int32_t status = end(call, [&](const json& metadata) {
        if (!fault) return StepHandlerResult::success(json::parse(given), metadata);
        fake(call).host_made = true;
        return StepHandlerResult::failure("the result cannot be stored: " + *fault, "invalid_result", false,
                                          metadata, "INVALID_RESULT");
    });
    return status == TASKER_OK && fault ? TASKER_E_INVALID : status;
}

// A text of a failure as the host keeps it.
inline std::string kept(const tasker_str& text, std::size_t most, std::string_view when_empty) {
    auto clean = tasker::detail::readable(view(text).substr(0, most));
    return clean.empty() ? std::string(when_empty) : clean;
}

inline bool retryable(const tasker_failure_v0& failure, std::string_view type) {
    if (failure.retryable == TASKER_RETRY_YES) return true;
    if (failure.retryable == TASKER_RETRY_NO) return false;
    return type != to_string(ErrorType::PermanentError) && type != to_string(ErrorType::ValidationError);
}

// An object of texts; nothing when it is anything else.
inline std::optional<json> read_headers(std::string_view text) {
    if (text.empty()) return json::object();
    if (tasker::detail::json_fault(text, 1, 65536)) return std::nullopt;
    auto headers = json::parse(text);
    if (!headers.is_object() || headers.size() > 64) return std::nullopt;
    for (const auto& [name, value] : headers.items()) {
        if (name.empty() || name.size() > 256 || !value.is_string()) return std::nullopt;
    }
    return headers;
}

inline std::int32_t fail(tasker_call* call, const tasker_failure_v0* given) noexcept {
    if (given == nullptr || given->struct_size < offsetof(tasker_failure_v0, error_type) ||
        given->struct_size > 4096) {
        const std::int32_t status = end(call, [](const json& metadata) {
            return StepHandlerResult::failure(
                "handler failed, and fail() was given a malformed tasker_failure", ErrorType::HandlerError,
                true, metadata);
        });
        return status == TASKER_OK ? TASKER_E_INVALID : status;
    }
    tasker_failure_v0 failure{};  // what the plugin's build does not know reads as zero
    std::memcpy(&failure, given, std::min<std::size_t>(given->struct_size, sizeof failure));
    const auto context = view(failure.context_json);
    const bool good =
        failure.retryable <= TASKER_RETRY_NO &&
        (context.empty() || (!tasker::detail::json_fault(context) && json::parse(context).is_object()));
    const auto headers = read_headers(view(failure.headers_json));
    const std::int32_t status = end(call, [&](const json& metadata) {
        std::string message = kept(failure.message, 65536, "handler failed without a message");
        std::string type = kept(failure.error_type, 255, to_string(ErrorType::HandlerError));
        const bool again = retryable(failure, type);
        auto failed = StepHandlerResult::failure(std::move(message), std::move(type), again, metadata,
                                                 kept(failure.error_code, 255, ""))
                          .with_retry_after(std::chrono::milliseconds(failure.retry_after_ms));
        if (good && !context.empty()) failed = failed.with_context(json::parse(context));
        if (headers) {
            for (const auto& [name, value] : headers->items()) failed = failed.with_header(name, value);
        }
        return failed;
    });
    return status == TASKER_OK && !(good && headers) ? TASKER_E_INVALID : status;
}

inline std::int32_t get(tasker_call* call, const char* key, tasker_str* out) noexcept {
    const auto& values = fake(call).values;
    const auto found = values.find(std::string_view(key));
    *out = found == values.end() ? tasker_str{nullptr, 0} : borrow(found->second);
    return found == values.end() ? TASKER_E_NOT_FOUND : TASKER_OK;
}

inline std::int32_t set_metadata(tasker_call* call, const char* key, const char* text,
                                 std::size_t size) noexcept {
    auto& state = fake(call);
    const std::lock_guard lock(state.mutex);
    if (state.result) return TASKER_E_STATE;
    const std::string_view name(key), given(text, size);
    if (name.empty() || name.size() > kMaxMetadataKey) return TASKER_E_INVALID;
    if (tasker::detail::json_fault(given, tasker::detail::kMaxJsonDepth - 1, kMaxMetadataBytes))
        return TASKER_E_INVALID;
    const auto [place, is_new] = state.metadata_bytes.try_emplace(tasker::detail::readable(name), 0);
    std::size_t bytes = size;
    for (const auto& [other, length] : state.metadata_bytes) bytes += other == place->first ? 0 : length;
    if (bytes > kMaxMetadataBytes || state.metadata_bytes.size() > kMaxMetadataKeys) {
        if (is_new) state.metadata_bytes.erase(place);
        return TASKER_E_INVALID;
    }
    place->second = size;
    state.metadata[place->first] = json::parse(given);
    return TASKER_OK;
}

inline std::int32_t stop_requested(tasker_call* call) noexcept {
    auto& state = fake(call);
    const std::lock_guard lock(state.mutex);
    return state.polls++ < state.stop_after_polls ? TASKER_STOP_NONE : static_cast<std::int32_t>(state.stop);
}

inline std::int64_t remaining_ms(tasker_call* call) noexcept {
    return fake(call).remaining_ms.value_or(std::numeric_limits<std::int64_t>::max());
}

inline std::int32_t heartbeat(tasker_call* call, std::uint64_t done, std::uint64_t total) noexcept {
    auto& state = fake(call);
    const std::lock_guard lock(state.mutex);
    state.heartbeats.push_back({done, total});
    return state.lease_lost ? TASKER_E_LEASE_LOST : TASKER_OK;
}

inline void log(tasker_call* call, std::int32_t level, const char* message, std::size_t size,
                const tasker_kv* fields, std::size_t count) noexcept {
    auto& state = fake(call);
    const std::lock_guard lock(state.mutex);
    state.logs.push_back(record(level, message, size, fields, count));
}

inline constexpr tasker_call_api_v0 kCallApi{
    sizeof(tasker_call_api_v0),
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
    &log,
};

// The host behind instances. Immovable: instances keep its address.
class FakeHost {
  public:
    FakeHost() {
        table_.struct_size = sizeof table_;
        table_.abi_major = TASKER_ABI_MAJOR;
        table_.abi_minor = TASKER_ABI_MINOR;
        table_.ctx = this;
        table_.name = "tasker-testing";
        table_.version = "0";
        table_.namespace_ = "test";
        table_.worker_id = "test-worker";
        table_.get_extension = [](const tasker_host_v0*, const char*) noexcept -> const void* {
            return nullptr;
        };
        table_.log = &FakeHost::log;
        table_.log_enabled = [](const tasker_host_v0*, std::int32_t) noexcept -> std::int32_t { return 1; };
        table_.unix_ms = [](const tasker_host_v0*) noexcept -> std::int64_t { return kNowUnixMs; };
        table_.mono_ns = [](const tasker_host_v0*) noexcept -> std::int64_t { return 0; };
        table_.config = &FakeHost::config;
    }
    FakeHost(const FakeHost&) = delete;
    FakeHost& operator=(const FakeHost&) = delete;

    static constexpr std::int64_t kNowUnixMs = 1'700'000'000'000;  // time stands still in a test

    const tasker_host_v0* table() const noexcept { return &table_; }
    json plugin_config = json::object();
    std::vector<LogRecord> logs;  // of constructors and of what the plugin logs outside calls

  private:
    static void log(const tasker_host_v0* host, std::int32_t level, const char* message, std::size_t size,
                    const tasker_kv* fields, std::size_t count) noexcept {
        auto& self = *static_cast<FakeHost*>(host->ctx);
        const std::lock_guard lock(self.mutex_);
        self.logs.push_back(record(level, message, size, fields, count));
    }
    static std::int32_t config(const tasker_host_v0* host, const char* key,
                               const tasker_sink* sink) noexcept {
        const json* value = &static_cast<FakeHost*>(host->ctx)->plugin_config;
        for (std::string_view rest = key; !rest.empty();) {
            const auto part = rest.substr(0, rest.find('.'));
            rest.remove_prefix(std::min(part.size() + 1, rest.size()));
            if (!value->is_object() || !value->contains(part)) return TASKER_E_NOT_FOUND;
            value = &*value->find(part);
        }
        const auto text = value->dump();
        return sink->write(sink->ctx, text.data(), text.size());
    }

    tasker_host_v0 table_{};
    std::mutex mutex_;
};

}  // namespace tasker::testing::detail
