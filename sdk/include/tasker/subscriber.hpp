#pragma once
// Subscribers of domain events inside the worker: of delivery mode fast and broadcast. Named beside the handlers:
// TASKER_PLUGIN("org.example.pay", "1.0.0", Charge, PaymentCounter).
//
//   class PaymentCounter : public tasker::EventSubscriber {
//     public:
//       static constexpr std::string_view subscriber_name = "payments.counter";
//       static constexpr std::array subscribes_to{"payment.*"};  // absent: "*", every event
//       void handle(const tasker::DomainEvent& event) override;
//   };
//
//   using Log = tasker::subscriber_function<"payments.log", "payment.*", [](const tasker::DomainEvent& event) { ... }>;
//
// `*` stands for any run of characters, everything else for itself. One instance a worker, constructed from nothing or
// from a `const EventSetup&`; one event at a time, on the host's thread for them. A slow subscriber delays others and
// may lose events when the queue is full; it never delays a step. What it throws is logged and counted.

#include <array>
#include <string_view>

#include "tasker/domain_event.hpp"

namespace tasker {

class EventSubscriber {
  public:
    EventSubscriber() = default;
    EventSubscriber(const EventSubscriber&) = delete;
    EventSubscriber& operator=(const EventSubscriber&) = delete;
    virtual ~EventSubscriber() = default;

    virtual bool before_handle(const DomainEvent&) { return true; }  // false: not this one
    virtual void handle(const DomainEvent& event) = 0;
    virtual void after_handle(const DomainEvent&) {}                       // it went well
    virtual void on_handle_error(const DomainEvent&, std::string_view) {}  // it threw
};

template <fixed_string Name, fixed_string Pattern, auto Function>
class subscriber_function : public EventSubscriber {
  public:
    static constexpr std::string_view subscriber_name = Name.view();
    static constexpr std::array subscribes_to{Pattern.view()};
    void handle(const DomainEvent& event) override { Function(event); }
};

}  // namespace tasker
