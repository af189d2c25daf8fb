#pragma once
// Publishers of domain events: what stands between a declaration of a template (`publishes_events`, `publisher: NAME`) and
// the event. Named beside the handlers: TASKER_PLUGIN("org.example.pay", "1.0.0", Charge, MaskedPayment).
//
//   class MaskedPayment : public tasker::EventPublisher {
//     public:
//       static constexpr std::string_view publisher_name = "payments.masked";
//       std::optional<tasker::json> transform_payload(const tasker::DomainEvent& event) override {
//           auto payload = event.payload;
//           payload["card"] = "****";
//           return payload;
//       }
//   };
//
// or in one line, returning the payload to publish, or nothing for no event:
//
//   using Amount = tasker::publisher_function<"payments.amount", [](const tasker::DomainEvent& event)
//       -> std::optional<tasker::json> { return tasker::json{{"amount", event.payload.at("amount")}}; }>;
//
// One instance a worker, constructed from nothing or from a `const EventSetup&`. Its functions are called on several
// threads at once, after the handler and before its result is recorded: they count towards the step's time. What they
// throw skips the event, with a record in the log; the step is never affected.

#include <optional>
#include <string_view>

#include "tasker/domain_event.hpp"

namespace tasker {

class EventPublisher {
  public:
    EventPublisher() = default;
    EventPublisher(const EventPublisher&) = delete;
    EventPublisher& operator=(const EventPublisher&) = delete;
    virtual ~EventPublisher() = default;

    virtual bool should_publish(const DomainEvent&) { return true; }
    // The payload to publish; nullopt: as it is. It must fit the schema of the declaration.
    virtual std::optional<json> transform_payload(const DomainEvent&) { return std::nullopt; }
    // An object whose members join the event's metadata; null: none.
    virtual json additional_metadata(const DomainEvent&) { return nullptr; }
    // The event is made (text, metadata); false: it is not published.
    virtual bool before_publish(const DomainEvent&) { return true; }
    // The step's result, and with it the event, was accepted. One at a time.
    virtual void after_publish(const DomainEvent&) {}
    // Why an event was skipped.
    virtual void on_publish_error(const DomainEvent&, std::string_view) {}
};

template <fixed_string Name, auto Function>
class publisher_function : public EventPublisher {
  public:
    static constexpr std::string_view publisher_name = Name.view();
    // The function is called twice an event: is there to be one, and with which payload.
    bool should_publish(const DomainEvent& event) override { return payload_of(event).has_value(); }
    std::optional<json> transform_payload(const DomainEvent& event) override { return payload_of(event); }

  private:
    static std::optional<json> payload_of(const DomainEvent& event) { return Function(event); }
};

}  // namespace tasker
