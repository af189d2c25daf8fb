#include "events.hpp"

#include <cstdint>

namespace order_events {

using tasker::json;

PaymentPublisher::PaymentPublisher(const tasker::EventSetup& setup)
    : currency_(tasker::get_value_or(setup.config, "currency", "EUR")) {}

bool PaymentPublisher::should_publish(const tasker::DomainEvent& event) {
    return tasker::require_value<std::int64_t>(event.payload, "amount_cents") > 0;
}

std::optional<json> PaymentPublisher::transform_payload(const tasker::DomainEvent& event) {
    return json{{"order_id", tasker::require_value(event.payload, "order_id")},
                {"transaction_id", tasker::require_value(event.payload, "transaction_id")},
                {"amount",
                 {{"cents", tasker::require_value(event.payload, "amount_cents")}, {"currency", currency_}}}};
}

json PaymentPublisher::additional_metadata(const tasker::DomainEvent& event) {
    const auto amount = tasker::require_value(event.payload, "amount");  // as transform_payload made it
    const auto cents = tasker::require_value<std::int64_t>(amount, "cents");
    return {{"large_payment", cents >= 1'000'000}};
}

void OrderLog::handle(const tasker::DomainEvent& event) {
    logger_.info("event: " + event.name, {{"step", event.step_name}, {"payload", event.payload}});
}

void FailureAlarm::handle(const tasker::DomainEvent& event) {
    logger_.warn("stock was not taken", {{"step", event.step_name},
                                         {"why", tasker::get_value_or(event.payload, "message", "")},
                                         {"tried_again", event.retryable}});
}

}  // namespace order_events
