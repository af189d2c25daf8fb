// Handlers of the workflows of a shop (W5, W23), a pipeline (W24), services (W25), articles (W29) and of typed results (W30).

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "meeting.hpp"

namespace {
using tasker::json;
using tasker::StepContext;

// ---- W5: an order, configured by nested objects ----
using ValidateOrder = tasker::function_handler<"business.validate", [](StepContext& context) {
    const auto items = context.require_input<std::vector<json>>("items");
    const auto rules = context.require_config("rules");
    const auto most = tasker::require_value<std::size_t>(
        tasker::require_value(rules, "limits", "rules.limits"), "items", "rules.limits.items");
    if (items.empty() || most < items.size())
        throw tasker::ValidationError("an order has 1 to " + std::to_string(most) + " items", "BAD_ORDER");
    std::int64_t total = 0;
    for (const auto& item : items) {
        total += tasker::require_value<std::int64_t>(item, "price_cents", "items[].price_cents") *
                 tasker::require_value<std::int64_t>(item, "quantity", "items[].quantity");
    }
    return json{{"total_cents", total}, {"currency", rules.at("currency")}, {"items", items.size()}};
}>;
using ReserveStock = tasker::function_handler<
    "business.reserve",
    [](const json& order) {
        return json{{"reservation", "RSV-" + std::to_string(order.at("items").get<int>())}};
    },
    tasker::depends<"validate_order">>;
using PayOrder =
    tasker::function_handler<"business.pay",
                             [](StepContext& context, const json& order) {
                                 const auto fee = tasker::require_value<std::int64_t>(
                                     context.require_config("gateway"), "fee_cents");
                                 return json{
                                     {"paid_cents", order.at("total_cents").get<std::int64_t>() + fee},
                                     {"time_limit_s",
                                      context.remaining() ? context.remaining()->count() / 1000 : 0}};
                             },
                             tasker::depends<"validate_order">>;
using ShipOrder = tasker::function_handler<"business.ship", [](StepContext& context) {
    return json{
        {"reservation", context.require_dependency_field<std::string>("reserve_inventory", "reservation")},
        {"paid_cents", context.require_dependency_field<std::int64_t>("process_payment", "paid_cents")},
        {"currency", context.require_dependency_field<std::string>("validate_order", "currency")}};
}>;

// ---- W23: a cart ----
struct CartItem {
    std::string sku;
    std::int64_t quantity = 0, price_cents = 0;
};
TASKER_FIELDS(CartItem, sku, quantity, price_cents)
struct Customer {
    std::string email;
    std::optional<std::string> name;
};
TASKER_FIELDS(Customer, email, name)

using ValidateCart = tasker::function_handler<"shop.cart", [](StepContext& context) {
    const auto customer = context.require_input<Customer>("customer");
    std::int64_t total = 0;
    for (const auto& item : context.require_input<std::vector<CartItem>>("cart")) {
        if (item.quantity <= 0)
            throw tasker::ValidationError("a quantity must be positive", "BAD_QUANTITY", {{"sku", item.sku}});
        total += item.quantity * item.price_cents;
    }
    return json{{"total_cents", total}, {"email", customer.email}, {"name", customer.name.value_or("guest")}};
}>;
using CartPayment = tasker::function_handler<"shop.payment",
                                             [](const json& cart) {
                                                 return json{{"paid_cents", cart.at("total_cents")}};
                                             },
                                             tasker::depends<"validate_cart">>;
using CartInventory =
    tasker::function_handler<"shop.inventory",
                             [](const json& paid) {
                                 return json{{"reserved", 0 < paid.at("paid_cents").get<std::int64_t>()}};
                             },
                             tasker::depends<"process_payment">>;
using CartOrder =
    tasker::function_handler<"shop.order",
                             [](StepContext& context, const json& cart) {
                                 return json{
                                     {"order_number", "ORD-" + std::string(context.task_uuid()).substr(0, 8)},
                                     {"total_cents", cart.at("total_cents")}};
                             },
                             tasker::depends<"validate_cart">>;
using CartConfirmation = tasker::function_handler<"shop.confirmation",
                                                  [](const json& cart, const json& order) {
                                                      return json{{"sent_to", cart.at("email")},
                                                                  {"dear", cart.at("name")},
                                                                  {"order_number", order.at("order_number")}};
                                                  },
                                                  tasker::depends<"validate_cart", "create_order">>;

// ---- W24: three sources, extracted side by side ----
using Extract = tasker::function_handler<"pipeline.extract", [](StepContext& context) {
    flows::meet(context, "extracts");
    const auto source = context.require_config<std::string>("source");
    return json{{"source", source}, {"rows", context.require_input("rows").at(source)}};
}>;
using Transform = tasker::function_handler<"pipeline.transform", [](StepContext& context) {
    const auto rows =
        context.require_dependency_field<std::int64_t>(context.require_config<std::string>("of"), "rows");
    return json{{"clean_rows", rows - rows / 10}};
}>;
using Aggregate = tasker::function_handler<"pipeline.aggregate", [](StepContext& context) {
    std::int64_t rows = 0;
    json sources = json::array();
    for (const auto& [step, result] : context.get_all_dependency_results("transform_")) {
        rows += result.at("clean_rows").get<std::int64_t>();
        sources.push_back(step);
    }
    return json{{"rows", rows}, {"sources", sources}};
}>;
using Insights = tasker::function_handler<
    "pipeline.insights",
    [](StepContext& context, const json& all) {
        return json{{"rows", all.at("rows")}, {"ancestors", context.get_dependency_result_keys().size()}};
    },
    tasker::depends<"aggregate_metrics">>;

// ---- W25: services, of which one may be down ----
using CreateUser = tasker::function_handler<"registration.user", [](StepContext& context) {
    return json{{"user_id", "U-" + context.require_input<std::string>("name")},
                {"plan", context.get_input_or("plan", "free")}};
}>;
// Free users go on without billing; for the others it is tried again.
using SetupBilling =
    tasker::function_handler<"registration.billing",
                             [](StepContext& context, const json& user) {
                                 if (user.at("plan") == "free")
                                     return json{{"billing", "skipped"}, {"degraded", true}};
                                 if (context.get_input_or("billing_down", false) && !context.is_retry())
                                     throw tasker::NetworkError("billing does not answer");
                                 return json{{"billing", "ready"}, {"degraded", false}};
                             },
                             tasker::depends<"create_user_account">>;
using Preferences = tasker::function_handler<"registration.preferences", [](StepContext& context) {
    return json{{"preferences", context.get_input_or("preferences", json{{"newsletter", false}})}};
}>;
using Welcome =
    tasker::function_handler<"registration.welcome",
                             [](const json& billing, const json& preferences) {
                                 return json{{"mentions_billing", !billing.at("degraded").get<bool>()},
                                             {"newsletter", preferences.at("preferences").at("newsletter")}};
                             },
                             tasker::depends<"setup_billing_profile", "initialize_preferences">>;
using UserStatus =
    tasker::function_handler<"registration.status",
                             [](StepContext& context, const json& user) {
                                 return json{{"user_id", user.at("user_id")},
                                             {"status", context.require_dependency_field<bool>(
                                                            "setup_billing_profile", "degraded")
                                                            ? "active_free"
                                                            : "active"}};
                             },
                             tasker::depends<"create_user_account">>;

// ---- W29: an article ----
struct Draft {
    std::string title;
    std::int64_t words = 0;
    std::vector<std::string> tags;
};
TASKER_FIELDS(Draft, title, words, tags)
struct Publication {
    std::string slug;
    std::int64_t reading_minutes = 0;
};
TASKER_FIELDS(Publication, slug, reading_minutes)

using WriteDraft = tasker::function_handler<"articles.draft", [](StepContext& context) {
    const auto draft = context.input_as<Draft>();
    return json{{"title", draft.title}, {"words", draft.words}, {"tags", draft.tags}};
}>;
using CheckText = tasker::function_handler<"articles.check", [](StepContext& context) {
    const auto draft = context.require_dependency_result<Draft>("write_draft");
    return json{{"ok", draft.words != 0}, {"checked", std::string(context.step_name())}};
}>;
using PrepareArticle = tasker::function_handler<"articles.prepare", [](StepContext& context) {
    const auto draft = context.require_dependency_result<Draft>("write_draft");
    std::string slug = draft.title;
    for (char& c : slug) c = c == ' ' ? '-' : static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
    return json{{"slug", slug}, {"reading_minutes", (draft.words + 199) / 200}};
}>;
using Distribute = tasker::function_handler<"articles.distribute", [](StepContext& context) {
    const auto article = context.require_dependency_result<Publication>("prepare_article");
    return json{{"to", std::string(context.step_name())}, {"url", "/" + article.slug}};
}>;
using PublishArticle = tasker::function_handler<"articles.publish", [](StepContext& context) {
    json urls = json::object();
    for (const auto& [step, result] : context.get_all_dependency_results("send_"))
        urls[step] = result.at("url");
    return json{{"urls", urls}, {"checks", context.get_all_dependency_results("check_").size()}};
}>;

// ---- W30: results with schemas, read as structs ----
struct Line {
    std::string sku;
    std::int64_t cents = 0;
};
TASKER_FIELDS(Line, sku, cents)
struct Order {
    std::string id;
    std::vector<Line> lines;
};
TASKER_FIELDS(Order, id, lines)
struct Paid {
    std::int64_t cents = 0;
};
TASKER_FIELDS(Paid, cents)

using TypedValidate = tasker::function_handler<"typed.validate", [](StepContext& context) {
    const auto order = context.require_input<Order>("order");
    json lines = json::array();
    for (const auto& line : order.lines) lines.push_back({{"sku", line.sku}, {"cents", line.cents}});
    return json{{"id", order.id}, {"lines", lines}};
}>;
using TypedEnrich = tasker::function_handler<"typed.enrich", [](StepContext& context) {
    json groups = json::array();  // lists in a list
    for (const auto& line : context.require_dependency_result<Order>("validate").lines)
        groups.push_back({line.sku, line.sku + "-copy"});
    return json{{"groups", groups}};
}>;
using TypedPay = tasker::function_handler<"typed.pay", [](StepContext& context) {
    std::int64_t cents = 0;
    for (const auto& line : context.require_dependency_result<Order>("validate").lines) cents += line.cents;
    return json{{"cents", cents}};
}>;
using TypedReport = tasker::function_handler<"typed.report", [](StepContext& context) {
    using Groups = std::vector<std::vector<std::string>>;
    const auto groups = context.require_dependency_field<Groups>("enrich", "groups");
    return json{{"names", groups.size() * groups.at(0).size()},
                {"cents", context.require_dependency_result<Paid>("pay").cents}};
}>;
using TypedMetrics =
    tasker::function_handler<"typed.metrics",
                             [](const json& report) {
                                 return json{{"average_cents", report.at("cents").get<std::int64_t>() * 2 /
                                                                   report.at("names").get<std::int64_t>()}};
                             },
                             tasker::depends<"report">>;

}  // namespace

TASKER_PLUGIN("org.example.flows.shops", "1.0.0", ValidateOrder, ReserveStock, PayOrder, ShipOrder,
              ValidateCart, CartPayment, CartInventory, CartOrder, CartConfirmation, Extract, Transform,
              Aggregate, Insights, CreateUser, SetupBilling, Preferences, Welcome, UserStatus, WriteDraft,
              CheckText, PrepareArticle, Distribute, PublishArticle, TypedValidate, TypedEnrich, TypedPay,
              TypedReport, TypedMetrics);
