#pragma once
// An order from validation to the customer's notice:
//
//   validate_order -> reserve_inventory --+-> ship_order -> notify_customer
//                  -> authorize_payment --+
//
// Amounts are integers in cents. Ids are made from the step's idempotency key, so a repeated attempt answers the same
// ids. What fails, and how, is up to the task's input: see templates/order_fulfillment.yaml.
//
// Error codes, permanent: EMPTY_ORDER, INVALID_QUANTITY, NEGATIVE_AMOUNT, UNKNOWN_SKU, AMOUNT_TOO_LARGE, OUT_OF_STOCK,
// PAYMENT_DECLINED, AMOUNT_MISMATCH, MISSING_VALUE, WRONG_TYPE. Retryable: INVENTORY_UNAVAILABLE, PAYMENT_UNAVAILABLE.

#include <string_view>
#include <tasker/sdk.hpp>

namespace order_fulfillment {

// {"order_id", "customer_email", "currency", "items": [{sku, quantity, line_total_cents}], "total_cents", "units"}
class ValidateOrder : public tasker::StepHandler {
  public:
    static constexpr std::string_view handler_name = "order_fulfillment.validate_order";
    static constexpr std::string_view summary = "checks an order against the catalog and adds it up";
    static constexpr std::uint64_t capabilities = TASKER_CAP_IDEMPOTENT;
    tasker::StepHandlerResult call(tasker::StepContext& context) override;
};

// {"reservation_id", "items": [{sku, quantity}], "attempt"}
class ReserveInventory : public tasker::StepHandler {
  public:
    static constexpr std::string_view handler_name = "order_fulfillment.reserve_inventory";
    static constexpr std::string_view summary = "holds the goods of an order";
    static constexpr std::uint64_t capabilities = TASKER_CAP_IDEMPOTENT;
    tasker::StepHandlerResult call(tasker::StepContext& context) override;
};

// {"authorization_id", "amount_cents", "currency", "attempt"}
class AuthorizePayment : public tasker::StepHandler {
  public:
    static constexpr std::string_view handler_name = "order_fulfillment.authorize_payment";
    static constexpr std::string_view summary = "authorizes the total of an order";
    static constexpr std::uint64_t capabilities = TASKER_CAP_IDEMPOTENT;
    tasker::StepHandlerResult call(tasker::StepContext& context) override;
};

// {"tracking_number", "carrier", "packages", "reservation_id", "authorization_id"}
class ShipOrder : public tasker::StepHandler {
  public:
    static constexpr std::string_view handler_name = "order_fulfillment.ship_order";
    static constexpr std::string_view summary = "hands reserved and paid goods to the carrier";
    static constexpr std::uint64_t capabilities = TASKER_CAP_IDEMPOTENT;
    tasker::StepHandlerResult call(tasker::StepContext& context) override;
};

// {"notified", "message"}
class NotifyCustomer : public tasker::StepHandler {
  public:
    static constexpr std::string_view handler_name = "order_fulfillment.notify_customer";
    static constexpr std::string_view summary = "tells the customer what was shipped and charged";
    static constexpr std::uint64_t capabilities = TASKER_CAP_IDEMPOTENT;
    tasker::StepHandlerResult call(tasker::StepContext& context) override;
};

}  // namespace order_fulfillment
