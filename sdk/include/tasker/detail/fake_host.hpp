#pragma once
// The host that tasker/testing.hpp puts behind a handler: the C tables of abi.h over plain memory.

#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tasker/abi.h"
#include "tasker/detail/text.hpp"
#include "tasker/logging.hpp"
#include "tasker/step_result.hpp"

namespace tasker::testing {

struct LogRecord {
    LogLevel level;
    std::string message;
    std::map<std::string, std::string> fields;
};

struct Heartbeat {
    std::uint64_t done, total;
};

}  // namespace tasker::testing

namespace tasker::testing::detail {

using tasker::detail::borrow;
using tasker::detail::view;

// What one call may see and what it left behind. Functions that the ABI lets any thread call are guarded.
struct FakeCall {
    std::map<std::string, std::string, std::less<>> values;  // get()
    std::optional<std::int64_t> remaining_ms;
    StopReason stop = StopReason::None;
    std::uint64_t stop_after_polls = 0;  // polls that still answer "none"
    bool lease_lost = false;

    std::mutex mutex;
    std::uint64_t polls = 0;
    json metadata = json::object();
    std::optional<StepHandlerResult> result;
    std::vector<LogRecord> logs;
    std::vector<Heartbeat> heartbeats;
};

inline FakeCall& fake(tasker_call* call) noexcept { return *reinterpret_cast<FakeCall*>(call); }

inline LogRecord record(std::int32_t level, const char* message, std::size_t size, const tasker_kv* fields,
                        std::size_t count) {
    LogRecord made{static_cast<LogLevel>(level), std::string(message, size), {}};
    for (std::size_t i = 0; i < count; ++i)
        made.fields[std::string(view(fields[i].key))] = view(fields[i].value);
    return made;
}

// A terminal function: the first one wins. An exception here is a test's bad_alloc; it ends the program (noexcept).
template <class Make>
std::int32_t end(tasker_call* call, Make&& make) {
    auto& state = fake(call);
    const std::lock_guard lock(state.mutex);
    if (state.result) return TASKER_E_STATE;
    state.result = make(state.metadata);
    return TASKER_OK;
}

inline std::int32_t succeed(tasker_call* call, const char* text, std::size_t size) noexcept {
    return end(call, [&](const json& metadata) {
        auto value = json::parse(std::string_view(text, size), nullptr, false);
        if (!value.is_discarded()) return StepHandlerResult::success(std::move(value), metadata);
        return StepHandlerResult::failure("the result is not valid JSON", "invalid_result", false, metadata,
                                          "INVALID_RESULT");
    });
}

inline bool retryable(const tasker_failure_v0& failure, std::string_view type) {
    if (failure.retryable != TASKER_RETRY_BY_TYPE) return failure.retryable == TASKER_RETRY_YES;
    return type != to_string(ErrorType::PermanentError) && type != to_string(ErrorType::ValidationError);
}

inline std::int32_t fail(tasker_call* call, const tasker_failure_v0* failure) noexcept {
    return end(call, [&](const json& metadata) {
        std::string type(view(failure->error_type));
        if (type.empty()) type = to_string(ErrorType::HandlerError);
        std::string message(view(failure->message));
        if (message.empty()) message = "handler failed without a message";
        const bool again = retryable(*failure, type);
        return StepHandlerResult::failure(std::move(message), std::move(type), again, metadata,
                                          std::string(view(failure->error_code)))
            .with_retry_after(std::chrono::milliseconds(failure->retry_after_ms));
    });
}

inline std::int32_t decide(tasker_call*, const tasker_str*, std::size_t, const char*, std::size_t) noexcept {
    return TASKER_E_UNSUPPORTED;
}
inline std::int32_t create_batches(tasker_call*, const char*, const tasker_str*, std::size_t, const char*,
                                   std::size_t) noexcept {
    return TASKER_E_UNSUPPORTED;
}
inline std::int32_t checkpoint(tasker_call*, const tasker_checkpoint_v0*) noexcept {
    return TASKER_E_UNSUPPORTED;
}
inline std::int32_t emit_event(tasker_call*, const char*, const char*, std::size_t) noexcept {
    return TASKER_E_UNSUPPORTED;
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
    auto value = json::parse(std::string_view(text, size), nullptr, false);
    if (value.is_discarded() || *key == '\0') return TASKER_E_INVALID;
    state.metadata[key] = std::move(value);
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
    &checkpoint,
    &get,
    &set_metadata,
    &emit_event,
    &stop_requested,
    &remaining_ms,
    &heartbeat,
    &checkpoint,
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
