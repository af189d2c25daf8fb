#pragma once
// Work cut into batches: an analyzer says how (template step of type `batchable`), one worker runs each batch
// (`batch_worker`, instances load_001, load_002, ...), an aggregator gathers the results (`deferred_convergence`).
//
//   using Analyze = tasker::batch_analyzer_function<"csv.analyze", "load", [](const tasker::json& rows) {
//       return tasker::BatchConfig{.total_items = rows.get<int>(), .batch_size = 200};
//   }, tasker::inputs<"rows">>;
//
//   class Load : public tasker::BatchWorker {
//     public:
//       static constexpr std::string_view handler_name = "csv.load";
//       tasker::StepHandlerResult call(tasker::StepContext& context) override {
//           if (auto nothing = tasker::handle_no_op_worker(context)) return *nothing;
//           const tasker::BatchWorkerContext batch(context);
//           auto done = static_cast<std::int64_t>(batch.items_processed());
//           for (auto row = batch.position(); row < batch.end_cursor(); ++row) {
//               load(row);
//               if (++done % 1000 == 0 && row + 1 < batch.end_cursor()) return checkpoint_yield(row + 1, done);
//           }
//           return batch_worker_success({.items_processed = done});
//       }
//   };
//
//   using Sum = tasker::aggregator_function<"csv.sum", "analyze", "load_", [](const tasker::AggregationScenario& all) {
//       return tasker::aggregate_batch_worker_results(all);
//   }>;
//
// A worker that dies goes on from its last checkpoint: what it did after that is done again.

#include "tasker/batch_aggregator.hpp"
#include "tasker/batch_analyzer.hpp"
#include "tasker/batch_cursors.hpp"
#include "tasker/batch_worker.hpp"
