#include "handlers.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "csv_file.hpp"

namespace csv_batch {

using tasker::json;

// What one category came to.
struct CategoryTotal {
    std::int64_t products = 0, units = 0, value_cents = 0;
};
TASKER_FIELDS(CategoryTotal, products, units, value_cents)
inline void to_json(json& to, const CategoryTotal& total) {
    to = {{"products", total.products}, {"units", total.units}, {"value_cents", total.value_cents}};
}

// What a worker has come to so far: kept in its checkpoints, and its result at the end.
struct Progress {
    std::int64_t rows = 0;
    std::map<std::string, CategoryTotal> categories;
    std::vector<std::string> errors;
};
TASKER_FIELDS(Progress, rows, categories, errors)
inline void to_json(json& to, const Progress& progress) {
    to = {{"rows", progress.rows}, {"categories", progress.categories}, {"errors", progress.errors}};
}

namespace {

constexpr const char* kAnalyzer = "analyze_csv";
constexpr std::size_t kMaxErrors = 100;  // kept for each batch; the others are counted
constexpr std::int64_t kRowsBetweenPolls = 10'000;

void add(std::int64_t& sum, std::int64_t value) {
    if (__builtin_add_overflow(sum, value, &sum))
        throw tasker::PermanentError("the sums do not fit in 64 bits", "TOO_LARGE");
}

void add(CategoryTotal& sum, const CategoryTotal& other) {
    add(sum.products, other.products);
    add(sum.units, other.units);
    add(sum.value_cents, other.value_cents);
}

void add(std::map<std::string, CategoryTotal>& sums, const Product& product) {
    std::int64_t value = 0;
    if (__builtin_mul_overflow(product.price_cents, product.quantity, &value))
        throw tasker::PermanentError("the value of a product does not fit in 64 bits", "TOO_LARGE");
    add(sums[product.category], CategoryTotal{1, product.quantity, value});
}

std::int64_t positive_config(const tasker::StepContext& context, const char* key, std::int64_t fallback) {
    const auto value = context.get_config_or(key, fallback);
    if (value < 1) {
        throw tasker::PermanentError(
            "config '" + std::string(key) + "' must be at least 1, found " + std::to_string(value),
            "INVALID_CONFIG");
    }
    return value;
}

// After how many rows of this batch its first attempt fails, when the input asks for that.
std::optional<std::int64_t> interruption(const tasker::StepContext& context, const std::string& batch_id) {
    const auto wish = context.get_input("interrupt");
    if (!wish || context.attempt() > 1) return std::nullopt;
    if (tasker::require_value<std::string>(*wish, "batch_id", "interrupt.batch_id") != batch_id)
        return std::nullopt;
    return tasker::require_value<std::int64_t>(*wish, "after_rows", "interrupt.after_rows");
}

// The part of the file that is one batch, from where the last checkpoint left it.
class BatchReader {
  public:
    explicit BatchReader(const tasker::StepContext& context)
        : context_(context),
          batch_(context),
          file_(context.require_dependency_field<std::string>(kAnalyzer, "batch_metadata", "path")),
          rows_per_checkpoint_(positive_config(context, "rows_per_checkpoint", 50)),
          interrupt_at_(interruption(context, batch_.batch_id())),
          progress_(batch_.accumulated_results<Progress>().value_or(Progress{})),
          resumed_from_(progress_.rows) {
        const auto bytes =
            context.require_dependency_field<std::int64_t>(kAnalyzer, "batch_metadata", "bytes");
        if (file_.bytes() != bytes) {
            throw tasker::PermanentError("the file has " + std::to_string(file_.bytes()) +
                                             " bytes, and had " + std::to_string(bytes) +
                                             " when it was cut into batches",
                                         "FILE_CHANGED");
        }
        file_.seek(batch_.position());
    }

    tasker::StepHandlerResult run() {
        if (resumed_from_ > 0)
            context_.logger().info("goes on from the checkpoint",
                                   {{"row", resumed_from_}, {"byte", file_.position()}});
        while (const auto row = file_.next_row(batch_.end_cursor())) {
            take(*row);
            if (progress_.rows % rows_per_checkpoint_ == 0) save();
            if (interrupt_at_ == progress_.rows) {
                throw tasker::RetryableError(
                    "interrupted after " + std::to_string(progress_.rows) + " rows, as the input asks", {},
                    "INTERRUPTED");
            }
        }
        return result();
    }

  private:
    void take(std::string_view row) {
        std::string fault;
        const auto product = parse_product(row, fault);
        ++progress_.rows;
        if (product) return add(progress_.categories, *product);
        const std::string where = "row " + std::to_string(progress_.rows) + " of batch " + batch_.batch_id();
        if (batch_.failure_strategy() == "fail_fast")
            throw tasker::PermanentError(where + ": " + fault, "BAD_ROW");
        if (progress_.errors.size() < kMaxErrors) progress_.errors.push_back(where + ": " + fault);
    }

    // Durable when it returns. A worker that is told to stop leaves here: the step goes on elsewhere, uncharged.
    void save() const {
        if (!batch_.save_checkpoint(file_.position(), progress_.rows, progress_))
            throw tasker::StopRequested(tasker::StopReason::LeaseLost);
        context_.logger().debug("checkpoint", {{"row", progress_.rows}, {"byte", file_.position()}});
        context_.throw_if_stopped();
    }

    tasker::StepHandlerResult result() const {
        tasker::BatchWorkerOutcome outcome;
        outcome.items_processed = progress_.rows;
        outcome.items_failed = failed();
        outcome.last_cursor = file_.position();
        outcome.results = {{"categories", progress_.categories},
                           {"resumed_from_row", resumed_from_},
                           {"rows_read", progress_.rows - resumed_from_}};
        outcome.errors = progress_.errors;
        if (failed() == 0) return outcome.to_step_result();
        return outcome.partial_failure(std::to_string(failed()) + " rows cannot be used");
    }
    std::int64_t failed() const {
        std::int64_t good = 0;
        for (const auto& [name, total] : progress_.categories) good += total.products;
        return progress_.rows - good;
    }

    const tasker::StepContext& context_;
    const tasker::BatchWorkerContext batch_;
    CsvFile file_;
    const std::int64_t rows_per_checkpoint_;
    const std::optional<std::int64_t> interrupt_at_;
    Progress progress_;
    const std::int64_t resumed_from_;
};

}  // namespace

tasker::StepHandlerResult AnalyzeCsv::call(tasker::StepContext& context) {
    const auto path = context.require_input<std::string>("path");
    const auto rows_per_batch = positive_config(context, "rows_per_batch", 200);
    CsvFile file(path);
    const auto header = file.next_row(file.bytes());
    if (header && *header != kHeader)
        throw tasker::PermanentError("the first line of '" + path + "' is not " + std::string(kHeader),
                                     "BAD_HEADER");

    std::vector<tasker::CursorConfig> cursors;
    std::int64_t rows = 0, start = file.position();
    const auto end_batch = [&](std::int64_t items) {
        const auto number = std::to_string(cursors.size() + 1);
        cursors.push_back({std::string(number.size() < 3 ? 3 - number.size() : 0, '0') + number, start,
                           file.position(), static_cast<std::uint32_t>(items)});
        start = file.position();
    };
    while (file.next_row(file.bytes())) {
        if (++rows % rows_per_batch == 0) end_batch(rows_per_batch);
        if (rows % kRowsBetweenPolls == 0) context.throw_if_stopped();
    }
    if (rows % rows_per_batch != 0) end_batch(rows % rows_per_batch);

    if (cursors.empty()) return no_batches_result("'" + path + "' has no rows");
    return batch_analyzer_success(context.require_config<std::string>("worker_template_name"), cursors, rows,
                                  {{"path", path}, {"bytes", file.bytes()}});
}

tasker::StepHandlerResult ProcessBatch::call(tasker::StepContext& context) {
    if (auto nothing = tasker::handle_no_op_worker(context)) return *nothing;
    return BatchReader(context).run();
}

tasker::StepHandlerResult AggregateTotals::call(tasker::StepContext& context) {
    const auto scenario = tasker::detect_aggregation_scenario(context, kAnalyzer, "process_csv_batch_");
    const json nothing{{"total_processed", 0}, {"total_failed", 0}, {"categories", json::object()}};
    return tasker::aggregate_batch_worker_results(
        scenario, nothing, [](const tasker::AggregationScenario& all) {
            std::map<std::string, CategoryTotal> sums;
            for (const auto& [step, result] : all.batch_results) {
                const auto batch = tasker::require_value(result, "results", step + ".results");
                const auto categories =
                    tasker::require_value<std::map<std::string, CategoryTotal>>(batch, "categories");
                for (const auto& [name, total] : categories) add(sums[name], total);
            }
            json total = tasker::aggregate_batch_results(all);
            total["categories"] = sums;
            return total;
        });
}

}  // namespace csv_batch
