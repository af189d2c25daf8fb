#include "handlers.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <string>
#include <utility>

namespace payment_flow {

using tasker::json;

// What validate_payment answers.
struct Payment {
    std::string order_id, currency;
    std::int64_t amount_cents = 0;
};
TASKER_FIELDS(Payment, order_id, currency, amount_cents)

namespace {

tasker::ApiHeaders idempotency(const tasker::StepContext& context) {
    return {{"Idempotency-Key", std::string(context.idempotency_key())}};
}

// An id of the service that becomes a part of a path must not lead anywhere else.
std::string checked_id(const std::string& id) {
    const bool plain = std::all_of(id.begin(), id.end(), [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
               c == '-';
    });
    if (id.empty() || !plain)
        throw tasker::PermanentError("the payment service answered with an odd authorization_id",
                                     "BAD_ANSWER");
    return id;
}

}  // namespace

tasker::StepHandlerResult ValidatePayment::call(tasker::StepContext& context) {
    const auto payment = context.input_as<Payment>();
    if (payment.amount_cents < 1) {
        throw tasker::PermanentError(
            "input 'amount_cents' must be positive, found " + std::to_string(payment.amount_cents),
            "INVALID_AMOUNT");
    }
    const bool letters = std::all_of(payment.currency.begin(), payment.currency.end(),
                                     [](char c) { return c >= 'A' && c <= 'Z'; });
    if (payment.currency.size() != 3 || !letters) {
        throw tasker::PermanentError("input 'currency' must be three capital letters, like EUR",
                                     "INVALID_CURRENCY");
    }
    static_cast<void>(context.require_input<std::string>("card_token"));
    return success({{"order_id", payment.order_id},
                    {"amount_cents", payment.amount_cents},
                    {"currency", payment.currency}});
}

tasker::StepHandlerResult AuthorizePayment::call(tasker::StepContext& context) {
    const auto payment = context.require_dependency_result<Payment>("validate_payment");
    auto service = api(context);
    const auto response = service.post("/v1/authorizations",
                                       {{"reference", payment.order_id},
                                        {"amount_cents", payment.amount_cents},
                                        {"currency", payment.currency},
                                        {"card_token", context.require_input<std::string>("card_token")}},
                                       idempotency(context));
    if (response.status_code == 402) {
        const auto reason = tasker::get_value_or(response.body, "reason", "no reason given");
        throw tasker::BusinessLogicError("the card was declined: " + reason, "PAYMENT_DECLINED",
                                         {{"status_code", 402}, {"amount_cents", payment.amount_cents}});
    }
    if (!response.ok()) return tasker::api_failure(response);
    const auto id = checked_id(tasker::require_value<std::string>(response.body, "authorization_id"));
    context.logger().info("authorized", {{"authorization_id", id}, {"attempt", context.attempt()}});
    return tasker::api_success(response, json{{"authorization_id", id},
                                              {"amount_cents", payment.amount_cents},
                                              {"attempt", context.attempt()}});
}

tasker::ApiResponse capture(tasker::StepContext& context, tasker::Api& service, const json& authorized) {
    const auto id = checked_id(tasker::require_value<std::string>(authorized, "authorization_id"));
    return service.post("/v1/authorizations/" + id + "/capture",
                        {{"amount_cents", tasker::require_value<std::int64_t>(authorized, "amount_cents")}},
                        idempotency(context));
}

json notice(const json& payment, const json& captured) {
    const auto cents = captured.at("captured_cents").get<std::int64_t>();
    char amount[32];
    std::snprintf(amount, sizeof amount, "%lld.%02lld", static_cast<long long>(cents / 100),
                  static_cast<long long>(cents % 100));
    return {{"message", "Order " + payment.at("order_id").get<std::string>() + ": " + amount + " " +
                            payment.at("currency").get<std::string>() + " charged (" +
                            captured.at("capture_id").get<std::string>() + ")"}};
}

}  // namespace payment_flow
