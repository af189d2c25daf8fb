#include "handlers.hpp"

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace order_events {
namespace {

using tasker::json;
using Object = std::map<std::string, json>;

json wishes_of(const tasker::StepContext& context, std::string_view key) {
    return context.get_input<Object>(key).value_or(Object{});
}

}  // namespace

tasker::StepHandlerResult ValidateOrder::call(tasker::StepContext& context) {
    const auto items = context.require_input<std::vector<std::string>>("items");
    if (items.empty()) throw tasker::ValidationError("input 'items' is empty", "EMPTY_ORDER");
    return success({{"order_id", context.require_input<std::string>("order_id")},
                    {"customer_id", context.require_input<std::string>("customer_id")},
                    {"amount_cents", context.require_input<std::int64_t>("amount_cents")},
                    {"items", items}});
}

tasker::StepHandlerResult ProcessPayment::call(tasker::StepContext& context) {
    const auto order = context.require_dependency_result("validate_order");
    const auto amount = tasker::require_value<std::int64_t>(order, "amount_cents");
    const auto payment = wishes_of(context, "payment");
    if (tasker::get_value_or(payment, "decline", false, "payment.decline")) {
        throw tasker::BusinessLogicError("the payment was declined", "PAYMENT_DECLINED",
                                         {{"amount_cents", amount}});
    }
    const auto key = context.idempotency_key();  // a repeated attempt answers the same transaction
    return success({{"order_id", tasker::require_value(order, "order_id")},
                    {"transaction_id",
                     "TXN-" + std::string(key.substr(key.size() - std::min<std::size_t>(12, key.size())))},
                    {"amount_cents", amount},
                    {"method", tasker::get_value_or(payment, "method", "card", "payment.method")}});
}

tasker::StepHandlerResult UpdateInventory::call(tasker::StepContext& context) {
    const auto order = context.require_dependency_result("validate_order");
    const auto times = tasker::get_value_or(wishes_of(context, "inventory"), "fail_times", std::int64_t{0},
                                            "inventory.fail_times");
    if (std::int64_t{context.attempt()} <= times) {
        throw tasker::ServiceUnavailableError(
            "the warehouse does not answer (attempt " + std::to_string(context.attempt()) + ")", {},
            "INVENTORY_UNAVAILABLE");
    }
    return success({{"order_id", tasker::require_value(order, "order_id")},
                    {"items", tasker::require_value(order, "items")},
                    {"attempt", context.attempt()}});
}

tasker::StepHandlerResult SendNotification::call(tasker::StepContext& context) {
    const auto customer = context.require_dependency_field<std::string>("validate_order", "customer_id");
    const auto channel = context.get_config_or("channel", "email");
    // Published if and only if this step's result is accepted, and by the declaration of its name.
    context.emit_event(
        "notification.sent",
        {{"recipient", customer},
         {"channel", channel},
         {"transaction_id", context.require_dependency_field("process_payment", "transaction_id")}});
    return success({{"channel", channel}, {"recipient", customer}});
}

}  // namespace order_events
