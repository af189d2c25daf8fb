#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "handlers.hpp"

namespace order_fulfillment {
namespace {

using tasker::json;

struct Item {
    std::string sku;
    std::int64_t quantity = 0;
    std::int64_t unit_price_cents = 0;
};

Item read_item(const json& item, std::size_t index) {
    const std::string path = "items[" + std::to_string(index) + "].";
    return {tasker::require_value<std::string>(item, "sku", path + "sku"),
            tasker::require_value<std::int64_t>(item, "quantity", path + "quantity"),
            tasker::require_value<std::int64_t>(item, "unit_price_cents", path + "unit_price_cents")};
}

void check(const Item& item, const std::vector<std::string>& catalog, std::int64_t max_quantity) {
    if (std::find(catalog.begin(), catalog.end(), item.sku) == catalog.end()) {
        throw tasker::PermanentError("sku '" + item.sku + "' is not in the catalog", "UNKNOWN_SKU",
                                     {{"sku", item.sku}});
    }
    if (item.quantity < 1 || item.quantity > max_quantity) {
        throw tasker::PermanentError("quantity " + std::to_string(item.quantity) + " of '" + item.sku +
                                         "' is not between 1 and " + std::to_string(max_quantity),
                                     "INVALID_QUANTITY", {{"sku", item.sku}});
    }
    if (item.unit_price_cents < 0) {
        throw tasker::PermanentError("unit_price_cents " + std::to_string(item.unit_price_cents) + " of '" +
                                         item.sku + "' is negative",
                                     "NEGATIVE_AMOUNT", {{"sku", item.sku}});
    }
}

}  // namespace

tasker::StepHandlerResult ValidateOrder::call(tasker::StepContext& context) {
    const auto order_id = context.require_input<std::string>("order_id");
    const auto customer = context.require_input("customer");
    const auto email = tasker::require_value<std::string>(customer, "email", "customer.email");
    const auto lines = context.require_input<std::vector<json>>("items");
    const auto catalog = context.require_config<std::vector<std::string>>("catalog");
    const auto max_quantity = context.get_config_or("max_quantity", std::int64_t{1000});
    if (lines.empty()) throw tasker::PermanentError("order '" + order_id + "' has no items", "EMPTY_ORDER");

    json items = json::array();
    std::int64_t total = 0;
    std::int64_t units = 0;
    for (std::size_t i = 0; i < lines.size(); ++i) {
        const Item item = read_item(lines[i], i);
        check(item, catalog, max_quantity);
        std::int64_t line_total = 0;
        if (__builtin_mul_overflow(item.quantity, item.unit_price_cents, &line_total) ||
            __builtin_add_overflow(total, line_total, &total)) {
            throw tasker::PermanentError("the total of order '" + order_id + "' does not fit in 64 bits",
                                         "AMOUNT_TOO_LARGE");
        }
        units += item.quantity;
        items.push_back({{"sku", item.sku}, {"quantity", item.quantity}, {"line_total_cents", line_total}});
    }
    context.logger().info("order is valid", {{"order_id", order_id}, {"total_cents", total}});
    return success({{"order_id", order_id},
                    {"customer_email", email},
                    {"currency", context.get_config_or("currency", "EUR")},
                    {"items", std::move(items)},
                    {"total_cents", total},
                    {"units", units}});
}

}  // namespace order_fulfillment
