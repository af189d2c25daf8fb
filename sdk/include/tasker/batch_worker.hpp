#pragma once
// The steps that do the work, one batch each: the handler of a template step of type `batch_worker`. See batch.hpp.

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "tasker/function_handler.hpp"
#include "tasker/step_handler.hpp"

namespace tasker {

// The batch of a worker, checked. Refers to the context.
class BatchWorkerContext {
  public:
    // Throws ValidationError (INVALID_BATCH_CURSOR): no cursor or batch_id, cursors of two types, a start behind its
    // end. A placeholder needs none of them.
    explicit BatchWorkerContext(const StepContext& context)
        : context_(context), cursor_(context.batch_cursor()) {
        if (is_no_op()) return;
        if (cursor_.empty()) refuse("the step has no cursor; is its type batch_worker?");
        if (batch_id().empty()) refuse("the cursor has no batch_id");
        const json start = start_cursor<json>(), end = end_cursor<json>();
        if (start.is_null()) refuse("the cursor has no start_cursor");
        if (end.is_null()) refuse("the cursor has no end_cursor");
        if (detail::type_name(start) != detail::type_name(end)) {
            refuse("start_cursor and end_cursor are of two types: " + std::string(detail::type_name(start)) +
                   " and " + std::string(detail::type_name(end)));
        }
        if (start.is_number() && start > end)
            refuse("start_cursor " + start.dump() + " is behind end_cursor " + end.dump());
    }

    std::string batch_id() const { return text(cursor_, "batch_id"); }
    const json& cursor_config() const noexcept { return cursor_; }
    // Inclusive. Throws ValidationError when it is no T.
    template <class T = std::int64_t>
    T start_cursor() const {
        return cursor_as<T>("start_cursor");
    }
    // Exclusive.
    template <class T = std::int64_t>
    T end_cursor() const {
        return cursor_as<T>("end_cursor");
    }
    std::uint64_t batch_size() const {
        return detail::read<std::uint64_t>(cursor_, {"batch cursor", "batch_size"}).value_or(0);
    }
    // What the template's batch_config says: the field that cursors are of, and what to do about a bad item
    // (continue_on_failure, fail_fast, isolate).
    std::string cursor_field() const { return text(metadata(), "cursor_field"); }
    std::string failure_strategy() const { return text(metadata(), "failure_strategy"); }
    // The placeholder of an analyzer without batches.
    bool is_no_op() const noexcept { return context_.is_no_op(); }

    bool has_checkpoint() const { return context_.has_checkpoint(); }
    // Where to go on: the checkpoint's cursor, otherwise the start.
    template <class T = std::int64_t>
    T position() const {
        return has_checkpoint() ? *context_.checkpoint_cursor<T>() : start_cursor<T>();
    }
    std::uint64_t items_processed() const {
        return context_.checkpoint_items_processed();
    }  // before this call
    template <class T = json>
    std::optional<T> accumulated_results() const {
        return context_.accumulated_results<T>();
    }
    // Saves and goes on, durable on return; see StepContext::save_checkpoint().
    bool save_checkpoint(const json& cursor, std::int64_t items_processed,
                         const json& accumulated = nullptr) const {
        return context_.save_checkpoint(cursor, items_processed, accumulated);
    }

  private:
    [[noreturn]] static void refuse(const std::string& why) {
        throw ValidationError("batch: " + why, "INVALID_BATCH_CURSOR");
    }
    static std::string text(const json& object, const char* key) {
        return detail::read<std::string>(object, {"batch", key}).value_or(std::string{});
    }
    json metadata() const { return context_.get_step_input("batch_metadata").value_or(json::object()); }
    template <class T>
    T cursor_as(const char* key) const {
        const auto found = cursor_.find(key);
        return detail::convert<T>(found == cursor_.end() ? json() : *found, {"batch cursor", key});
    }

    const StepContext& context_;
    const json& cursor_;
};

// What a batch came to.
struct BatchWorkerOutcome {
    std::int64_t items_processed = 0;
    std::optional<std::int64_t> items_succeeded{};  // otherwise processed without failed and skipped
    std::int64_t items_failed = 0, items_skipped = 0;
    json last_cursor = nullptr;
    json results = nullptr;                // left out when null
    json errors = json::array();           // left out when empty
    json batch_metadata = json::object();  // left out when empty

    // Throws ValidationError (INVALID_BATCH_RESULT) for negative counts.
    StepHandlerResult to_step_result() const { return result(json::object(), {{"batch_worker", true}}); }
    // A success, too: the batch is done, but not with all of its items.
    StepHandlerResult partial_failure(const std::string& message) const {
        return result({{"partial_failure", true}, {"partial_failure_message", message}},
                      {{"batch_worker", true}, {"had_failures", true}});
    }

  private:
    StepHandlerResult result(json value, json metadata) const {
        const std::int64_t succeeded = items_succeeded.value_or(
            std::max<std::int64_t>(items_processed - items_failed - items_skipped, 0));
        if (std::min({items_processed, succeeded, items_failed, items_skipped}) < 0)
            throw ValidationError("batch: a number of items is negative", "INVALID_BATCH_RESULT");
        value["items_processed"] = items_processed;
        value["items_succeeded"] = succeeded;
        value["items_failed"] = items_failed;
        value["items_skipped"] = items_skipped;
        value["last_cursor"] = last_cursor;
        if (!results.is_null()) value["results"] = results;
        if (!errors.empty()) value["errors"] = errors;
        if (!batch_metadata.empty()) value["batch_metadata"] = batch_metadata;
        return StepHandlerResult::success(std::move(value), std::move(metadata));
    }
};

// "Not done yet": saves the progress, and the handler is called again with it. What a batch_worker_function returns for
// that; arguments as of StepHandlerResult::checkpoint_yield().
struct CheckpointYield {
    json cursor;
    std::int64_t items_processed = 0;
    json accumulated_results = nullptr;

    StepHandlerResult to_step_result() const {
        return StepHandlerResult::checkpoint_yield(cursor, items_processed, accumulated_results);
    }
};

// The result of a placeholder, or nothing when there is work: the first line of a worker.
inline std::optional<StepHandlerResult> handle_no_op_worker(const StepContext& context) {
    if (!context.is_no_op()) return std::nullopt;
    const auto& cursor = context.batch_cursor();
    const json id = cursor.is_object() ? cursor.value("batch_id", json("000")) : json("000");
    return StepHandlerResult::success({{"batch_id", id},
                                       {"no_op", true},
                                       {"processed_count", 0},
                                       {"message", "there was nothing to process"}},
                                      {{"batch_worker", true}, {"no_op", true}});
}

class BatchWorker : public StepHandler {
  public:
    static constexpr HandlerKind handler_kind = HandlerKind::BatchWorker;

  protected:
    static StepHandlerResult batch_worker_success(const BatchWorkerOutcome& outcome) {
        return outcome.to_step_result();
    }
    static StepHandlerResult batch_worker_partial_failure(const BatchWorkerOutcome& outcome,
                                                          const std::string& message) {
        return outcome.partial_failure(message);
    }
    static StepHandlerResult checkpoint_yield(json cursor, std::int64_t items_processed,
                                              json accumulated = nullptr) {
        return StepHandlerResult::checkpoint_yield(std::move(cursor), items_processed,
                                                   std::move(accumulated));
    }
};

// The function takes the context (or not), the batch (const BatchWorkerContext&), then the injected values; it returns a
// BatchWorkerOutcome, a CheckpointYield, a StepHandlerResult or a value as of function_handler. A placeholder is answered
// without it.
template <fixed_string Name, auto Function, class... Injected>
class batch_worker_function : public detail::NamedFunction<Name> {
  public:
    static constexpr HandlerKind handler_kind = HandlerKind::BatchWorker;

    StepHandlerResult call(StepContext& context) override {
        if (auto nothing = handle_no_op_worker(context)) return *std::move(nothing);
        const BatchWorkerContext batch(context);
        return detail::with_injected<Injected...>(context, [&](const auto&... values) {
            return detail::function_result<Function>(context, batch, values...);
        });
    }
};

}  // namespace tasker
