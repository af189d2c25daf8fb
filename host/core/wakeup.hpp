#pragma once
// One thread waits, any thread wakes it. A wake-up before the wait is not lost. The waiter is bounded by a
// deadline on the injected clock and by a stop token, so nothing ever blocks for good.

#include <condition_variable>
#include <cstdint>
#include <limits>
#include <mutex>
#include <stop_token>

#include "host/core/clock.hpp"

namespace tasker::host {

inline constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();

class Wakeup {
  public:
    explicit Wakeup(const Clock& clock);
    ~Wakeup();
    Wakeup(const Wakeup&) = delete;
    Wakeup& operator=(const Wakeup&) = delete;

    void wake();
    // Returns when woken, when the clock's steady time reaches `due_ms`, or when stop is requested.
    void wait_until(std::int64_t due_ms, std::stop_token stop);

  private:
    const Clock& clock_;
    std::mutex mutex_;
    std::condition_variable_any changed_;
    bool woken_ = false;
};

}  // namespace tasker::host
