#pragma once
// Bridge, subscriber and poller, wired as the seed wires them: what the poller takes is published, and what is published
// runs. Started in this order, stopped in the reverse one; the destructor does that too.

#include <memory>
#include <string>

#include "host/core/clock.hpp"
#include "host/events/event_bridge.hpp"
#include "host/events/event_poller.hpp"
#include "host/logging/logger.hpp"
#include "host/registry/handler_registry.hpp"
#include "host/runtime/runtime.hpp"
#include "host/subscriber/step_execution_subscriber.hpp"

namespace tasker::host {

// Thread-safe once constructed. Nothing runs before start() or the parts' own start().
class EventSystem {
  public:
    // All references outlive it. `events` null: no domain event is published.
    EventSystem(const HandlerRegistry& registry, TaskerRuntime& runtime, const std::string& worker_id,
                const SubscriberOptions& subscriber, const EventPollerConfig& poller, const Logger& log,
                const Clock& clock, std::shared_ptr<DomainEvents> events = nullptr);
    ~EventSystem();
    EventSystem(const EventSystem&) = delete;
    EventSystem& operator=(const EventSystem&) = delete;

    // The subscribers of domain events, the step subscriber, then the poller. Idempotent.
    void start();
    // Poller, subscriber (drains), bridge. Idempotent. Throws Error when the poller's callback does not return.
    DrainReport stop();

    EventBridge& bridge() { return bridge_; }
    StepExecutionSubscriber& subscriber() { return subscriber_; }
    const StepExecutionSubscriber& subscriber() const { return subscriber_; }
    EventPoller& poller() { return poller_; }

  private:
    EventBridge bridge_;
    StepExecutionSubscriber subscriber_;
    EventPoller poller_;
};

}  // namespace tasker::host
