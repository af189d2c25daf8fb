#pragma once
// What a client of the orchestration may do with tasks. Implemented by the embedded engine; over HTTP for a Tasker
// deployment. Blocking: each call returns when the answer is durable. Thread-safe.

#include <optional>
#include <span>
#include <vector>

#include "host/model/task_request.hpp"
#include "host/model/template_catalog.hpp"

namespace tasker::host {

class TaskClient {
  public:
    virtual ~TaskClient() = default;

    virtual SubmitOutcome create(const TaskRequest& request) = 0;
    // What create() would say to it now, without making anything. Nothing when it would be accepted.
    virtual std::optional<Refused> check(const TaskRequest& request) = 0;
    // Many in few commits; one outcome each, in order. One bad request does not touch the others.
    virtual std::vector<SubmitOutcome> create_batch(std::span<const TaskRequest> requests) = 0;
    virtual std::optional<TaskView> get(const Uuid& task_uuid) = 0;
    virtual std::vector<StepAuditRecord> step_audit(const Uuid& task_uuid, const Uuid& step_uuid) = 0;
    virtual TaskPage list(const TaskFilter& filter) = 0;
    // The task an earlier submission of this key made, for a caller whose answer was lost.
    virtual std::optional<Uuid> find_by_idempotency_key(std::string_view namespace_name,
                                                        std::string_view name, std::string_view version,
                                                        std::string_view key) = 0;
    // What an operator does to a step; what follows for the task happens in the same transaction. Nothing when it was done,
    // else why not (NotFound, or Invalid where the state does not allow it).
    virtual std::optional<Refused> act_on_step(const Uuid& task_uuid, const Uuid& step_uuid,
                                               const StepAction& action) = 0;
    // Nothing when it was cancelled, else why not (NotFound, or Invalid for a finished task).
    virtual std::optional<Refused> cancel(const Uuid& task_uuid) = 0;
};

}  // namespace tasker::host
