#pragma once
// What the service manager knows of a server: when it is ready, reads again, stops, and that its main loop still turns.
// Not thread-safe: the main thread's.

#include <cstdint>
#include <string>
#include <string_view>

#include "host/core/clock.hpp"
#include "host/process/service_notify.hpp"

namespace tasker::host {

class ServiceReport {
  public:
    ServiceReport(NotifyTarget target, const Clock& clock) : target_(std::move(target)), clock_(clock) {}

    // Each with a line for people, shown by `systemctl status`; from ready() on the watchdog is fed.
    void ready(std::string_view status);
    void reloading();
    void reloaded(std::string_view status) { ready(status); }
    void stopping(std::string_view status);
    void failed(std::string_view why);

    // When turn() has something to do, in milliseconds of the steady clock; kNever for nothing.
    std::int64_t due_ms() const;
    // Call it on each turn of the main loop, and from nowhere else: that it is called is what the watchdog is told. Sends
    // again what could not be sent.
    void turn();
    const std::string& fault() const { return target_.fault; }

  private:
    void tell(std::string state);
    void fed();

    NotifyTarget target_;
    const Clock& clock_;
    std::string unsent_;         // the newest state that the manager does not know yet
    std::int64_t retry_ms_ = 0;  // valid with unsent_
    bool watched_ = false;
    std::int64_t alive_from_ms_ = 0, alive_until_ms_ = 0;  // when to say so next; valid while watched_
};

}  // namespace tasker::host
