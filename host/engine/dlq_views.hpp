#pragma once
// The dead letter queue as its users see it, and the one change they make. Any thread for what reads.

#include <cstdint>
#include <optional>
#include <vector>

#include "host/engine/pinned_templates.hpp"
#include "host/engine/row_uuid.hpp"
#include "host/engine/sqlite.hpp"
#include "host/model/dlq.hpp"
#include "host/model/task_request.hpp"

namespace tasker::host {

class DlqViews {
  public:
    DlqViews(SqlConnection& reader, const RowUuid& ids) : reader_(reader), ids_(ids) {}

    std::vector<DlqEntry> list(const DlqFilter& filter);
    std::optional<DlqEntry> find_by_task(const UuidRow& task);
    std::vector<DlqStats> stats();
    std::vector<DlqQueueItem> investigation_queue(std::int64_t limit, std::int64_t now_ms);

  private:
    DlqEntry entry(const Statement::Rows& rows) const;

    SqlConnection& reader_;
    const RowUuid& ids_;
};

// On the writing connection, inside a transaction.
std::optional<Refused> update_dlq(SqlConnection& writer, const UuidRow& entry, const DlqUpdate& update,
                                  std::int64_t now_ms);

// When a step of the task was last claimed, answered or went on; 0: never. A task that rests in one state while its steps
// come and go gets on all the same. With `waits` what is nobody's fault counts too: a retry that is on its way, at the time
// it is due, and a step that waits for a worker, now: a long queue is not a task that hangs. `steps`: of its template.
struct Waits {
    bool count = false;
    std::int64_t now_ms = 0;
};
std::int64_t last_activity_ms(SqlConnection& connection, std::int64_t task_id, std::size_t steps,
                              Waits waits);

// The open tasks that staleness detection watches, the worst first.
struct WatchTimes {
    std::int64_t now_ms = 0;
    std::int64_t opened_ms = 0;  // when this host took the store: nothing counts before
};
std::vector<WatchedTask> watched_tasks(SqlConnection& reader, PinnedTemplates& pinned, const RowUuid& ids,
                                       const WatchTimes& times, std::int64_t limit);

}  // namespace tasker::host
