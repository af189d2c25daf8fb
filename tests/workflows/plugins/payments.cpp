// Handlers of the workflows with events (W12), with methods and hints (W21, W22) and around payments (W26-W28).

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <tasker/publisher.hpp>
#include <tasker/sdk.hpp>
#include <tasker/subscriber.hpp>

namespace {
using tasker::json;
using tasker::StepContext;

// ---- W12: an order whose steps publish events ----
using EventValidate = tasker::function_handler<"orders.validate", [](StepContext& context) {
    return json{{"order_id", context.require_input<std::string>("order_id")}, {"validated", true}};
}>;
using EventPay = tasker::function_handler<"orders.pay", [](StepContext& context) {
    if (context.get_input_or("decline", false))
        throw tasker::PermanentError("the card is declined", "DECLINED");
    return json{{"order_id", context.require_input<std::string>("order_id")},
                {"amount", context.require_input<int>("amount")},
                {"card", "4111111111111111"}};
}>;
using EventInventory = tasker::function_handler<"orders.inventory", [] { return json{{"updated", 3}}; }>;
using EventNotify = tasker::function_handler<"orders.notify", [] { return json{{"channel", "email"}}; }>;

class MaskedPayment : public tasker::EventPublisher {
  public:
    static constexpr std::string_view publisher_name = "orders.masked";
    std::optional<json> transform_payload(const tasker::DomainEvent& event) override {
        json payload = event.payload;
        const auto card = payload.value("card", std::string("????"));
        payload["card"] = "****" + card.substr(card.size() - 4);
        return payload;
    }
    json additional_metadata(const tasker::DomainEvent&) override { return {{"masked", true}}; }
};

// ---- W21: one handler, four methods ----
class Payments : public tasker::StepHandler {
  public:
    static constexpr std::string_view handler_name = "payments.methods";
    tasker::StepHandlerResult call(StepContext& context) override { return told("call", context); }
    tasker::StepHandlerResult validate(StepContext& context) { return told("validate", context); }
    tasker::StepHandlerResult process(StepContext& context) { return told("process", context); }
    tasker::StepHandlerResult refund(StepContext& context) { return told("refund", context); }
    static constexpr std::array methods{tasker::Method{"validate", &Payments::validate},
                                        tasker::Method{"process", &Payments::process},
                                        tasker::Method{"refund", &Payments::refund}};

  private:
    static tasker::StepHandlerResult told(std::string_view invoked, const StepContext& context) {
        return success({{"invoked_method", std::string(invoked)},
                        {"asked", std::string(context.method())},
                        {"amount", context.get_input_or("amount", 0)}});
    }
};

// ---- W22: reached by a hint ----
class Hinted : public tasker::StepHandler {
  public:
    static constexpr std::string_view handler_name = "hints.actions";
    tasker::StepHandlerResult call(StepContext& context) override { return told("call", context); }
    tasker::StepHandlerResult execute_action(StepContext& context) { return told("execute_action", context); }
    static constexpr std::array methods{tasker::Method{"execute_action", &Hinted::execute_action}};

  private:
    static tasker::StepHandlerResult told(std::string_view invoked, const StepContext& context) {
        return success(
            {{"invoked_method", std::string(invoked)},
             {"resolver",
              context.event_at("/task_sequence_step/step_definition/handler/resolver").value_or(json())},
             {"chain", context.get_dependency_result_keys().size()}});
    }
};

// ---- W26: a refund as customer success sees it; W27: as payments see it ----
using ValidateRefund = tasker::function_handler<"refund.validate", [](StepContext& context) {
    const auto amount = context.require_input<std::int64_t>("amount_cents");
    if (amount <= 0) throw tasker::ValidationError("a refund must be positive", "BAD_AMOUNT");
    return json{{"payment_id", context.require_input<std::string>("payment_id")}, {"amount_cents", amount}};
}>;
using RefundPolicy = tasker::function_handler<"refund.policy", [](StepContext& context) {
    const auto amount =
        context.require_dependency_field<std::int64_t>("validate_refund_request", "amount_cents");
    const auto days = context.get_input_or("days_since_purchase", 0);
    const auto limit = context.require_config<std::int64_t>("auto_approval_limit_cents");
    if (context.require_config<int>("window_days") < days)
        throw tasker::BusinessLogicError("the refund window is over", "OUTSIDE_OF_WINDOW", {{"days", days}});
    return json{{"needs_approval", limit < amount}};
}>;
using RefundApproval = tasker::function_handler<"refund.approval", [](StepContext& context) {
    const bool needed = context.require_dependency_field<bool>("check_refund_policy", "needs_approval");
    if (!needed) return json{{"approved", true}, {"by", "policy"}};
    if (!context.get_input_or("manager_approves", false))
        throw tasker::BusinessLogicError("the manager did not approve", "NOT_APPROVED");
    return json{{"approved", true}, {"by", "manager"}};
}>;
// Says which task of which namespace goes on; whoever reads the result submits it.
using DelegateRefund = tasker::function_handler<"refund.delegate", [](StepContext& context) {
    const auto request = context.require_dependency_result("validate_refund_request");
    return json{{"namespace", context.require_config<std::string>("target_namespace")},
                {"task", context.require_config<std::string>("target_task")},
                {"correlation_id", std::string(context.correlation_id())},
                {"context", request}};
}>;
using RefundTicket = tasker::function_handler<"refund.ticket", [](StepContext& context) {
    return json{{"ticket", "closed"},
                {"approved_by", context.require_dependency_field<std::string>("get_manager_approval", "by")},
                {"delegated_to",
                 context.require_dependency_field<std::string>("execute_refund_workflow", "namespace")}};
}>;
using RefundEligibility = tasker::function_handler<"gateway.eligibility", [](StepContext& context) {
    return json{{"eligible", true}, {"amount_cents", context.require_input<std::int64_t>("amount_cents")}};
}>;
using RefundGateway = tasker::function_handler<"gateway.refund", [](StepContext& context) {
    if (context.retry_count() < context.get_input_or<std::uint32_t>("gateway_failures", 0))
        throw tasker::ServiceUnavailableError("the gateway is down");
    return json{{"refund_id", "RF-" + context.require_input<std::string>("payment_id")},
                {"key", std::string(context.idempotency_key())},
                {"attempt", context.attempt()}};
}>;
using RefundRecords = tasker::function_handler<"gateway.records",
                                               [](const json& refund) {
                                                   return json{{"recorded", refund.at("refund_id")}};
                                               },
                                               tasker::depends<"process_gateway_refund">>;
using RefundNotify = tasker::function_handler<"gateway.notify", [](StepContext& context) {
    return json{
        {"namespace", std::string(context.namespace_name())},
        {"recorded", context.require_dependency_field<std::string>("update_payment_records", "recorded")}};
}>;

// ---- W28: a card payment, configured for each environment ----
using CardValidate = tasker::function_handler<"card.validate", [](StepContext& context) {
    return json{{"amount", context.require_input<int>("amount")}, {"config", context.step_config()}};
}>;
using CardFraud = tasker::function_handler<"card.fraud", [](StepContext& context) {
    return json{{"score", 7}, {"config", context.step_config()}};
}>;
using CardAuthorize = tasker::function_handler<
    "card.authorize",
    [](const json& payment, const json& fraud) {
        return json{{"authorized", fraud.at("score").get<int>() < 50}, {"amount", payment.at("amount")}};
    },
    tasker::depends<"validate_payment", "check_fraud">>;
using CardCapture = tasker::function_handler<"card.capture",
                                             [](const json& authorized) {
                                                 return json{{"captured", authorized.at("amount")}};
                                             },
                                             tasker::depends<"authorize_payment">>;
using CardConfirm = tasker::function_handler<"card.confirm",
                                             [](const json& capture) {
                                                 return json{{"confirmed", capture.at("captured")}};
                                             },
                                             tasker::depends<"capture_payment">>;

}  // namespace

TASKER_PLUGIN("org.example.flows.payments", "2.1.0", EventValidate, EventPay, EventInventory, EventNotify,
              MaskedPayment, Payments, Hinted, ValidateRefund, RefundPolicy, RefundApproval, DelegateRefund,
              RefundTicket, RefundEligibility, RefundGateway, RefundRecords, RefundNotify, CardValidate,
              CardFraud, CardAuthorize, CardCapture, CardConfirm);
