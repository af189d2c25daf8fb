#pragma once
// Tasks, steps and their history as clients see them. Reads one snapshot through a lent connection; any thread.

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "host/core/clock.hpp"
#include "host/engine/engine.hpp"
#include "host/engine/pinned_templates.hpp"
#include "host/engine/row_uuid.hpp"
#include "host/engine/task_graph.hpp"
#include "host/model/task_request.hpp"

namespace tasker::host {

class TaskViews {
  public:
    TaskViews(SqlConnection& connection, PinnedTemplates& pinned, const RowUuid& ids, const Clock& clock)
        : connection_(connection), pinned_(pinned), ids_(ids), clock_(clock) {}

    std::optional<TaskView> get(const Uuid& task_uuid);
    // Newest first. The total is exact up to kMaxCounted, then it stays there.
    TaskPage list(const TaskFilter& filter);
    std::vector<StepAuditRecord> audit(const Uuid& task_uuid, const Uuid& step_uuid);
    std::optional<Uuid> find_identity(std::string_view identity);
    void count(StoreInfo& info);
    std::vector<QueueDepth> queues();

    static constexpr std::int64_t kMaxCounted = 100'000;
    static constexpr int kMaxPerPage = 1000;

  private:
    struct Row;
    std::optional<Row> row(std::int64_t task_id);
    TaskView view(const Row& row, bool with_steps);
    void add_steps(TaskView& view, const Row& row, const TaskTemplate& definition, bool with_steps);
    void add_rows(TaskView& view, const Row& row, const TaskTemplate& definition, const TaskGraph* graph,
                  std::size_t first, Statement::Rows rows, bool with_steps);
    std::string result_of(std::int64_t step_id);
    std::optional<std::string> name_of_step(const Row& task, std::int64_t step_id);

    SqlConnection& connection_;
    PinnedTemplates& pinned_;
    const RowUuid& ids_;
    const Clock& clock_;
};

}  // namespace tasker::host
