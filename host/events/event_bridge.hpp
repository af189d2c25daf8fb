#pragma once
// Typed publish/subscribe between poller and subscriber: one signal for each of the seed's three events.
// Listeners run on the publishing thread, in the order they subscribed. Thread-safe; a listener may
// unsubscribe itself.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "host/events/event_names.hpp"
#include "host/model/step_event.hpp"

namespace tasker::host {

// Ends the subscription when it is destroyed.
class Subscription {
  public:
    Subscription() = default;
    explicit Subscription(std::function<void()> cancel) : cancel_(std::move(cancel)) {}
    Subscription(Subscription&& other) noexcept : cancel_(std::exchange(other.cancel_, nullptr)) {}
    Subscription& operator=(Subscription&& other) noexcept {
        if (this != &other) {
            reset();
            cancel_ = std::exchange(other.cancel_, nullptr);
        }
        return *this;
    }
    ~Subscription() { reset(); }
    void reset() {
        if (cancel_) std::exchange(cancel_, nullptr)();
    }

  private:
    std::function<void()> cancel_;
};

template <class... Args>
class Signal {
  public:
    using Listener = std::function<void(Args...)>;

    [[nodiscard]] Subscription subscribe(Listener listener) {
        const std::scoped_lock lock(state_->mutex);
        const std::uint64_t id = ++state_->last_id;
        auto next = std::make_shared<Listeners>(*state_->listeners);
        next->emplace(id, std::make_shared<const Listener>(std::move(listener)));
        state_->listeners = std::move(next);
        return Subscription([weak = std::weak_ptr<State>(state_), id] {
            if (const auto state = weak.lock()) {
                const std::scoped_lock inner(state->mutex);
                auto remaining = std::make_shared<Listeners>(*state->listeners);
                remaining->erase(id);
                state->listeners = std::move(remaining);
            }
        });
    }
    void publish(const Args&... args) const {
        const auto current = snapshot();  // a listener may end its own subscription meanwhile
        for (const auto& [id, listener] : *current) (*listener)(args...);
    }
    void clear() {
        const std::scoped_lock lock(state_->mutex);
        state_->listeners = std::make_shared<Listeners>();
    }
    std::size_t listener_count() const { return snapshot()->size(); }

  private:
    using Listeners = std::map<std::uint64_t, std::shared_ptr<const Listener>>;
    // Shared with the subscriptions, which may outlive the signal.
    struct State {
        std::mutex mutex;
        std::uint64_t last_id = 0;
        std::shared_ptr<const Listeners> listeners = std::make_shared<Listeners>();
    };
    std::shared_ptr<const Listeners> snapshot() const {
        const std::scoped_lock lock(state_->mutex);
        return state_->listeners;
    }
    std::shared_ptr<State> state_ = std::make_shared<State>();
};

class EventBridge {
  public:
    Signal<StepEvent> step_execution_received;  // "step:execution:received"
    Signal<std::string> poller_error;           // "poller:error"
    Signal<> poller_stopped;                    // "poller:stopped"

    // Ends every subscription.
    void stop() {
        step_execution_received.clear();
        poller_error.clear();
        poller_stopped.clear();
    }
};

}  // namespace tasker::host
