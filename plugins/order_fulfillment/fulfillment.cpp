#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <map>
#include <string>

#include "handlers.hpp"

namespace order_fulfillment {
namespace {

using tasker::json;

// The same for every attempt of a step, different for every step.
std::string stable_id(const char* prefix, const tasker::StepContext& context) {
    const auto key = context.idempotency_key();
    constexpr std::size_t kTail = 12;  // the last group of a UUID
    return std::string(prefix) + std::string(key.substr(key.size() - std::min(kTail, key.size())));
}

// What the input asks to go wrong: the first `fail_times` attempts.
bool asked_to_fail(const json& wishes, const std::string& path, const tasker::StepContext& context) {
    const auto times = tasker::get_value_or(wishes, "fail_times", std::int64_t{0}, path + ".fail_times");
    return std::int64_t{context.attempt()} <= times;
}

using Object = std::map<std::string, json>;

json wishes_of(const tasker::StepContext& context, std::string_view key) {
    return context.get_input<Object>(key).value_or(Object{});
}

std::string money(std::int64_t cents, const std::string& currency) {
    char text[32];
    std::snprintf(text, sizeof text, "%lld.%02lld ", static_cast<long long>(cents / 100),
                  static_cast<long long>(cents % 100));
    return text + currency;
}

}  // namespace

tasker::StepHandlerResult ReserveInventory::call(tasker::StepContext& context) {
    const auto items = context.require_dependency_field<std::vector<json>>("validate_order", "items");
    if (asked_to_fail(wishes_of(context, "inventory"), "inventory", context)) {
        throw tasker::RetryableError(
            "the warehouse does not answer (attempt " + std::to_string(context.attempt()) + ")", {},
            "INVENTORY_UNAVAILABLE");
    }
    const json stock = context.get_config<Object>("stock").value_or(Object{});
    json held = json::array();
    for (const auto& item : items) {
        const auto sku = tasker::require_value<std::string>(item, "sku");
        const auto wanted = tasker::require_value<std::int64_t>(item, "quantity");
        const auto left = tasker::get_value_or(stock, sku, std::int64_t{0}, "stock." + sku);
        if (wanted > left) {
            throw tasker::PermanentError("'" + sku + "' is out of stock: " + std::to_string(wanted) +
                                             " wanted, " + std::to_string(left) + " left",
                                         "OUT_OF_STOCK", {{"sku", sku}});
        }
        held.push_back({{"sku", sku}, {"quantity", wanted}});
    }
    return success({{"reservation_id", stable_id("RSV-", context)},
                    {"items", std::move(held)},
                    {"attempt", context.attempt()}});
}

tasker::StepHandlerResult AuthorizePayment::call(tasker::StepContext& context) {
    const auto total = context.require_dependency_field<std::int64_t>("validate_order", "total_cents");
    const auto payment = wishes_of(context, "payment");
    if (tasker::get_value_or(payment, "decline", false, "payment.decline")) {
        throw tasker::PermanentError("the payment was declined", "PAYMENT_DECLINED",
                                     {{"amount_cents", total}});
    }
    const auto amount = tasker::get_value_or(payment, "amount_cents", total, "payment.amount_cents");
    if (amount < 0) {
        throw tasker::PermanentError("payment.amount_cents " + std::to_string(amount) + " is negative",
                                     "NEGATIVE_AMOUNT");
    }
    if (amount != total) {
        throw tasker::PermanentError("payment.amount_cents is " + std::to_string(amount) +
                                         ", the order's total is " + std::to_string(total),
                                     "AMOUNT_MISMATCH");
    }
    if (asked_to_fail(payment, "payment", context)) {
        throw tasker::RetryableError(
            "the bank does not answer (attempt " + std::to_string(context.attempt()) + ")", {},
            "PAYMENT_UNAVAILABLE");
    }
    return success({{"authorization_id", stable_id("AUT-", context)},
                    {"amount_cents", amount},
                    {"currency", context.require_dependency_field("validate_order", "currency")},
                    {"attempt", context.attempt()}});
}

tasker::StepHandlerResult ShipOrder::call(tasker::StepContext& context) {
    const auto reservation =
        context.require_dependency_field<std::string>("reserve_inventory", "reservation_id");
    const auto authorization =
        context.require_dependency_field<std::string>("authorize_payment", "authorization_id");
    const auto units =
        context.require_dependency_field<std::int64_t>("validate_order", "units");  // two steps back
    const auto per_package = context.get_config_or("items_per_package", std::int64_t{1});
    if (per_package < 1) {
        throw tasker::PermanentError("config 'items_per_package' must be at least 1", "INVALID_CONFIG");
    }
    const auto tracking = stable_id("TRK-", context);
    context.logger().info("shipped", {{"tracking_number", tracking}, {"reservation_id", reservation}});
    return success({{"tracking_number", tracking},
                    {"carrier", context.get_config_or("carrier", "unknown")},
                    {"packages", (units - 1) / per_package + 1},
                    {"reservation_id", reservation},
                    {"authorization_id", authorization}});
}

tasker::StepHandlerResult NotifyCustomer::call(tasker::StepContext& context) {
    const auto order = context.require_dependency_result("validate_order");
    const auto email = tasker::require_value<std::string>(order, "customer_email");
    const auto tracking = context.require_dependency_field<std::string>("ship_order", "tracking_number");
    const auto amount = context.require_dependency_field<std::int64_t>("authorize_payment", "amount_cents");
    const auto currency = context.require_dependency_field<std::string>("authorize_payment", "currency");
    const auto message = "Order " + tasker::require_value<std::string>(order, "order_id") +
                         " is on its way as " + tracking + "; " + money(amount, currency) + " charged";
    return success({{"notified", email}, {"message", message}});
}

}  // namespace order_fulfillment
