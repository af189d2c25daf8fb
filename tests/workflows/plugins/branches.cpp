// Handlers of the workflows that decide and cut work into batches: W6-W11.

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <map>
#include <mutex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include <tasker/batch.hpp>
#include <tasker/decision_handler.hpp>
#include <tasker/sdk.hpp>

namespace {
using tasker::AggregationScenario;
using tasker::BatchWorkerContext;
using tasker::json;
using tasker::StepContext;

// ---- W6: an approval ----
using ValidateRequest = tasker::function_handler<"approval.validate", [](StepContext& context) {
    const auto amount = context.require_input<double>("amount");
    if (amount <= 0) throw tasker::ValidationError("the amount must be positive", "BAD_AMOUNT");
    return json{{"amount", amount}};
}>;
using Route =
    tasker::decision_function<"approval.route",
                              [](const json& request) {
                                  const auto amount = request.at("amount").get<double>();
                                  const json why{{"amount", amount}};
                                  if (amount < 1000) return tasker::Decision::route({"auto_approve"}, why);
                                  if (amount < 5000)
                                      return tasker::Decision::route({"manager_approval"}, why);
                                  return tasker::Decision::route({"manager_approval", "finance_review"}, why);
                              },
                              tasker::depends<"validate_request">>;
using Approve = tasker::function_handler<"approval.approve", [](StepContext& context) {
    return json{{"approved_by", std::string(context.step_name())}};
}>;
using Finalize = tasker::function_handler<"approval.finalize", [](StepContext& context) {
    json approvals = json::array();
    for (const char* step : {"auto_approve", "finance_review", "manager_approval"}) {
        if (const auto by = context.get_dependency_field<std::string>(step, "approved_by"))
            approvals.push_back(*by);
    }
    return json{{"approvals", approvals},
                {"why", context.require_dependency_field("routing_decision", "routing_context", "amount")}};
}>;

// ---- W7: a diamond, a decision, batches of even or odd numbers ----
std::vector<std::int64_t> numbers_with(const StepContext& context, std::int64_t remainder) {
    std::vector<std::int64_t> found;
    for (const auto number : context.require_input<std::vector<std::int64_t>>("numbers")) {
        if (number % 2 == remainder) found.push_back(number);
    }
    return found;
}
using CountNumbers = tasker::function_handler<"parity.count", [](StepContext& context) {
    return json{{"count", numbers_with(context, context.get_config_or("remainder", 0)).size()}};
}>;
using ChooseParity =
    tasker::decision_function<"parity.choose",
                              [](const json& even, const json& odd) {
                                  const bool evens =
                                      odd.at("count").get<int>() <= even.at("count").get<int>();
                                  return tasker::Decision::route(
                                      {evens ? "even_batch_analyzer" : "odd_batch_analyzer"});
                              },
                              tasker::depends<"branch_evens", "branch_odds">>;
class CutNumbers : public tasker::BatchAnalyzer {
  public:
    static constexpr std::string_view handler_name = "parity.cut";
    tasker::StepHandlerResult call(StepContext& context) override {
        const auto numbers = numbers_with(context, context.get_config_or("remainder", 0));
        return batch_analyzer_success(context.require_config<std::string>("worker_template_name"),
                                      {.total_items = static_cast<std::int64_t>(numbers.size()),
                                       .batch_size = context.require_config<std::int64_t>("batch_size")});
    }
};
using SquareNumbers =
    tasker::batch_worker_function<"parity.square", [](StepContext& context, const BatchWorkerContext& batch) {
        const auto numbers = numbers_with(context, context.get_config_or("remainder", 0));
        std::int64_t sum = 0;
        for (auto i = batch.start_cursor(); i < batch.end_cursor(); ++i) {
            const auto number = numbers.at(static_cast<std::size_t>(i));
            sum += number * number;
        }
        return tasker::BatchWorkerOutcome{.items_processed = batch.end_cursor() - batch.start_cursor(),
                                          .results = {{"sum", sum}, {"strategy", batch.failure_strategy()}}};
    }>;
json sum_of(const AggregationScenario& all) {
    json total = tasker::aggregate_batch_results(all);
    std::int64_t sum = 0;
    json strategies = json::array();
    for (const auto& [name, result] : all.batch_results) {
        sum += result.at("results").at("sum").get<std::int64_t>();
        strategies.push_back(result.at("results").value("strategy", json()));
    }
    total["sum"] = sum;
    total["strategies"] = strategies;
    return total;
}
using SumEven = tasker::aggregator_function<"parity.sum_even", "even_batch_analyzer", "process_even_batch_",
                                            [](const AggregationScenario& all) { return sum_of(all); }>;
using SumOdd = tasker::aggregator_function<"parity.sum_odd", "odd_batch_analyzer", "process_odd_batch_",
                                           [](const AggregationScenario& all) { return sum_of(all); }>;

// ---- W8: a CSV file of products: id,category,price ----
std::vector<std::string> rows_of(const StepContext& context) {
    const auto path = context.require_input<std::string>("csv_path");
    std::ifstream file(path);
    if (!file) throw tasker::NotFoundError("there is no file " + path);
    std::vector<std::string> rows;
    std::string row;
    std::getline(file, row);  // the header
    while (std::getline(file, row)) rows.push_back(row);
    return rows;
}
class AnalyzeCsv : public tasker::BatchAnalyzer {
  public:
    static constexpr std::string_view handler_name = "csv.analyze";
    tasker::StepHandlerResult call(StepContext& context) override {
        return batch_analyzer_success(context.require_config<std::string>("worker_template_name"),
                                      {.total_items = static_cast<std::int64_t>(rows_of(context).size()),
                                       .batch_size = context.require_config<std::int64_t>("batch_size"),
                                       .max_batches = context.get_config_or<std::int64_t>("max_workers", 0)});
    }
};
using ProcessCsv =
    tasker::batch_worker_function<"csv.process", [](StepContext& context, const BatchWorkerContext& batch) {
        const auto rows = rows_of(context);
        std::map<std::string, std::int64_t> cents;
        for (auto i = batch.start_cursor(); i < batch.end_cursor(); ++i) {
            std::istringstream row(rows.at(static_cast<std::size_t>(i)));
            std::string id, category, price;
            std::getline(row, id, ',');
            std::getline(row, category, ',');
            std::getline(row, price);
            cents[category] += std::stoll(price);
        }
        return tasker::BatchWorkerOutcome{.items_processed = batch.end_cursor() - batch.start_cursor(),
                                          .last_cursor = batch.end_cursor(),
                                          .results = {{"cents", cents}}};
    }>;
using AggregateCsv = tasker::aggregator_function<
    "csv.aggregate", "analyze_csv", "process_csv_batch_", [](const AggregationScenario& all) {
        return tasker::aggregate_batch_worker_results(
            all, {{"total_processed", 0}, {"cents", json::object()}}, [](const AggregationScenario& some) {
                json total = tasker::aggregate_batch_results(some);
                std::map<std::string, std::int64_t> cents;
                for (const auto& [name, result] : some.batch_results) {
                    for (const auto& [category, sum] : result.at("results").at("cents").items())
                        cents[category] += sum.get<std::int64_t>();
                }
                total["cents"] = cents;
                return total;
            });
    }>;

// ---- W9: a large data set, of which only the size is known ----
class AnalyzeDataset : public tasker::BatchAnalyzer {
  public:
    static constexpr std::string_view handler_name = "dataset.analyze";
    tasker::StepHandlerResult call(StepContext& context) override {
        const auto records = context.require_input<std::int64_t>("records");
        if (records < context.get_config_or<std::int64_t>("minimum", 0))
            return no_batches_result("the data set is small", {{"records", records}});
        return batch_analyzer_success(context.require_config<std::string>("worker_template_name"),
                                      {.total_items = records,
                                       .batch_size = context.require_config<std::int64_t>("batch_size"),
                                       .max_batches = context.require_config<std::int64_t>("max_workers")});
    }
};
using ProcessDataset = tasker::batch_worker_function<"dataset.process", [](const BatchWorkerContext& batch) {
    std::int64_t sum = 0;
    for (auto id = batch.start_cursor(); id < batch.end_cursor(); ++id) sum += id;
    return tasker::BatchWorkerOutcome{.items_processed = batch.end_cursor() - batch.start_cursor(),
                                      .results = {{"sum", sum}}};
}>;
using AggregateDataset =
    tasker::aggregator_function<"dataset.aggregate", "analyze_dataset", "process_dataset_batch_",
                                [](const AggregationScenario& all) {
                                    return tasker::aggregate_batch_worker_results(all, {{"sum", 0}}, sum_of);
                                }>;

// ---- W10, W11: one batch of items, with checkpoints ----
// Which items were worked on, and how often: beyond what a step can tell of itself.
class Touched {
  public:
    void item(const StepContext& context) {
        const std::scoped_lock lock(mutex_);
        ++counts_[std::string(context.step_uuid())];
    }
    std::int64_t of(const StepContext& context) {
        const std::scoped_lock lock(mutex_);
        return counts_[std::string(context.step_uuid())];
    }

  private:
    std::mutex mutex_;
    std::map<std::string, std::int64_t> counts_;
};
Touched touched;

using CutItems =
    tasker::batch_analyzer_function<"items.cut", "process_items",
                                    [](const json& items) {
                                        return tasker::BatchConfig{.total_items = items.get<std::int64_t>(),
                                                                   .batch_size = items.get<std::int64_t>()};
                                    },
                                    tasker::inputs<"items">>;

// Saves each 25 items, and fails in its first attempt when half of them are done.
using ResumeItems =
    tasker::batch_worker_function<"items.resume", [](StepContext& context, const BatchWorkerContext& batch) {
        const auto started = batch.position();
        auto sum = batch.accumulated_results<std::int64_t>().value_or(0);
        for (auto item = started; item < batch.end_cursor(); ++item) {
            if (!context.is_retry() && item == batch.end_cursor() / 2)
                throw tasker::RetryableError("half way", {}, "HALF_WAY");
            touched.item(context);
            sum += item;
            if ((item + 1) % 25 == 0) batch.save_checkpoint(item + 1, item + 1, sum);
        }
        return json{{"resumed_at", started},
                    {"sum", sum},
                    {"touched", touched.of(context)},
                    {"retry_count", context.retry_count()}};
    }>;

// Ends its call after each 25 items.
class YieldItems : public tasker::BatchWorker {
  public:
    static constexpr std::string_view handler_name = "items.yield";
    tasker::StepHandlerResult call(StepContext& context) override {
        if (auto nothing = tasker::handle_no_op_worker(context)) return *nothing;
        const BatchWorkerContext batch(context);
        json state = batch.accumulated_results().value_or(json{{"sum", 0}, {"events", json::array()}});
        state["events"].push_back(std::string(context.event_id()));
        auto item = batch.position();
        const auto until = std::min(item + 25, batch.end_cursor());
        for (; item < until; ++item) {
            touched.item(context);
            state["sum"] = state["sum"].get<std::int64_t>() + item;
        }
        if (item < batch.end_cursor()) return checkpoint_yield(item, item, state);
        return batch_worker_success({.items_processed = item,
                                     .last_cursor = item,
                                     .results = {{"sum", state["sum"]},
                                                 {"events", state["events"]},
                                                 {"touched", touched.of(context)},
                                                 {"retry_count", context.retry_count()}}});
    }
};
using SumItems =
    tasker::aggregator_function<"items.sum", "analyze_items", "process_items_",
                                [](const AggregationScenario& all) {
                                    json sums = json::array();
                                    for (const auto& [name, result] : all.batch_results)
                                        sums.push_back(result);
                                    return json{{"batches", sums}, {"count", all.worker_count()}};
                                }>;

}  // namespace

TASKER_PLUGIN("org.example.flows.branches", "1.0.0", ValidateRequest, Route, Approve, Finalize, CountNumbers,
              ChooseParity, CutNumbers, SquareNumbers, SumEven, SumOdd, AnalyzeCsv, ProcessCsv, AggregateCsv,
              AnalyzeDataset, ProcessDataset, AggregateDataset, CutItems, ResumeItems, YieldItems, SumItems);
