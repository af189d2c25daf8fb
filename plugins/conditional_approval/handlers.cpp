#include "handlers.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace conditional_approval {

using tasker::json;

// At namespace scope, where the SDK finds what TASKER_FIELDS makes of it.
struct Answer {
    std::optional<bool> approve;
    std::optional<std::string> note;
};
TASKER_FIELDS(Answer, approve, note)

namespace {

// What the input says that somebody answers; whoever is not mentioned approves.
tasker::StepHandlerResult ask(tasker::StepContext& context, const std::string& whom) {
    const auto answer = context.get_input<Answer>(whom).value_or(Answer{});
    json result{{"approved", answer.approve.value_or(true)}, {"approver", whom}};
    if (answer.note) result["note"] = *answer.note;
    return tasker::StepHandlerResult::success(std::move(result));
}

}  // namespace

tasker::StepHandlerResult ValidateRequest::call(tasker::StepContext& context) {
    const auto amount = context.require_input<std::int64_t>("amount");
    if (amount <= 0) {
        throw tasker::PermanentError("input 'amount' must be positive, found " + std::to_string(amount),
                                     "INVALID_AMOUNT");
    }
    return success({{"request_id", context.require_input<std::string>("request_id")},
                    {"requester", context.require_input<std::string>("requester")},
                    {"amount", amount}});
}

tasker::StepHandlerResult RouteRequest::call(tasker::StepContext& context) {
    const auto amount = context.require_dependency_field<std::int64_t>("validate_request", "amount");
    const auto auto_below = context.require_config<std::int64_t>("auto_below");
    const auto finance_from = context.require_config<std::int64_t>("finance_from");
    if (finance_from < auto_below) {  // a schema cannot compare two values
        throw tasker::PermanentError("config 'finance_from' (" + std::to_string(finance_from) +
                                         ") is below 'auto_below' (" + std::to_string(auto_below) + ")",
                                     "INVALID_LIMITS");
    }
    const auto route = [&](const char* path, std::vector<std::string> steps) {
        context.logger().info("routed", {{"amount", amount}, {"approval_path", path}});
        return route_to_steps(std::move(steps), {{"amount", amount}, {"approval_path", path}});
    };
    if (amount < auto_below) return route("auto", {"auto_approve"});
    if (amount < finance_from) return route("manager", {"manager_approval"});
    return route("manager_and_finance", {"manager_approval", "finance_review"});
}

tasker::StepHandlerResult AutoApprove::call(tasker::StepContext&) {
    return success({{"approved", true}, {"approver", "auto"}});
}

tasker::StepHandlerResult AskManager::call(tasker::StepContext& context) { return ask(context, "manager"); }

tasker::StepHandlerResult AskFinance::call(tasker::StepContext& context) { return ask(context, "finance"); }

tasker::StepHandlerResult FinalizeApproval::call(tasker::StepContext& context) {
    // Which of the three there are is what the decision said; the others do not exist in this task.
    const auto decision = tasker::Decision::of(context.require_dependency_result("routing_decision"));
    if (!decision)
        throw tasker::PermanentError("the result of step 'routing_decision' is no decision", "NO_DECISION");
    json approvers = json::array(), rejected_by = json::array();
    for (const auto& step : decision->step_names()) {
        const auto approver = context.require_dependency_field(step, "approver");
        const bool approved = context.require_dependency_field<bool>(step, "approved");
        (approved ? approvers : rejected_by).push_back(approver);
    }
    const bool approved = rejected_by.empty();
    return success({{"request_id", context.require_dependency_field("validate_request", "request_id")},
                    {"approved", approved},
                    {"approval_path", tasker::require_value(decision->routing_context(), "approval_path")},
                    {"approvers", std::move(approvers)},
                    {"rejected_by", std::move(rejected_by)}});
}

}  // namespace conditional_approval
