#include "handlers.hpp"

using namespace csv_batch;

TASKER_PLUGIN("csv_batch", "1.0.0", AnalyzeCsv, ProcessBatch, AggregateTotals);
