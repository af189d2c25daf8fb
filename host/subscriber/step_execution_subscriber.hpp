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
    // All references outlive it. The handlers are shared: one that hangs keeps its handler alive.
    StepExecutionSubscriber(EventBridge& bridge, const HandlerRegistry& registry, TaskerRuntime& runtime,
                            std::string worker_id, SubscriberOptions options, Logger log, const Clock& clock);
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
    bool running() const;

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
    StepExecutor executor_;
    Subscription subscription_;
};

}  // namespace tasker::host
