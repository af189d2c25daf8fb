#pragma once
// One call as the test host sees it: what it may see, and what it left behind.

#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tasker/abi.h"
#include "tasker/detail/json_text.hpp"
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

// What save_checkpoint() or a yield saved.
struct SavedCheckpoint {
    json cursor;
    std::uint64_t items_processed = 0;
    json accumulated_results;  // null: none
};

}  // namespace tasker::testing

namespace tasker::testing::detail {

using tasker::detail::borrow;
using tasker::detail::view;

// The host's limits of metadata.
inline constexpr std::size_t kMaxMetadataKey = 256, kMaxMetadataKeys = 256, kMaxMetadataBytes = 65536;

// What one call may see and what it left behind. Functions that the ABI lets any thread call are guarded.
struct FakeCall {
    std::map<std::string, std::string, std::less<>> values;  // get()
    std::optional<std::int64_t> remaining_ms;
    StopReason stop = StopReason::None;
    std::uint64_t stop_after_polls = 0;  // polls that still answer "none"
    bool lease_lost = false;
    std::uint32_t kind = TASKER_KIND_STEP;
    std::uint64_t capabilities = 0;

    std::mutex mutex;
    std::uint64_t polls = 0;
    json metadata = json::object();
    std::map<std::string, std::size_t> metadata_bytes;  // of the text of each item
    std::optional<StepHandlerResult> result;
    bool host_made = false;  // a refused result: the failure is the host's
    std::vector<LogRecord> logs;
    std::vector<Heartbeat> heartbeats;
    std::vector<EmittedEvent> events;
    std::size_t event_bytes = 0;
    std::vector<SavedCheckpoint> checkpoints;
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

}  // namespace tasker::testing::detail
