#pragma once
// The rules of decisions, batches, checkpoints and events, as the host has them: what breaks one is a ValidationError
// where the author wrote it.

#include <algorithm>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tasker/errors.hpp"
#include "tasker/json.hpp"

namespace tasker::detail {

inline constexpr const char* kDecisionKey = "decision_point_outcome";
inline constexpr const char* kBatchesKey = "batch_processing_outcome";
inline constexpr std::size_t kMaxDecidedSteps = 100, kMaxStepName = 255, kMaxCursors = 100'000;
inline constexpr std::size_t kMaxEvents = 100, kMaxEventBytes = 262144, kMaxCursorBytes = 65536;

[[noreturn]] inline void bad_decision(const std::string& why) {
    throw ValidationError("decision: " + why, "INVALID_DECISION_OUTCOME");
}
[[noreturn]] inline void bad_batches(const std::string& why) {
    throw ValidationError("batches: " + why, "INVALID_BATCH_OUTCOME");
}
[[noreturn]] inline void bad_checkpoint(const std::string& why) {
    throw ValidationError("checkpoint: " + why, "INVALID_CHECKPOINT");
}
[[noreturn]] inline void bad_event(const std::string& why) {
    throw ValidationError("event: " + why, "INVALID_EVENT");
}

inline void check_step_names(const std::vector<std::string>& names) {
    if (names.empty()) bad_decision("no steps are named; skip_branches() takes no branch");
    if (names.size() > kMaxDecidedSteps)
        bad_decision("at most 100 steps, found " + std::to_string(names.size()));
    for (std::size_t i = 0; i < names.size(); ++i) {
        if (names[i].empty()) bad_decision("the name of step " + std::to_string(i + 1) + " is empty");
        if (names[i].size() > kMaxStepName)
            bad_decision("the name of step " + std::to_string(i + 1) + " is longer than 255 bytes");
    }
}

// The result with its outcome; the result must be an object without such a member.
inline json with_outcome(json result, const char* key, json outcome) {
    const auto refuse = [&](const std::string& why) {
        key == kDecisionKey ? bad_decision(why) : bad_batches(why);
    };
    if (result.is_null()) result = json::object();
    if (!result.is_object()) refuse(std::string("the result must be an object, found ") + result.type_name());
    if (result.contains(key)) refuse(std::string("the result has a member '") + key + "' already");
    result[key] = std::move(outcome);
    return result;
}

inline bool is_batch_id(std::string_view id) {
    return !id.empty() && id.size() <= 64 && std::all_of(id.begin(), id.end(), [](char c) {
        return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' ||
               c == '.' || c == '-';
    });
}

// A value of a cursor that is there.
inline const json& cursor_value(const json& cursor, const char* key, const std::string& at) {
    const auto found = cursor.find(key);
    if (found == cursor.end() || found->is_null()) bad_batches(at + " has no " + key);
    return *found;
}

inline void check_cursor(const json& cursor, const std::string& at, std::set<std::string>& ids) {
    if (!cursor.is_object()) bad_batches(at + " is no object");
    const auto& start = cursor_value(cursor, "start_cursor", at);
    const auto& end = cursor_value(cursor, "end_cursor", at);
    if (start.is_number_integer() && end.is_number_integer() && start > end)
        bad_batches(at + " starts behind its end");
    const auto& id = cursor_value(cursor, "batch_id", at);
    if (!id.is_string() || !is_batch_id(id.get_ref<const std::string&>()))
        bad_batches(at + " has no batch_id of 1 to 64 of A-Z a-z 0-9 _ . -");
    if (!ids.insert(id.get<std::string>()).second)
        bad_batches(at + " has the batch_id '" + id.get<std::string>() + "' of an earlier one");
    const auto& size = cursor_value(cursor, "batch_size", at);
    if (!size.is_number_integer() || size < 0 || size > 4294967295)
        bad_batches(at + " has a batch_size that is no integer from 0 to 4294967295");
}

inline void check_cursors(const std::string& worker_template, const json& cursors) {
    if (worker_template.empty() || worker_template.size() > kMaxStepName)
        bad_batches("the name of the worker's template step must have 1 to 255 bytes");
    if (!cursors.is_array()) bad_batches("the cursors must be an array");
    if (cursors.size() > kMaxCursors)
        bad_batches("at most 100000 batches, found " + std::to_string(cursors.size()));
    std::set<std::string> ids;
    for (std::size_t i = 0; i < cursors.size(); ++i)
        check_cursor(cursors[i], "cursor " + std::to_string(i + 1), ids);
}

inline void check_checkpoint(const json& cursor, std::int64_t items_processed) {
    if (cursor.is_null()) bad_checkpoint("it needs a cursor");
    if (items_processed < 0)
        bad_checkpoint("items_processed is negative: " + std::to_string(items_processed));
}

inline bool is_event_name(std::string_view name) {
    if (name.empty() || name.size() > 255 || name.front() == '.' || name.back() == '.' ||
        name.find("..") != std::string_view::npos || name.find('.') == std::string_view::npos)
        return false;
    return std::all_of(name.begin(), name.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '.';
    });
}

inline void check_event(const std::string& name, bool is_yield) {
    if (is_yield)
        bad_event("a checkpoint yield is no result, and events belong to one; emit them at the end");
    if (!is_event_name(name))
        bad_event("its name must be lower case words with dots between, like payment.authorized: '" + name +
                  "'");
}

}  // namespace tasker::detail
