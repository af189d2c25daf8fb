#pragma once
// Domain events inside this process: whoever publishes never waits, subscribers run one after the other on a thread of
// the bus ("tw-events"). What does not fit into the queue is dropped and counted: whoever must not miss an event reads
// the durable queue.

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "host/core/named_thread.hpp"
#include "host/events/event_bridge.hpp"
#include "host/logging/logger.hpp"
#include "host/model/domain_event.hpp"

namespace tasker::host {

struct DomainEventBusOptions {
    std::size_t max_events = 1000;
    std::size_t max_bytes = std::size_t{64} << 20U;
    std::int64_t drain_ms = 5000;  // how long stop() waits for what is queued
};

struct DomainEventStats {
    std::size_t subscribers = 0, waiting = 0;
    std::int64_t delivered = 0;  // calls of subscribers that went well
    std::int64_t failed = 0;     // calls that threw
    std::int64_t dropped = 0;    // events that nobody here heard: a full queue, a stopped bus
};

// What an accepted result brings to the bus.
struct Publication {
    std::shared_ptr<const DomainEvent> event;  // never null
    bool deliver = true;                       // to the subscribers
    std::function<void()> after;               // called after them; may be empty
};

// Thread-safe.
class DomainEventBus {
  public:
    using Handle = std::function<void(const DomainEvent&)>;

    explicit DomainEventBus(DomainEventBusOptions options = {}, Logger log = {});
    ~DomainEventBus();  // stop(options.drain_ms)
    DomainEventBus(const DomainEventBus&) = delete;
    DomainEventBus& operator=(const DomainEventBus&) = delete;

    // `*` in a pattern stands for any run of characters, all else for itself. `name` is for the log. Once the
    // subscription has ended, no new call begins; one that runs may still be running.
    [[nodiscard]] Subscription subscribe(std::string name, std::vector<std::string> patterns, Handle handle);

    // Returns at once; never throws. From any thread.
    void publish(std::vector<Publication> publications) noexcept;

    // Idempotent. What was published before is delivered, too. Does nothing once stopped.
    void start();
    // Delivers what is queued, for at most `timeout_ms`; the rest is dropped. A subscriber that does not return by then
    // keeps its thread, which is given up. Idempotent.
    void stop(std::int64_t timeout_ms);
    void stop() { stop(options_.drain_ms); }

    DomainEventStats stats() const;

  private:
    struct State;

    const DomainEventBusOptions options_;
    // Shared with the thread, which may have to be given up, and with subscriptions.
    const std::shared_ptr<State> state_;
    std::mutex control_;  // start and stop exclude each other
    bool stopped_ = false;
    NamedThread thread_;
};

}  // namespace tasker::host
