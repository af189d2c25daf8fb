#pragma once
// Who has to approve an expense depends on its amount, and only the steps of those who are asked are made:
//
//   validate_request -> routing_decision -+-> auto_approve -----+-> finalize_approval
//                                         +-> manager_approval -+
//                                         +-> finance_review ---+
//
// A task begins with two steps. The decision makes one or two of the three in the middle, and with them finalize_approval,
// a deferred convergence, which waits for those that were made. See templates/conditional_approval.yaml.
//
// A request that somebody rejects is a result like any other ("approved": false), no failure: a failure is what is tried
// again or looked at by an operator.
//
// Error codes, permanent: INVALID_AMOUNT, INVALID_LIMITS, NO_DECISION, MISSING_VALUE, WRONG_TYPE.

#include <string_view>
#include <tasker/sdk.hpp>

namespace conditional_approval {

// {"request_id", "requester", "amount"}; the amount in whole units of the currency.
class ValidateRequest : public tasker::StepHandler {
  public:
    static constexpr std::string_view handler_name = "conditional_approval.validate_request";
    static constexpr std::string_view summary = "checks an expense request";
    static constexpr std::uint64_t capabilities = TASKER_CAP_IDEMPOTENT;
    tasker::StepHandlerResult call(tasker::StepContext& context) override;
};

// The steps to make, and why: {"routing_context": {"amount", "approval_path"}}.
class RouteRequest : public tasker::DecisionHandler {
  public:
    static constexpr std::string_view handler_name = "conditional_approval.route_request";
    static constexpr std::string_view summary = "decides who approves, by the amount";
    static constexpr std::uint64_t capabilities = TASKER_CAP_IDEMPOTENT;
    // The host checks templates against it when they are loaded, and each step before it is run.
    static constexpr std::string_view config_schema =
        R"({"type": "object", "required": ["auto_below", "finance_from"],
            "properties": {"auto_below": {"type": "integer", "minimum": 0},
                           "finance_from": {"type": "integer", "minimum": 0}}})";
    tasker::StepHandlerResult call(tasker::StepContext& context) override;
};

// {"approved", "approver"}, and the "note" of whoever was asked.
class AutoApprove : public tasker::StepHandler {
  public:
    static constexpr std::string_view handler_name = "conditional_approval.auto_approve";
    static constexpr std::string_view summary = "approves what nobody needs to look at";
    static constexpr std::uint64_t capabilities = TASKER_CAP_IDEMPOTENT;
    tasker::StepHandlerResult call(tasker::StepContext& context) override;
};

// Asks a manager: here the task's input says what she answers ("manager": {"approve", "note"}).
class AskManager : public tasker::StepHandler {
  public:
    static constexpr std::string_view handler_name = "conditional_approval.ask_manager";
    static constexpr std::string_view summary = "asks the manager for approval";
    static constexpr std::uint64_t capabilities = TASKER_CAP_IDEMPOTENT;
    tasker::StepHandlerResult call(tasker::StepContext& context) override;
};

// The same with the input's "finance".
class AskFinance : public tasker::StepHandler {
  public:
    static constexpr std::string_view handler_name = "conditional_approval.ask_finance";
    static constexpr std::string_view summary = "asks the finance department for approval";
    static constexpr std::uint64_t capabilities = TASKER_CAP_IDEMPOTENT;
    tasker::StepHandlerResult call(tasker::StepContext& context) override;
};

// {"request_id", "approved", "approval_path", "approvers": [...], "rejected_by": [...]}
class FinalizeApproval : public tasker::StepHandler {
  public:
    static constexpr std::string_view handler_name = "conditional_approval.finalize_approval";
    static constexpr std::string_view summary = "gathers the approvals that were asked for";
    static constexpr std::uint64_t capabilities = TASKER_CAP_IDEMPOTENT;
    tasker::StepHandlerResult call(tasker::StepContext& context) override;
};

}  // namespace conditional_approval
