#pragma once
// Cutting work into batches. A cursor is a position in the work: an integer, a string or an object; a batch goes from its
// start (inclusive) to its end (exclusive).

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "tasker/detail/outcomes.hpp"
#include "tasker/json.hpp"

namespace tasker {

struct CursorConfig {
    std::string batch_id;  // 1 to 64 of A-Z a-z 0-9 _ . -; the worker's step is called WORKER_BATCHID
    json start_cursor, end_cursor;
    std::uint32_t batch_size = 0;
};

inline void to_json(json& to, const CursorConfig& cursor) {
    to = {{"batch_id", cursor.batch_id},
          {"start_cursor", cursor.start_cursor},
          {"end_cursor", cursor.end_cursor},
          {"batch_size", cursor.batch_size}};
}

namespace detail {

inline std::string batch_id_at(std::int64_t index) {
    std::string id = std::to_string(index + 1);
    if (id.size() < 3) id.insert(0, 3 - id.size(), '0');
    return id;
}

inline std::int64_t divided_up(std::int64_t total, std::int64_t by) {
    return total / by + (total % by != 0 ? 1 : 0);
}

// [0, total) in ranges of `size`.
inline std::vector<CursorConfig> ranges_of(std::int64_t total, std::int64_t size) {
    if (size > 4294967295) bad_batches("a batch has at most 4294967295 items, not " + std::to_string(size));
    const std::int64_t count = divided_up(total, size);
    if (count > static_cast<std::int64_t>(kMaxCursors))
        bad_batches("at most 100000 batches, not " + std::to_string(count));
    std::vector<CursorConfig> cursors;
    cursors.reserve(static_cast<std::size_t>(count));
    for (std::int64_t i = 0; i < count; ++i) {
        const std::int64_t start = i * size, items = std::min(size, total - start);
        cursors.push_back({batch_id_at(i), start, start + items, static_cast<std::uint32_t>(items)});
    }
    return cursors;
}

}  // namespace detail

// `total` items for at most `workers` batches of equal size, the last one smaller: 1000 for 3 are 334, 334, 332. Ids are
// 001, 002, ... No batch is empty, so there may be fewer; none for 0 items. Throws ValidationError: total negative,
// workers not positive.
inline std::vector<CursorConfig> create_cursor_configs(std::int64_t total, std::int64_t workers) {
    if (total < 0) detail::bad_batches("the number of items is negative: " + std::to_string(total));
    if (workers <= 0)
        detail::bad_batches("the number of workers must be positive: " + std::to_string(workers));
    if (total == 0) return {};
    return detail::ranges_of(total, detail::divided_up(total, workers));
}

// Batches of `batch_size` items. max_batches, when not 0, makes them larger so that no more are needed: every item is in
// exactly one. Throws ValidationError: total or max_batches negative, batch_size not positive.
inline std::vector<CursorConfig> create_cursor_ranges(std::int64_t total, std::int64_t batch_size,
                                                      std::int64_t max_batches = 0) {
    if (total < 0) detail::bad_batches("the number of items is negative: " + std::to_string(total));
    if (batch_size <= 0)
        detail::bad_batches("the batch size must be positive: " + std::to_string(batch_size));
    if (max_batches < 0)
        detail::bad_batches("the number of batches is negative: " + std::to_string(max_batches));
    if (total == 0) return {};
    if (max_batches > 0) batch_size = std::max(batch_size, detail::divided_up(total, max_batches));
    return detail::ranges_of(total, batch_size);
}

}  // namespace tasker
