#pragma once
// What stands at the two ends of an event: a publisher, which shapes it, and subscribers, which hear it in this process.
//
// A publisher is named by a declaration of the template (`publisher: order_events.payment`). Subscribers hear events of
// delivery mode fast and broadcast; those of mode durable wait in the namespace's queue for a reader:
//
//   curl --unix-socket ~/.local/state/tasker-host/api.sock 'http://localhost/v1/domain_events?namespace=shop&after=0'
//   curl --unix-socket … -X POST -H 'Content-Type: application/json' http://localhost/v1/domain_events/acknowledge
//        -d '{"namespace": "shop", "up_to": 17}'
//
// A reader that remembers the last `sequence` it has handled, and acknowledges afterwards, sees each event at least once.

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <tasker/sdk.hpp>

namespace order_events {

// payment.processed as the accounts want it: amount and currency together, without the way it was paid. Payments of
// nothing are no event. The step's whole result travels with the event, so what is secret must not be in the result.
class PaymentPublisher : public tasker::EventPublisher {
  public:
    static constexpr std::string_view publisher_name = "order_events.payment";
    // The plugin's configuration: [host.plugins.order_events] currency = "EUR"
    explicit PaymentPublisher(const tasker::EventSetup& setup);

    bool should_publish(const tasker::DomainEvent& event) override;
    std::optional<tasker::json> transform_payload(const tasker::DomainEvent& event) override;
    tasker::json additional_metadata(const tasker::DomainEvent& event) override;

  private:
    std::string currency_;
};

// Writes the events of an order into the worker's log. One event at a time, on a thread that delays no step.
class OrderLog : public tasker::EventSubscriber {
  public:
    static constexpr std::string_view subscriber_name = "order_events.order_log";
    static constexpr std::array subscribes_to{"order.*", "notification.*"};
    explicit OrderLog(const tasker::EventSetup& setup) : logger_(setup.logger) {}
    void handle(const tasker::DomainEvent& event) override;

  private:
    const tasker::Logger logger_;
};

// Speaks up when stock could not be taken: inventory.updated comes after failures, too.
class FailureAlarm : public tasker::EventSubscriber {
  public:
    static constexpr std::string_view subscriber_name = "order_events.failure_alarm";
    static constexpr std::array subscribes_to{"inventory.updated"};
    explicit FailureAlarm(const tasker::EventSetup& setup) : logger_(setup.logger) {}
    bool before_handle(const tasker::DomainEvent& event) override { return !event.success; }
    void handle(const tasker::DomainEvent& event) override;

  private:
    const tasker::Logger logger_;
};

}  // namespace order_events
