#pragma once
// Listens for claimed steps on the bridge, has their handlers run, and submits the results: the seed's
// subscriber over a bounded executor. Thread-safe.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "host/core/clock.hpp"
#include "host/events/event_bridge.hpp"
#include "host/logging/logger.hpp"
#include "host/registry/handler_registry.hpp"
#include "host/runtime/runtime.hpp"
#include "host/subscriber/step_executor.hpp"
#include "host/subscriber/subscriber_options.hpp"

namespace tasker::host {

class StepExecutionSubscriber {
  public:
    // All references outlive it. The handlers are shared: one that hangs keeps its handler alive. `events` null: no
    // domain event is published.
    StepExecutionSubscriber(EventBridge& bridge, const HandlerRegistry& registry, TaskerRuntime& runtime,
                            std::string worker_id, SubscriberOptions options, Logger log, const Clock& clock,
                            std::shared_ptr<DomainEvents> events = nullptr);
    ~StepExecutionSubscriber();  // stop()
    StepExecutionSubscriber(const StepExecutionSubscriber&) = delete;
    StepExecutionSubscriber& operator=(const StepExecutionSubscriber&) = delete;

    // Subscribes and tells the runtime how much it may claim. Does nothing when it runs already; once stopped
    // it stays stopped.
    void start();
    // drain(options.drain_timeout_ms), then ends the threads. Idempotent.
    DrainReport stop();
    // No new dispatch: events that did not start go back uncharged, running handlers get `timeout_ms`, what
    // still runs then is handed back. A second call returns the first one's report.
    DrainReport drain(std::int64_t timeout_ms);
    // Ends a drain that waits: what still runs is handed back at once. Callable from any thread.
    void abort_drain();
    // Claims nothing more until resume(), and gives back uncharged what was claimed and has not started; running handlers
    // go on. The runtime was told when it returns. How many handlers run.
    std::size_t pause() { return executor_.pause(); }
    void resume() { executor_.resume(); }
    bool running() const;

    // Also serves the names under which the steps of these templates ask for handlers: what resolvers find, hints and
    // methods that do not exist (their steps fail and say so). Call it with the templates of the start, with those that
    // stored tasks are pinned to, and with those that were read again.
    void offer(const TemplateCatalog& catalog) { executor_.offer(catalog.all()); }
    void offer(const std::vector<std::shared_ptr<const TaskTemplate>>& templates) {
        executor_.offer(templates);
    }
    void on_revocation(const Revocation& revocation) { executor_.revoke(revocation); }
    ExecutorStats stats() const { return executor_.stats(); }
    std::vector<HandlerCounts> handler_counts() const { return executor_.handler_counts(); }
    const std::string& worker_id() const { return worker_id_; }
    const SubscriberOptions& options() const { return options_; }

  private:
    EventBridge& bridge_;
    const std::string worker_id_;
    const SubscriberOptions options_;
    const Logger log_;
    std::mutex control_;  // start and stop exclude each other
    bool started_ = false;
    std::atomic<bool> running_ = false;
    std::optional<DrainReport> drained_;
    const std::shared_ptr<DomainEvents> events_;
    StepExecutor executor_;
    Subscription subscription_;
};

}  // namespace tasker::host
