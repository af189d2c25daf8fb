// PATCH of a step: what an operator does to it.

#include <array>
#include <variant>

#include "host/api/documents.hpp"
#include "host/api/json_body.hpp"
#include "host/api/route_table.hpp"
#include "host/core/json_view.hpp"
#include "host/core/nearest.hpp"

namespace tasker::host {

namespace {
constexpr std::size_t kMaxReason = 4096, kMaxBy = 256;

struct Faulty {
    std::string message;
};

std::variant<StepAction, Faulty> read_action(const std::string& body) {
    JsonBody fields(body,
                    {"action_type", "reason", "reset_by", "resolved_by", "completed_by", "completion_data"});
    StepAction action;
    const auto kind = fields.text("action_type", 64, true);
    std::string_view by = "reset_by";
    if (kind == "resolve_manually") {
        action.kind = StepAction::Kind::ResolveManually;
        by = "resolved_by";
    } else if (kind == "complete_manually") {
        action.kind = StepAction::Kind::CompleteManually;
        by = "completed_by";
    } else if (kind && kind != "reset_for_retry") {
        const std::vector<std::string> known{"reset_for_retry", "resolve_manually", "complete_manually"};
        return Faulty{"'" + *kind + "' is not an action_type" + did_you_mean(*kind, known) +
                      " (reset_for_retry, resolve_manually, complete_manually)"};
    }
    action.reason = fields.text("reason", kMaxReason, true).value_or("");
    action.by = fields.text(by, kMaxBy, true).value_or("");
    if (action.kind == StepAction::Kind::CompleteManually) {
        const auto data = fields.object("completion_data", true);
        if (data) {
            JsonBody completion(*data, {"result", "metadata"});
            // A result may be null: it is there all the same.
            const auto result = json_member(*data, "result");
            if (!result && completion.fault().empty())
                return Faulty{"the field 'completion_data.result' is missing"};
            action.result_json = std::string(result.value_or("{}"));
            action.metadata_json = completion.object("metadata").value_or("{}");
            if (!completion.fault().empty()) return Faulty{"completion_data: " + completion.fault()};
        }
    }
    if (!fields.fault().empty()) return Faulty{fields.fault()};
    return action;
}

ApiResponse act(const Call& call) {
    const auto task = uuid_argument(call, 0);
    if (!task) return bad_uuid(call.arguments[0]);
    const auto step = uuid_argument(call, 1);
    if (!step) return bad_uuid(call.arguments[1]);
    const auto action = read_action(call.request.body);
    if (const auto* faulty = std::get_if<Faulty>(&action)) return bad_request(faulty->message);
    if (const auto refused =
            call.context.engine.tasks().act_on_step(*task, *step, std::get<StepAction>(action)))
        return refuse(*refused);
    return with_step(call, [](const TaskView&, const StepView& view) {
        return ApiResponse{200, step_document(view)};
    });
}

constexpr std::array kRoutes{
    Route{"PATCH", {"v1", "tasks", "{}", "workflow_steps", "{}"}, act},
};
}  // namespace

RouteTable step_action_routes() { return kRoutes; }

}  // namespace tasker::host
