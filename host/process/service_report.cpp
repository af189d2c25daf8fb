#include "host/process/service_report.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "host/core/wakeup.hpp"

namespace tasker::host {

namespace {
constexpr std::int64_t kRetryMs = 1000;

// The protocol has one value a line.
std::string status_line(std::string_view text) {
    std::string out = "STATUS=" + std::string(text);
    std::ranges::replace_if(
        out, [](unsigned char c) { return c < 0x20; }, ' ');
    return out + "\n";
}

// The manager's clock, which is not the one of the deadlines: it stands still while the machine sleeps.
std::string monotonic_microseconds() {
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    return std::to_string(std::chrono::duration_cast<std::chrono::microseconds>(now).count());
}
}  // namespace

void ServiceReport::ready(std::string_view status) {
    watched_ = target_.watchdog_ms > 0;
    fed();
    tell("READY=1\n" + status_line(status));
}

void ServiceReport::reloading() {
    tell("RELOADING=1\nMONOTONIC_USEC=" + monotonic_microseconds() + "\n" +
         status_line("Reading templates and settings again"));
}

void ServiceReport::stopping(std::string_view status) { tell("STOPPING=1\n" + status_line(status)); }

void ServiceReport::failed(std::string_view why) { tell(status_line(why)); }

void ServiceReport::tell(std::string state) {
    if (!target_.tell) return;
    unsent_ = target_.tell(state) ? std::string{} : std::move(state);
    retry_ms_ = clock_.steady_ms() + kRetryMs;
}

std::int64_t ServiceReport::due_ms() const {
    const std::int64_t alive = watched_ ? alive_until_ms_ : kNever;
    return unsent_.empty() ? alive : std::min(alive, retry_ms_);
}

void ServiceReport::turn() {
    const std::int64_t now = clock_.steady_ms();
    if (!unsent_.empty() && now >= retry_ms_) tell(std::exchange(unsent_, {}));
    if (!watched_ || now < alive_from_ms_) return;
    if (target_.tell("WATCHDOG=1\n")) return fed();
    alive_from_ms_ = alive_until_ms_ = now + std::clamp<std::int64_t>(target_.watchdog_ms / 4, 1, kRetryMs);
}

// Next on a turn that comes anyway, if there is one in time: the watchdog by itself wakes nobody up.
void ServiceReport::fed() {
    const std::int64_t now = clock_.steady_ms();
    alive_from_ms_ = now + std::max<std::int64_t>(1, target_.watchdog_ms / 4);
    alive_until_ms_ = now + std::max<std::int64_t>(1, target_.watchdog_ms / 2);
}

}  // namespace tasker::host
