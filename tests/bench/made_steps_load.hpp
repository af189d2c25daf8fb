#pragma once
// The engine on graphs that are not four steps in a row: a batch of ten thousand workers, a task of a thousand steps, what
// a decision costs. Prints one JSON line each. The runtime is driven directly, without handlers.

#include <filesystem>

namespace tasker::host::bench {

struct MadeStepsOptions {
    int workers = 10'000;
    int rounds = 5;
    std::filesystem::path dir;
};

void measure_batch_expand(const MadeStepsOptions& options);
void measure_wide_dag(const MadeStepsOptions& options);
void measure_decision(const MadeStepsOptions& options);

}  // namespace tasker::host::bench
