#pragma once
// Progress of a step that is saved while it runs, so that a later attempt goes on from there. Pure.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tasker::host {

struct Checkpoint {
    std::string cursor_json;  // any JSON value
    std::uint64_t items_processed = 0;
    std::string accumulated_json;  // any JSON value; empty: none
    friend bool operator==(const Checkpoint&, const Checkpoint&) = default;
};

inline constexpr std::size_t kMaxCheckpointBytes = std::size_t{1} << 20U;  // cursor and accumulated together
// Of earlier checkpoints only cursors and times are kept, the newest ones.
inline constexpr std::size_t kMaxCheckpointHistory = 1000;
inline constexpr std::size_t kMaxHistoryBytes = std::size_t{256} << 10U;

// Why it cannot be saved; nothing when it can.
std::optional<std::string> checkpoint_fault(const Checkpoint& checkpoint);

// What is stored and handed to handlers as workflow_step.checkpoint:
// {"cursor","items_processed","timestamp","accumulated_results","history":[{"cursor","timestamp"}, ...]}.
// The history is that of `previous` (the record before, or empty) with this checkpoint at its end.
std::string checkpoint_record(const Checkpoint& checkpoint, std::int64_t unix_ms, std::string_view previous);

// Whether the step got on since the record: another cursor, or another number of items.
bool moved_on(const Checkpoint& checkpoint, std::string_view previous);

}  // namespace tasker::host
