#pragma once
// A clock that tests advance by hand; it wakes every thread that waits on it.

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <vector>

#include "host/core/clock.hpp"
#include "host/core/wakeup.hpp"

namespace tasker::host::testing {

class ManualClock final : public Clock {
  public:
    explicit ManualClock(std::int64_t unix_ms = 1'790'000'000'000) : unix_ms_(unix_ms) {}

    // Without a lock: a waiter reads the time under its own, which advance() takes to wake it.
    std::int64_t unix_ms() const override { return unix_ms_.load(); }
    std::int64_t steady_ms() const override { return steady_ms_.load(); }
    // Only a bound for lost wake-ups: advance() wakes the waiters.
    std::chrono::milliseconds real_wait(std::int64_t) const override { return std::chrono::milliseconds{20}; }
    void attach(Wakeup& wakeup) const override {
        const std::scoped_lock lock(mutex_);
        waiters_.push_back(&wakeup);
    }
    void detach(Wakeup& wakeup) const override {
        const std::scoped_lock lock(mutex_);
        std::erase(waiters_, &wakeup);
    }

    void advance(std::int64_t ms) {
        unix_ms_ += ms;
        steady_ms_ += ms;
        wake_all();
    }
    // The wall clock jumps, monotonic time does not.
    void jump_wall(std::int64_t ms) {
        unix_ms_ += ms;
        wake_all();
    }

  private:
    void wake_all() {
        const std::scoped_lock lock(mutex_);
        for (Wakeup* waiter : waiters_) waiter->wake();
    }

    mutable std::mutex mutex_;
    mutable std::vector<Wakeup*> waiters_;
    std::atomic<std::int64_t> unix_ms_;
    std::atomic<std::int64_t> steady_ms_ = 1'000'000;
};

}  // namespace tasker::host::testing
