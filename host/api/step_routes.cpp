#include <array>

#include "host/api/documents.hpp"
#include "host/api/route_table.hpp"

namespace tasker::host {

namespace {
ApiResponse list_steps(const Call& call) {
    const auto uuid = uuid_argument(call, 0);
    if (!uuid) return bad_uuid(call.arguments[0]);
    const auto task = call.context.engine.tasks().get(*uuid);
    if (!task) return no_task(*uuid);
    return {200, steps_document(task->steps)};
}

ApiResponse get_step(const Call& call) {
    return with_step(call, [](const TaskView&, const StepView& step) {
        return ApiResponse{200, step_document(step)};
    });
}

ApiResponse get_audit(const Call& call) {
    return with_step(call, [&](const TaskView& task, const StepView& step) {
        return ApiResponse{
            200, audit_document(call.context.engine.tasks().step_audit(task.task_uuid, step.step_uuid))};
    });
}

constexpr std::array kRoutes{
    Route{"GET", {"v1", "tasks", "{}", "workflow_steps"}, list_steps},
    Route{"GET", {"v1", "tasks", "{}", "workflow_steps", "{}"}, get_step},
    Route{"GET", {"v1", "tasks", "{}", "workflow_steps", "{}", "audit"}, get_audit},
};
}  // namespace

RouteTable step_routes() { return kRoutes; }

}  // namespace tasker::host
