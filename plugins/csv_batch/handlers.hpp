#pragma once
// A product list is cut into batches of 200 rows, each batch is added up by a worker of its own, and the sums are added
// up at the end:
//
//   analyze_csv -> process_csv_batch_001 -+-> aggregate_totals
//               -> process_csv_batch_002 -+
//               -> ...                    |
//
// A cursor is a byte of the file. A worker saves its progress every 50 rows. When it fails or its process dies, the next
// attempt goes on from the last checkpoint: at most 49 rows are added up again, none is counted twice, because the sums
// are saved together with the place that they belong to. See templates/csv_batch.yaml.
//
// The path comes from the task's input: whoever may create tasks names a file that the worker reads. No message repeats
// what is in it.
//
// Error codes, permanent: FILE_NOT_FOUND, FILE_UNREADABLE, BAD_HEADER, ROW_TOO_LONG, FILE_CHANGED, BAD_ROW, TOO_LARGE,
// INVALID_CONFIG, MISSING_VALUE, WRONG_TYPE. Retryable: READ_FAILED, INTERRUPTED (asked for by the input).

#include <string_view>
#include <tasker/sdk.hpp>

namespace csv_batch {

// The batches; beside them {"worker_count", "total_items", "batch_metadata": {"path", "bytes"}}.
class AnalyzeCsv : public tasker::BatchAnalyzer {
  public:
    static constexpr std::string_view handler_name = "csv_batch.analyze";
    static constexpr std::string_view summary = "cuts a product list into batches of rows";
    static constexpr std::uint64_t capabilities = TASKER_CAP_IDEMPOTENT | TASKER_CAP_CANCELLABLE;
    tasker::StepHandlerResult call(tasker::StepContext& context) override;
};

// {"items_processed", "items_succeeded", "items_failed", ..., "results": {"categories": {NAME: {"products", "units",
// "value_cents"}}, "resumed_from_row", "rows_read"}}; the last two are about the attempt that came to the end.
class ProcessBatch : public tasker::BatchWorker {
  public:
    static constexpr std::string_view handler_name = "csv_batch.process_batch";
    static constexpr std::string_view summary = "adds up one batch of a product list by category";
    static constexpr std::uint64_t capabilities = TASKER_CAP_IDEMPOTENT | TASKER_CAP_CANCELLABLE;
    tasker::StepHandlerResult call(tasker::StepContext& context) override;
};

// {"total_processed", "total_failed", ..., "categories": {...}, "worker_count", "scenario"}
class AggregateTotals : public tasker::StepHandler {
  public:
    static constexpr std::string_view handler_name = "csv_batch.aggregate_totals";
    static constexpr std::string_view summary = "adds up the sums of all batches";
    static constexpr std::uint64_t capabilities = TASKER_CAP_IDEMPOTENT;
    tasker::StepHandlerResult call(tasker::StepContext& context) override;
};

}  // namespace csv_batch
