#pragma once
// The dead letter queue as its users see it. Blocking: an update is durable when it returns. Thread-safe.

#include <cstdint>
#include <optional>
#include <vector>

#include "host/model/dlq.hpp"
#include "host/model/task_request.hpp"

namespace tasker::host {

class DlqClient {
  public:
    virtual ~DlqClient() = default;

    // Newest first.
    virtual std::vector<DlqEntry> list(const DlqFilter& filter) = 0;
    // The newest entry of the task.
    virtual std::optional<DlqEntry> find_by_task(const Uuid& task_uuid) = 0;
    // Nothing when it was done, else why not: NotFound, or Invalid when the task has another pending entry.
    virtual std::optional<Refused> update(const Uuid& entry_uuid, const DlqUpdate& update) = 0;
    // One row for each reason that occurs.
    virtual std::vector<DlqStats> stats() = 0;
    // Pending entries, the most urgent first.
    virtual std::vector<DlqQueueItem> investigation_queue(std::int64_t limit) = 0;
    // Open tasks in a state that can be stale: stale ones first, then those near it, longest in their state first. Looks at
    // the 10,000 that are longest in their state.
    virtual std::vector<WatchedTask> staleness(std::int64_t limit) = 0;
};

}  // namespace tasker::host
