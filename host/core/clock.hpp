#pragma once
// Time is a dependency. Production passes SystemClock, tests a ManualClock (tests/support/manual_clock.hpp).
// Thread-safe.

#include <chrono>
#include <cstdint>
#include <string>

namespace tasker::host {

class Wakeup;

class Clock {
  public:
    virtual ~Clock() = default;
    // Wall clock, milliseconds since the Unix epoch. For records and for people; may jump.
    virtual std::int64_t unix_ms() const = 0;
    // Monotonic milliseconds from an arbitrary origin, suspend included. For deadlines and timers.
    virtual std::int64_t steady_ms() const = 0;
    // How long a thread may really block when it has nothing to do until `steady_ms` reaches `due_ms`.
    virtual std::chrono::milliseconds real_wait(std::int64_t due_ms) const = 0;
    // A manual clock wakes the attached waiters when it is advanced; the system clock ignores these.
    virtual void attach(Wakeup&) const {}
    virtual void detach(Wakeup&) const {}
};

class SystemClock final : public Clock {
  public:
    std::int64_t unix_ms() const override;
    std::int64_t steady_ms() const override;
    std::chrono::milliseconds real_wait(std::int64_t due_ms) const override;
};

// RFC 3339 in UTC with milliseconds: 2026-11-23T19:20:14.000Z.
std::string rfc3339(std::int64_t unix_ms);

}  // namespace tasker::host
