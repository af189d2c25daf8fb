#pragma once
// Decisions, batches, checkpoints and events of the test host: the rules of the real one, the outcome as it records it.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tasker/batch_cursors.hpp"
#include "tasker/detail/fake_call.hpp"
#include "tasker/detail/outcomes.hpp"

namespace tasker::testing::detail {

// Ends the call with what make() returns; what it throws is the failure that the host makes of it.
template <class Make>
std::int32_t end_checked(tasker_call* call, std::string_view function, Make&& make) {
    std::int32_t checked = TASKER_OK;
    const std::int32_t status = end(call, [&](const json& metadata) {
        try {
            return make(metadata);
        } catch (const ValidationError& error) {
            checked = TASKER_E_INVALID;
            fake(call).host_made = true;
            return StepHandlerResult::failure(std::string(function) + "() was refused: " + error.what(),
                                              "invalid_outcome", false, metadata, "INVALID_OUTCOME");
        }
    });
    return status == TASKER_OK ? checked : status;
}

// The object that the outcome becomes a member of.
template <class Refuse>
json result_object(const char* text, std::size_t size, const Refuse& refuse) {
    if (text == nullptr || size == 0) return json::object();
    if (const auto fault = tasker::detail::json_fault({text, size})) refuse("the result is " + *fault);
    auto result = json::parse(std::string_view(text, size));
    if (!result.is_object()) refuse("the result must be an object");
    return result;
}

inline StepHandlerResult within_limit(StepHandlerResult made) {
    if (made.result().dump().size() > tasker::detail::kMaxJsonBytes)
        throw ValidationError("the result with its outcome is larger than 1 MiB");
    return made;
}

inline std::int32_t decide(tasker_call* call, const tasker_str* steps, std::size_t count, const char* text,
                           std::size_t size) noexcept {
    if (fake(call).kind != TASKER_KIND_DECISION) return TASKER_E_UNSUPPORTED;
    return end_checked(call, "decide", [&](const json& metadata) {
        json result = result_object(text, size, tasker::detail::bad_decision);
        if (count == 0) return within_limit(StepHandlerResult::no_branches(std::move(result), metadata));
        if (steps == nullptr) tasker::detail::bad_decision("its steps are NULL");
        if (count > tasker::detail::kMaxDecidedSteps) tasker::detail::bad_decision("at most 100 steps");
        std::vector<std::string> names;
        for (std::size_t i = 0; i < count; ++i) {
            std::string name(view(steps[i]));
            if (tasker::detail::readable(name) != name)
                tasker::detail::bad_decision("a name is not plain text");
            if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(std::move(name));
        }
        return within_limit(StepHandlerResult::decision(names, std::move(result), metadata));
    });
}

// A cursor with what the host fills in.
inline json read_cursor(const tasker_str& given, std::size_t index) {
    const std::string at = "cursor " + std::to_string(index + 1);
    if (const auto fault = tasker::detail::json_fault(view(given), 97, tasker::detail::kMaxCursorBytes))
        tasker::detail::bad_batches(at + " is " + *fault);
    json cursor = json::parse(view(given));
    if (!cursor.is_object()) tasker::detail::bad_batches(at + " is no object");
    const auto& start = tasker::detail::cursor_value(cursor, "start_cursor", at);
    const auto& end = tasker::detail::cursor_value(cursor, "end_cursor", at);
    json kept{{"batch_id", tasker::detail::batch_id_at(static_cast<std::int64_t>(index))},
              {"start_cursor", start},
              {"end_cursor", end}};
    if (cursor.contains("batch_id")) kept["batch_id"] = cursor["batch_id"];
    if (cursor.contains("batch_size")) {
        kept["batch_size"] = cursor["batch_size"];
    } else if (start.is_number_integer() && end.is_number_integer() && start <= end) {
        kept["batch_size"] = end.get<std::int64_t>() - start.get<std::int64_t>();
    }
    return kept;
}

inline std::int32_t create_batches(tasker_call* call, const char* worker_template, const tasker_str* cursors,
                                   std::size_t count, const char* text, std::size_t size) noexcept {
    if (fake(call).kind != TASKER_KIND_BATCH_ANALYZER) return TASKER_E_UNSUPPORTED;
    return end_checked(call, "create_batches", [&](const json& metadata) {
        json result = result_object(text, size, tasker::detail::bad_batches);
        if (count == 0) return within_limit(StepHandlerResult::no_batches(std::move(result), metadata));
        if (cursors == nullptr) tasker::detail::bad_batches("its cursors are NULL");
        if (count > tasker::detail::kMaxCursors) tasker::detail::bad_batches("at most 100000 batches");
        json all = json::array();
        for (std::size_t i = 0; i < count; ++i) all.push_back(read_cursor(cursors[i], i));
        const std::string worker = worker_template == nullptr ? "" : worker_template;
        tasker::detail::check_cursors(worker, all);
        std::uint64_t total = 0;
        for (const auto& cursor : all) total += cursor["batch_size"].get<std::uint64_t>();
        const json said = result.value("total_items", json());
        if (said.is_number_unsigned()) total = said.get<std::uint64_t>();
        return within_limit(StepHandlerResult::batches(worker, all, total, std::move(result), metadata));
    });
}

inline bool saves_checkpoints(const FakeCall& call) {
    return call.kind == TASKER_KIND_BATCH_WORKER || (call.capabilities & TASKER_CAP_CHECKPOINTS) != 0;
}

// Throws ValidationError for what the host refuses.
inline SavedCheckpoint read_checkpoint(const tasker_checkpoint_v0* given) {
    using tasker::detail::bad_checkpoint;
    if (given == nullptr || given->struct_size < sizeof *given) bad_checkpoint("it is malformed");
    const auto cursor = view(given->cursor_json), accumulated = view(given->accumulated_json);
    if (cursor.empty()) bad_checkpoint("it needs a cursor");
    if (const auto fault = tasker::detail::json_fault(cursor, 98, tasker::detail::kMaxCursorBytes))
        bad_checkpoint("its cursor is " + *fault);
    if (!accumulated.empty()) {
        if (const auto fault =
                tasker::detail::json_fault(accumulated, 98, tasker::detail::kMaxJsonBytes - cursor.size()))
            bad_checkpoint("its accumulated results are " + *fault);
    }
    SavedCheckpoint saved{json::parse(cursor), given->items_processed,
                          accumulated.empty() ? json() : json::parse(accumulated)};
    tasker::detail::check_checkpoint(saved.cursor, static_cast<std::int64_t>(saved.items_processed));
    return saved;
}

inline std::int32_t yield_checkpoint(tasker_call* call, const tasker_checkpoint_v0* given) noexcept {
    if (!saves_checkpoints(fake(call))) return TASKER_E_UNSUPPORTED;
    {
        const std::lock_guard lock(fake(call).mutex);
        if (!fake(call).events.empty()) return TASKER_E_STATE;
    }
    return end_checked(call, "yield_checkpoint", [&](const json&) {
        const auto saved = read_checkpoint(given);
        fake(call).checkpoints.push_back(saved);
        return StepHandlerResult::checkpoint_yield(
            saved.cursor, static_cast<std::int64_t>(saved.items_processed), saved.accumulated_results);
    });
}

inline std::int32_t save_checkpoint(tasker_call* call, const tasker_checkpoint_v0* given) noexcept {
    auto& state = fake(call);
    if (!saves_checkpoints(state)) return TASKER_E_UNSUPPORTED;
    const std::lock_guard lock(state.mutex);
    if (state.result) return TASKER_E_STATE;
    try {
        auto saved = read_checkpoint(given);
        if (state.lease_lost) return TASKER_E_LEASE_LOST;
        state.checkpoints.push_back(std::move(saved));
        return TASKER_OK;
    } catch (const ValidationError&) {
        return TASKER_E_INVALID;
    }
}

inline std::int32_t emit_event(tasker_call* call, const char* name, const char* text,
                               std::size_t size) noexcept {
    auto& state = fake(call);
    const std::lock_guard lock(state.mutex);
    if (state.result) return TASKER_E_STATE;
    const std::string_view payload = text == nullptr || size == 0 ? "null" : std::string_view(text, size);
    if (name == nullptr || !tasker::detail::is_event_name(name)) return TASKER_E_INVALID;
    if (state.events.size() == tasker::detail::kMaxEvents ||
        state.event_bytes + payload.size() > tasker::detail::kMaxEventBytes)
        return TASKER_E_INVALID;
    if (tasker::detail::json_fault(payload, tasker::detail::kMaxJsonDepth - 1)) return TASKER_E_INVALID;
    state.events.push_back({name, json::parse(payload)});
    state.event_bytes += payload.size();
    return TASKER_OK;
}

}  // namespace tasker::testing::detail
