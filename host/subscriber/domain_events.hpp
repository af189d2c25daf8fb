#pragma once
// From a step's result to its domain events: the rule of model/domain_events, the publishers that templates name, and
// what the bus is told once the result was accepted. Thread-safe.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "host/core/clock.hpp"
#include "host/core/random.hpp"
#include "host/core/uuid.hpp"
#include "host/events/domain_event_bus.hpp"
#include "host/logging/logger.hpp"
#include "host/model/domain_events.hpp"
#include "host/registry/event_extensions.hpp"

namespace tasker::host {

struct PreparedEvents {
    std::vector<DomainEvent> stored;  // durable and broadcast: they travel with the result
    std::vector<Publication>
        publications;  // fast and broadcast, and publishers to be told: for the bus, once accepted
};

// Asked for the ids and the time of `count` events; nothing when the worker is gone.
using EventStamps = std::function<std::vector<EventStamp>(std::size_t count)>;

class DomainEvents {
  public:
    // Registers the subscribers with the bus. Clock and random outlive it.
    DomainEvents(std::shared_ptr<const EventExtensions> extensions, std::shared_ptr<DomainEventBus> bus,
                 const Clock& clock, Random& random, const Logger& log);

    // On the thread that ran the handler, before its result is settled: a publisher that hangs then meets the step's
    // deadline. `ask_publishers` false: events whose publisher is a plugin's are left out (nobody may hang there).
    // Never throws: what goes wrong with an event is a WARN in `log`, and the step goes on.
    PreparedEvents prepare(const StepEvent& event, const StepExecutionResult& result,
                           std::vector<EmittedEvent> emitted, const EventStamps& stamps, const Logger& log,
                           bool ask_publishers = true) const noexcept;
    // Only while clock and random live.
    std::vector<EventStamp> stamps(std::size_t count);

    const std::shared_ptr<DomainEventBus>& bus() const { return bus_; }

  private:
    const std::shared_ptr<const EventExtensions> extensions_;
    const std::shared_ptr<DomainEventBus> bus_;
    const Clock& clock_;
    UuidGenerator uuids_;
    std::vector<Subscription> subscriptions_;
};

}  // namespace tasker::host
