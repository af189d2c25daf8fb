#pragma once
// A pass of pruning on its way: which slice comes next. Writer thread only.

#include <cstdint>
#include <set>
#include <utility>

#include "host/engine/operations.hpp"

namespace tasker::host {

class Orchestrator;

class PruneJob {
  public:
    explicit PruneJob(const PruneOp& op) : op_(op) { from_index_.first = INT64_MIN; }

    // Does the next slice, inside the transaction in progress. Its effect on the job and the report counts only once
    // committed() is called; after a rollback the same slice comes again.
    void slice(Orchestrator& orchestrator);
    void committed();
    bool done() const { return phase_ == Phase::Done; }
    // Much of the file is free: it is worth to be made smaller.
    bool worth_shrinking() const { return worth_shrinking_; }

    const PruneOp& op() const { return op_; }
    const PruneReport& report() const { return report_; }

  private:
    enum class Phase : std::uint8_t { Tasks, Identities, Index, FreePages, Compacted, Done };

    void tasks(Orchestrator& orchestrator);
    void identities(Orchestrator& orchestrator);
    void index(Orchestrator& orchestrator);
    void free_pages(Orchestrator& orchestrator);
    void compacted(Orchestrator& orchestrator);

    PruneOp op_;
    Phase phase_ = Phase::Tasks, next_phase_ = Phase::Tasks;
    PruneReport report_, next_report_;
    std::int64_t behind_ = 0, next_behind_ = 0;  // row ids
    std::pair<std::int64_t, std::int64_t> from_index_, next_from_index_;
    bool worth_shrinking_ = false;
    std::set<std::int64_t> templates_in_use_;
};

}  // namespace tasker::host
