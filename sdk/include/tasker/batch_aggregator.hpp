#pragma once
// The step that gathers what the batches came to: the handler of a template step of type `deferred_convergence` that
// depends on the batch_worker step. See batch.hpp.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tasker/function_handler.hpp"
#include "tasker/step_handler.hpp"

namespace tasker {

struct AggregationScenario {
    bool is_no_batches = false;                 // the analyzer had nothing to do
    json batchable_result;                      // the analyzer's
    std::map<std::string, json> batch_results;  // by step name: load_001, load_002; empty without batches
    std::size_t worker_count() const noexcept { return batch_results.size(); }
};

// batchable_step: the analyzer's step. worker_prefix: what the names of the workers begin with, the name of their template
// step and "_". Throws ValidationError: MISSING_ANALYZER, or NO_BATCH_RESULTS when the analyzer made batches and none is
// there; both are faults of the template.
inline AggregationScenario detect_aggregation_scenario(const StepContext& context,
                                                       std::string_view batchable_step,
                                                       std::string_view worker_prefix) {
    AggregationScenario found;
    const auto analyzer = context.get_dependency_result(batchable_step);
    if (!analyzer) {
        throw ValidationError("aggregation: there is no result of the analyzer '" +
                                  std::string(batchable_step) +
                                  "'; the template's workflow configuration must have it before this step",
                              "MISSING_ANALYZER", {{"step", batchable_step}});
    }
    found.batchable_result = *analyzer;
    const json outcome = analyzer->is_object() ? analyzer->value(detail::kBatchesKey, json()) : json();
    if (outcome.is_object() && outcome.value("type", json()) == "no_batches") {
        found.is_no_batches = true;
        return found;
    }
    for (auto& [name, result] : context.get_all_dependency_results(worker_prefix))
        found.batch_results.emplace(name, std::move(result));
    if (found.batch_results.empty()) {
        throw ValidationError(
            "aggregation: '" + std::string(batchable_step) + "' made batches, and no result begins with '" +
                std::string(worker_prefix) +
                "'; in the workflow configuration this step must depend on the batch_worker step",
            "NO_BATCH_RESULTS", {{"step", batchable_step}, {"prefix", worker_prefix}});
    }
    return found;
}

// Sums over results of batch_worker_success(); what a result does not have counts 0. success_rate: from 0 to 1, 1 when
// nothing was processed. Of the errors the first `max_errors` are kept, error_count has them all.
inline json aggregate_batch_results(const std::vector<json>& results, std::size_t max_errors = 100) {
    std::uint64_t processed = 0, succeeded = 0, failed = 0, skipped = 0, error_count = 0;
    json errors = json::array();
    for (const auto& result : results) {
        const auto count = [&](const char* key) {
            return detail::read<std::uint64_t>(result, {"batch result", key}).value_or(0);
        };
        processed += count("items_processed");
        succeeded += count("items_succeeded");
        failed += count("items_failed");
        skipped += count("items_skipped");
        const json some = detail::read<json>(result, {"batch result", "errors"}).value_or(json::array());
        if (!some.is_array()) continue;
        error_count += some.size();
        for (const auto& error : some) {
            if (errors.size() < max_errors) errors.push_back(error);
        }
    }
    const double rate =
        processed == 0 ? 1.0 : static_cast<double>(succeeded) / static_cast<double>(processed);
    return {{"total_processed", processed}, {"total_succeeded", succeeded},  {"total_failed", failed},
            {"total_skipped", skipped},     {"batch_count", results.size()}, {"success_rate", rate},
            {"errors", std::move(errors)},  {"error_count", error_count}};
}
inline json aggregate_batch_results(const AggregationScenario& scenario, std::size_t max_errors = 100) {
    std::vector<json> results;
    for (const auto& [name, result] : scenario.batch_results) results.push_back(result);
    return aggregate_batch_results(results, max_errors);
}

// {zero_metrics..., "worker_count": 0, "scenario": "no_batches"}
inline StepHandlerResult no_batches_aggregation_result(json zero_metrics = json::object()) {
    if (!zero_metrics.is_object())
        throw ValidationError("aggregation: the metrics must be an object", "WRONG_TYPE");
    zero_metrics["worker_count"] = 0;
    zero_metrics["scenario"] = "no_batches";
    return StepHandlerResult::success(std::move(zero_metrics));
}

// {sum(scenario)..., "worker_count": n, "scenario": "with_batches"}, or the result above. sum: AggregationScenario to a
// JSON object; it is not asked when there are no batches.
template <class Sum>
StepHandlerResult aggregate_batch_worker_results(const AggregationScenario& scenario, json zero_metrics,
                                                 const Sum& sum) {
    if (scenario.is_no_batches) return no_batches_aggregation_result(std::move(zero_metrics));
    json total = sum(scenario);
    if (total.is_null()) total = json::object();
    if (!total.is_object()) throw ValidationError("aggregation: the sum must be an object", "WRONG_TYPE");
    total["worker_count"] = scenario.worker_count();
    total["scenario"] = "with_batches";
    return StepHandlerResult::success(std::move(total));
}
// With the sums of aggregate_batch_results().
inline StepHandlerResult aggregate_batch_worker_results(const AggregationScenario& scenario) {
    return aggregate_batch_worker_results(
        scenario, aggregate_batch_results(std::vector<json>{}),
        [](const AggregationScenario& all) { return aggregate_batch_results(all); });
}

// The function takes the context (or not), the scenario (const AggregationScenario&), then the injected values; what it
// returns is as of function_handler. Batchable and WorkerPrefix: see detect_aggregation_scenario().
template <fixed_string Name, fixed_string Batchable, fixed_string WorkerPrefix, auto Function,
          class... Injected>
class aggregator_function : public detail::NamedFunction<Name> {
  public:
    StepHandlerResult call(StepContext& context) override {
        const auto scenario = detect_aggregation_scenario(context, Batchable.view(), WorkerPrefix.view());
        return detail::with_injected<Injected...>(context, [&](const auto&... values) {
            return detail::function_result<Function>(context, scenario, values...);
        });
    }
};

}  // namespace tasker
