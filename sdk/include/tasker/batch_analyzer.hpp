#pragma once
// The step that cuts the work: the handler of a template step of type `batchable`. See batch.hpp.

#include <cstdint>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "tasker/batch_cursors.hpp"
#include "tasker/function_handler.hpp"
#include "tasker/step_handler.hpp"

namespace tasker {

// How much work there is and how it is cut; what a batch_analyzer_function returns.
struct BatchConfig {
    std::int64_t total_items = 0;
    std::int64_t batch_size = 1;
    std::int64_t max_batches = 0;    // 0: as many as it takes
    json metadata = json::object();  // of the result, under batch_metadata
};

namespace detail {

// One batch for each cursor; no cursors are no batches.
inline StepHandlerResult analyzed(const std::string& worker_template,
                                  const std::vector<CursorConfig>& cursors,
                                  std::optional<std::int64_t> total_items, json batch_metadata,
                                  json metadata) {
    std::uint64_t total = 0;
    for (const auto& cursor : cursors) total += cursor.batch_size;
    if (total_items && *total_items < 0)
        bad_batches("total_items is negative: " + std::to_string(*total_items));
    if (total_items) total = static_cast<std::uint64_t>(*total_items);
    json result{{"worker_count", cursors.size()}, {"total_items", total}};
    if (!batch_metadata.empty()) result["batch_metadata"] = std::move(batch_metadata);
    if (cursors.empty()) result["reason"] = "no items";
    if (metadata.is_object()) metadata["batch_analyzer"] = true;
    return StepHandlerResult::batches(worker_template, json(cursors), total, std::move(result),
                                      std::move(metadata));
}

}  // namespace detail

class BatchAnalyzer : public StepHandler {
  public:
    static constexpr HandlerKind handler_kind = HandlerKind::BatchAnalyzer;

  protected:
    // worker_template: the template's step of type batch_worker. One of its instances runs each batch. total_items:
    // otherwise the sum of the sizes. No cursors: no batches.
    static StepHandlerResult batch_analyzer_success(const std::string& worker_template,
                                                    const std::vector<CursorConfig>& cursors,
                                                    std::optional<std::int64_t> total_items = {},
                                                    json batch_metadata = json::object(),
                                                    json metadata = json::object()) {
        return detail::analyzed(worker_template, cursors, total_items, std::move(batch_metadata),
                                std::move(metadata));
    }
    static StepHandlerResult batch_analyzer_success(const std::string& worker_template,
                                                    const BatchConfig& config) {
        return batch_analyzer_success(
            worker_template, create_cursor_ranges(config.total_items, config.batch_size, config.max_batches),
            config.total_items, config.metadata);
    }
    // There is nothing to do. The template's initialization must name worker_template_name: one placeholder is made, so
    // that the steps behind it run.
    static StepHandlerResult no_batches_result(std::string reason, json result = json::object(),
                                               json metadata = json::object()) {
        if (result.is_object()) result["reason"] = std::move(reason);
        return StepHandlerResult::no_batches(std::move(result), std::move(metadata));
    }
    static StepHandlerResult batch_failure(std::string message, bool retryable = true,
                                           json metadata = json::object()) {
        return StepHandlerResult::failure(std::move(message), "batch_error", retryable, std::move(metadata),
                                          "BATCH_ERROR");
    }
};

// The function returns a BatchConfig, std::vector<CursorConfig> or a StepHandlerResult; what it takes is as of
// function_handler. `Worker` is the template's step of type batch_worker.
template <fixed_string Name, fixed_string Worker, auto Function, class... Injected>
class batch_analyzer_function : public detail::NamedFunction<Name> {
  public:
    static constexpr HandlerKind handler_kind = HandlerKind::BatchAnalyzer;

    StepHandlerResult call(StepContext& context) override {
        return detail::with_injected<Injected...>(context, [&](const auto&... values) {
            return result_of(detail::apply_function<Function>(context, values...));
        });
    }

  private:
    template <class T>
    static StepHandlerResult result_of(T&& value) {
        const std::string worker(Worker.view());
        if constexpr (std::is_same_v<std::remove_cvref_t<T>, BatchConfig>) {
            return detail::analyzed(
                worker, create_cursor_ranges(value.total_items, value.batch_size, value.max_batches),
                value.total_items, value.metadata, json::object());
        } else if constexpr (std::is_same_v<std::remove_cvref_t<T>, std::vector<CursorConfig>>) {
            return detail::analyzed(worker, value, std::nullopt, json::object(), json::object());
        } else {
            static_assert(std::is_same_v<std::remove_cvref_t<T>, StepHandlerResult>,
                          "the function of a batch_analyzer_function returns a tasker::BatchConfig, a "
                          "std::vector<tasker::CursorConfig> or a tasker::StepHandlerResult");
            return std::forward<T>(value);
        }
    }
};

}  // namespace tasker
