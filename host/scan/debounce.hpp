#pragma once
// When something that happens in bursts has come to rest. Pure; times are milliseconds of one monotonic clock.

#include <algorithm>
#include <cstdint>

#include "host/core/wakeup.hpp"

namespace tasker::host {

class Debounce {
  public:
    // Due `quiet_ms` after the last event, and `at_most_ms` after the first one whatever goes on.
    Debounce(std::int64_t quiet_ms, std::int64_t at_most_ms) : quiet_ms_(quiet_ms), at_most_ms_(at_most_ms) {}

    void event(std::int64_t now_ms) {
        last_ms_ = now_ms;
        first_ms_ = std::min(first_ms_, now_ms);
    }
    bool pending() const { return first_ms_ != kNever; }
    // kNever when nothing has happened.
    std::int64_t due_ms() const {
        return pending() ? std::min(last_ms_ + quiet_ms_, first_ms_ + at_most_ms_) : kNever;
    }
    // It was dealt with.
    void clear() { first_ms_ = last_ms_ = kNever; }

  private:
    const std::int64_t quiet_ms_, at_most_ms_;
    std::int64_t first_ms_ = kNever, last_ms_ = kNever;
};

}  // namespace tasker::host
