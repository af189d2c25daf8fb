#include "host/subscriber/step_execution_subscriber.hpp"

#include <utility>

namespace tasker::host {

StepExecutionSubscriber::StepExecutionSubscriber(EventBridge& bridge, const HandlerRegistry& registry,
                                                 TaskerRuntime& runtime, std::string worker_id,
                                                 SubscriberOptions options, Logger log, const Clock& clock,
                                                 std::shared_ptr<DomainEvents> events)
    : bridge_(bridge),
      worker_id_(std::move(worker_id)),
      options_(std::move(options)),
      log_(log.with({{"component", "subscriber"}})),
      events_(std::move(events)),
      executor_(registry, runtime, {worker_id_, options_.worker_hostname}, options_, log, clock, events_) {}

StepExecutionSubscriber::~StepExecutionSubscriber() { stop(); }

void StepExecutionSubscriber::start() {
    const std::scoped_lock control(control_);
    if (started_) return;
    started_ = true;
    running_.store(true);
    if (events_) events_->bus()->start();  // its subscribers before the first step
    subscription_ = bridge_.step_execution_received.subscribe(
        [this](const StepEvent& event) { executor_.accept(event); });
    executor_.start();
}

bool StepExecutionSubscriber::running() const { return running_.load(); }

DrainReport StepExecutionSubscriber::drain(std::int64_t timeout_ms) {
    const std::scoped_lock control(control_);
    if (!started_) return {};
    if (drained_) return *drained_;
    running_.store(false);
    subscription_.reset();
    drained_ = executor_.drain(timeout_ms);
    log_.info("Subscriber drained", {{"operation", "drain"},
                                     {"finished", drained_->finished},
                                     {"handed_back", drained_->handed_back},
                                     {"unstarted", drained_->unstarted}});
    return *drained_;
}

void StepExecutionSubscriber::abort_drain() { executor_.abort_drain(); }

DrainReport StepExecutionSubscriber::stop() {
    const DrainReport report = drain(options_.drain_timeout_ms);
    executor_.stop();
    return report;
}

}  // namespace tasker::host
