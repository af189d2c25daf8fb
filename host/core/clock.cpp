#include "host/core/clock.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>

namespace tasker::host {

namespace {
std::int64_t read_ms(clockid_t id) {
    timespec now{};
    clock_gettime(id, &now);
    return std::int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1'000'000;
}
}  // namespace

std::int64_t SystemClock::unix_ms() const { return read_ms(CLOCK_REALTIME); }

std::int64_t SystemClock::steady_ms() const { return read_ms(CLOCK_BOOTTIME); }

std::chrono::milliseconds SystemClock::real_wait(std::int64_t due_ms) const {
    // Bounded, so that a far deadline cannot overflow a timed wait and a missed wake-up heals by itself.
    return std::chrono::milliseconds{std::clamp<std::int64_t>(due_ms - steady_ms(), 0, 60'000)};
}

std::string rfc3339(std::int64_t unix_ms) {
    std::int64_t seconds = unix_ms / 1000;
    std::int64_t millis = unix_ms % 1000;
    if (millis < 0) {
        millis += 1000;
        --seconds;
    }
    const std::time_t when = seconds;
    std::tm parts{};
    gmtime_r(&when, &parts);
    std::array<char, 64> text{};
    const int size = std::snprintf(text.data(), text.size(), "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ",
                                   parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday, parts.tm_hour,
                                   parts.tm_min, parts.tm_sec, static_cast<int>(millis));
    return {text.data(), static_cast<std::size_t>(size)};
}

}  // namespace tasker::host
