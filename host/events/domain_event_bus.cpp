#include "host/events/domain_event_bus.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <deque>
#include <exception>
#include <stop_token>
#include <utility>

#include "host/model/domain_events.hpp"

namespace tasker::host {

namespace {
std::string what_of(const std::exception_ptr& thrown) {
    try {
        std::rethrow_exception(thrown);
    } catch (const std::exception& error) {
        return error.what();
    } catch (...) {
        return "something that is no std::exception was thrown";
    }
}
}  // namespace

struct DomainEventBus::State {
    struct Subscriber {
        std::uint64_t id = 0;
        std::string name;
        std::vector<std::string> patterns;
        Handle handle;
        std::atomic<bool> ended = false;

        bool wants(const std::string& event) const {
            return !ended.load() &&
                   std::any_of(patterns.begin(), patterns.end(), [&](const std::string& pattern) {
                       return event_name_matches(pattern, event);
                   });
        }
    };

    State(DomainEventBusOptions given, Logger logger) : options(given), log(std::move(logger)) {}

    bool push(Publication& publication) {
        const std::size_t bytes = publication.event->event_json.size();
        if (closed || queue.size() >= options.max_events || queued_bytes + bytes > options.max_bytes)
            return false;
        queued_bytes += bytes;
        queue.push_back(std::move(publication));
        return true;
    }
    bool take(Publication& next, std::vector<std::shared_ptr<Subscriber>>& audience) {
        if (queue.empty()) return false;
        next = std::move(queue.front());
        queue.pop_front();
        queued_bytes -= next.event->event_json.size();
        audience = subscribers;
        return true;
    }
    void run(const std::stop_token& stop);
    void deliver(const Publication& publication, const std::vector<std::shared_ptr<Subscriber>>& audience);
    void complain(const std::string& who, const DomainEvent& event, const std::exception_ptr& thrown);

    const DomainEventBusOptions options;
    const Logger log;
    std::atomic<std::int64_t> delivered = 0, failed = 0, dropped = 0;
    mutable std::mutex mutex;  // guards the rest
    std::condition_variable_any changed;
    std::deque<Publication> queue;
    std::size_t queued_bytes = 0;
    std::vector<std::shared_ptr<Subscriber>> subscribers;
    std::uint64_t last_id = 0;
    bool closed = false;     // takes nothing more
    bool finishing = false;  // the thread ends when the queue is empty
    bool ended = true;       // the thread
};

void DomainEventBus::State::complain(const std::string& who, const DomainEvent& event,
                                     const std::exception_ptr& thrown) {
    ++failed;
    log.error("A subscriber of domain events failed", {{"operation", "deliver"},
                                                       {"subscriber", who},
                                                       {"event_name", event.name},
                                                       {"event_id", event.event_id.str()},
                                                       {"error_message", what_of(thrown)}});
}

// One that throws must not keep the event from the others.
void DomainEventBus::State::deliver(const Publication& publication,
                                    const std::vector<std::shared_ptr<Subscriber>>& audience) {
    const DomainEvent& event = *publication.event;
    for (const auto& subscriber : audience) {
        if (!publication.deliver || !subscriber->wants(event.name)) continue;
        try {
            subscriber->handle(event);
            ++delivered;
        } catch (...) {
            complain(subscriber->name, event, std::current_exception());
        }
    }
    if (!publication.after) return;
    try {
        publication.after();
    } catch (...) {
        complain("after_publish", event, std::current_exception());
    }
}

void DomainEventBus::State::run(const std::stop_token& stop) {
    while (!stop.stop_requested()) {
        Publication next;
        std::vector<std::shared_ptr<Subscriber>> audience;
        {
            std::unique_lock lock(mutex);
            changed.wait(lock, stop, [this] { return !queue.empty() || finishing; });
            if (stop.stop_requested() || !take(next, audience)) break;
        }
        deliver(next, audience);
    }
    const std::scoped_lock lock(mutex);
    ended = true;
    changed.notify_all();
}

DomainEventBus::DomainEventBus(DomainEventBusOptions options, Logger log)
    : options_(options),
      state_(std::make_shared<State>(options, log.with({{"component", "domain_events"}}))) {}

DomainEventBus::~DomainEventBus() { stop(options_.drain_ms); }

Subscription DomainEventBus::subscribe(std::string name, std::vector<std::string> patterns, Handle handle) {
    auto added = std::make_shared<State::Subscriber>();
    added->name = std::move(name);
    added->patterns = std::move(patterns);
    added->handle = std::move(handle);
    const std::scoped_lock lock(state_->mutex);
    added->id = ++state_->last_id;
    state_->subscribers.push_back(added);
    return Subscription([weak = std::weak_ptr<State>(state_), added] {
        added->ended.store(true);
        const auto state = weak.lock();
        if (!state) return;
        const std::scoped_lock inner(state->mutex);
        std::erase(state->subscribers, added);
    });
}

void DomainEventBus::publish(std::vector<Publication> publications) noexcept {
    std::int64_t lost = 0;
    try {
        const std::scoped_lock lock(state_->mutex);
        for (Publication& one : publications) {
            // Where nobody listens there is nothing to miss.
            if (one.deliver && !one.after && state_->subscribers.empty()) continue;
            if (!state_->push(one)) ++lost;
        }
        state_->changed.notify_all();
    } catch (const std::exception& error) {
        ++lost;  // no memory
        state_->log.error("A domain event could not be queued", {{"error_message", error.what()}});
    }
    if (lost == 0) return;
    const std::int64_t before = state_->dropped.fetch_add(lost);
    // The first, and then every thousandth: a flood of events is not to become a flood of records.
    if (before == 0 || before / 1000 != (before + lost) / 1000) {
        state_->log.warn("Domain events are dropped: subscribers are too slow, or the bus has stopped",
                         {{"operation", "publish"}, {"dropped", before + lost}});
    }
}

void DomainEventBus::start() {
    const std::scoped_lock control(control_);
    if (stopped_ || thread_.joinable()) return;
    {
        const std::scoped_lock lock(state_->mutex);
        state_->ended = false;
    }
    thread_ = NamedThread("tw-events", [state = state_](const std::stop_token& stop) { state->run(stop); });
}

void DomainEventBus::stop(std::int64_t timeout_ms) {
    const std::scoped_lock control(control_);
    if (std::exchange(stopped_, true)) return;
    std::size_t left = 0;
    bool ended = true;
    {
        std::unique_lock lock(state_->mutex);
        state_->closed = state_->finishing = true;
        state_->changed.notify_all();
        ended = state_->changed.wait_for(lock, std::chrono::milliseconds{timeout_ms},
                                         [this] { return state_->ended; });
        left = state_->queue.size();
        state_->queue.clear();
        state_->queued_bytes = 0;
    }
    if (left > 0) {
        state_->dropped += static_cast<std::int64_t>(left);
        state_->log.warn("Domain events were not delivered before the stop",
                         {{"operation", "stop"}, {"dropped", left}});
    }
    if (!thread_.joinable()) return;
    thread_.request_stop();
    if (ended) {
        thread_.join();
    } else {
        state_->log.error("A subscriber of domain events does not return; its thread is given up",
                          {{"operation", "stop"}});
        thread_.abandon();
    }
}

DomainEventStats DomainEventBus::stats() const {
    DomainEventStats stats;
    {
        const std::scoped_lock lock(state_->mutex);
        stats.subscribers = state_->subscribers.size();
        stats.waiting = state_->queue.size();
    }
    stats.delivered = state_->delivered.load();
    stats.failed = state_->failed.load();
    stats.dropped = state_->dropped.load();
    return stats;
}

}  // namespace tasker::host
