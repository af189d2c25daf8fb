#pragma once
// A payment over the HTTP API of a payment service:
//
//   validate_payment -> authorize_payment -> capture_payment -> notify_customer
//
// Where the service is and what it asks for is the plugin's configuration, which no template and no result shows:
//
//   [host.plugins.payment_flow.api]
//   base_url = "https://payments.example.com"
//   auth = { type = "bearer", token = "…" }
//
// Each request carries the step's idempotency key, which is the same for all attempts: a payment is made once, however often
// its step is run. What the service answers decides what becomes of the step (tasker/api_response.hpp): 402 is a card that
// was declined and is not tried again; 429 and 503 are, after the Retry-After that they name; a service that is not reached
// is tried again after the template's backoff. See templates/payment_flow.yaml.
//
// Error codes, permanent: INVALID_AMOUNT, INVALID_CURRENCY, PAYMENT_DECLINED, BAD_ANSWER, HTTP_400 and others, BAD_URL,
// MISSING_VALUE, WRONG_TYPE. Retryable: HTTP_429, HTTP_503 and others, CONNECTION_ERROR, REQUEST_TIMEOUT.

#include <string_view>
#include <tasker/api_handler.hpp>
#include <tasker/sdk.hpp>

namespace payment_flow {

// {"order_id", "amount_cents", "currency"}. The card's token is in the task's input only.
class ValidatePayment : public tasker::StepHandler {
  public:
    static constexpr std::string_view handler_name = "payment_flow.validate";
    static constexpr std::string_view summary = "checks a payment before anybody is asked";
    static constexpr std::uint64_t capabilities = TASKER_CAP_IDEMPOTENT;
    tasker::StepHandlerResult call(tasker::StepContext& context) override;
};

// {"authorization_id", "amount_cents", "attempt"}
class AuthorizePayment : public tasker::ApiHandler {
  public:
    static constexpr std::string_view handler_name = "payment_flow.authorize";
    static constexpr std::string_view summary = "has the payment service hold the amount";
    static constexpr std::uint64_t capabilities = ApiHandler::capabilities | TASKER_CAP_IDEMPOTENT;
    using ApiHandler::ApiHandler;
    tasker::StepHandlerResult call(tasker::StepContext& context) override;
};

// The same in one line and a function: a response that is returned becomes success or failure by its status, and the body
// is the result: {"capture_id", "captured_cents"}.
tasker::ApiResponse capture(tasker::StepContext& context, tasker::Api& service,
                            const tasker::json& authorized);
using CapturePayment =
    tasker::api_function<"payment_flow.capture", &capture, tasker::depends<"authorize_payment">>;

// {"message"}
tasker::json notice(const tasker::json& payment, const tasker::json& captured);
using NotifyCustomer = tasker::function_handler<"payment_flow.notify", &notice,
                                                tasker::depends<"validate_payment", "capture_payment">>;

}  // namespace payment_flow
