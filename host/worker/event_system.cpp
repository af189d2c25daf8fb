#include "host/worker/event_system.hpp"

#include <utility>

#include "host/core/error.hpp"

namespace tasker::host {

namespace {
constexpr std::int64_t kPollerStopMs = 5000;
}

EventSystem::EventSystem(const HandlerRegistry& registry, TaskerRuntime& runtime,
                         const std::string& worker_id, const SubscriberOptions& subscriber,
                         const EventPollerConfig& poller, const Logger& log, const Clock& clock,
                         std::shared_ptr<DomainEvents> events)
    : subscriber_(bridge_, registry, runtime, worker_id, subscriber, log, clock, std::move(events)),
      poller_(runtime, clock, poller, log) {
    poller_.on_step_event([this](const StepEvent& event) { bridge_.step_execution_received.publish(event); });
    poller_.on_revocation([this](const Revocation& revocation) { subscriber_.on_revocation(revocation); });
    poller_.on_error([this, log](const std::string& error) {
        log.error("EventPoller error: " + error,
                  {{"component", "event_poller"}, {"operation", "poll"}, {"error_message", error}});
        bridge_.poller_error.publish(error);
    });
    poller_.on_stopped([this] { bridge_.poller_stopped.publish(); });
}

EventSystem::~EventSystem() = default;

void EventSystem::start() {
    subscriber_.start();
    poller_.start();
}

DrainReport EventSystem::stop() {
    if (!poller_.stop(kPollerStopMs)) {
        throw Error("the event poller did not stop within " + std::to_string(kPollerStopMs) + " ms",
                    "a listener of step:execution:received blocks it; listeners must return at once");
    }
    const DrainReport report = subscriber_.stop();
    bridge_.stop();
    return report;
}

}  // namespace tasker::host
