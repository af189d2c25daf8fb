#pragma once
// What operators and readers of events ask of the engine: reads through lent connections, changes through the writer.

#include <memory>

#include "host/engine/read_pool.hpp"
#include "host/engine/store_writer.hpp"

namespace tasker::host {

class EmbeddedOperators final : public DlqClient, public AnalyticsClient, public EventQueue {
  public:
    EmbeddedOperators(const EngineOptions& options, const Clock& clock,
                      std::shared_ptr<PinnedTemplates> pinned, std::shared_ptr<ReadPool> readers,
                      std::shared_ptr<StoreWriter> writer);

    std::optional<Refused> act_on_step(const Uuid& task_uuid, const Uuid& step_uuid,
                                       const StepAction& action);
    PruneReport prune(const PruneOptions& options);

    // DlqClient
    std::vector<DlqEntry> list(const DlqFilter& filter) override;
    std::optional<DlqEntry> find_by_task(const Uuid& task_uuid) override;
    std::optional<Refused> update(const Uuid& entry_uuid, const DlqUpdate& update) override;
    std::vector<DlqStats> stats() override;
    std::vector<DlqQueueItem> investigation_queue(std::int64_t limit) override;
    std::vector<WatchedTask> staleness(std::int64_t limit) override;

    // AnalyticsClient
    Performance performance(int hours) override;
    Bottlenecks bottlenecks(int limit, int min_executions) override;

    // EventQueue
    EventPage list(const std::string& namespace_name, std::int64_t after, int limit) override;
    std::optional<Refused> acknowledge(const std::string& namespace_name, std::int64_t up_to,
                                       std::int64_t& deleted) override;
    std::vector<EventCount> counts() override;

  private:
    template <class Read>
    auto read(Read&& use);
    // Through the writer; durable on return.
    std::optional<Refused> change(std::function<std::optional<Refused>(Orchestrator&)> act);

    const EngineOptions& options_;
    const Clock& clock_;
    const std::int64_t opened_ms_;
    std::shared_ptr<PinnedTemplates> pinned_;
    std::shared_ptr<ReadPool> readers_;
    std::shared_ptr<StoreWriter> writer_;
};

}  // namespace tasker::host
