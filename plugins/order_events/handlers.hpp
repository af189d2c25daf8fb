#pragma once
// An order whose steps tell the world what happened. Which events, after which outcome and how they are delivered, is
// declared in templates/order_events.yaml; the handlers of the first three steps know nothing of it.
//
//   validate_order -> process_payment -> update_inventory -> send_notification
//
// What goes wrong is up to the task's input:
//   "payment": {"decline": true}     payment.failed
//   "inventory": {"fail_times": n}   inventory.updated after each attempt, the failed ones too
//
// Error codes, permanent: EMPTY_ORDER, PAYMENT_DECLINED, MISSING_VALUE, WRONG_TYPE. Retryable: INVENTORY_UNAVAILABLE.

#include <string_view>
#include <tasker/sdk.hpp>

namespace order_events {

// {"order_id", "customer_id", "amount_cents", "items"}
class ValidateOrder : public tasker::StepHandler {
  public:
    static constexpr std::string_view handler_name = "order_events.validate_order";
    static constexpr std::string_view summary = "checks an order";
    static constexpr std::uint64_t capabilities = TASKER_CAP_IDEMPOTENT;
    tasker::StepHandlerResult call(tasker::StepContext& context) override;
};

// {"order_id", "transaction_id", "amount_cents", "method"}
class ProcessPayment : public tasker::StepHandler {
  public:
    static constexpr std::string_view handler_name = "order_events.process_payment";
    static constexpr std::string_view summary = "charges the customer";
    static constexpr std::uint64_t capabilities = TASKER_CAP_IDEMPOTENT;
    tasker::StepHandlerResult call(tasker::StepContext& context) override;
};

// {"order_id", "items", "attempt"}
class UpdateInventory : public tasker::StepHandler {
  public:
    static constexpr std::string_view handler_name = "order_events.update_inventory";
    static constexpr std::string_view summary = "takes the goods out of the stock";
    static constexpr std::uint64_t capabilities = TASKER_CAP_IDEMPOTENT;
    tasker::StepHandlerResult call(tasker::StepContext& context) override;
};

// {"channel", "recipient"}. Emits notification.sent itself, with a payload of its own.
class SendNotification : public tasker::StepHandler {
  public:
    static constexpr std::string_view handler_name = "order_events.send_notification";
    static constexpr std::string_view summary = "tells the customer";
    static constexpr std::uint64_t capabilities = TASKER_CAP_IDEMPOTENT;
    tasker::StepHandlerResult call(tasker::StepContext& context) override;
};

}  // namespace order_events
