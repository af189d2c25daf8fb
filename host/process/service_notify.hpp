#pragma once
// What a service manager is told over the socket of NOTIFY_SOCKET, in the protocol of sd_notify(3): a datagram of lines
// NAME=value. No library of the manager's is needed, and without one nobody is told.

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

namespace tasker::host {

struct NotifyTarget {
    // Sends one datagram; false when it could not be sent now. Never blocks. Empty: there is no service manager.
    std::function<bool(std::string_view)> tell{};
    std::int64_t watchdog_ms =
        0;                // the manager ends a process that was silent for so long; 0: it does not watch
    std::string fault{};  // why what the environment asks for cannot be done; empty: it can
};

// From NOTIFY_SOCKET (a path, or `@name` for an abstract address), WATCHDOG_USEC and WATCHDOG_PID. `pid`: of this process;
// a watchdog that is meant for another one is none. Pure but for the sockets that `tell` opens, one for each datagram: a
// plugin that closes descriptors that are not its own cannot silence it.
NotifyTarget notify_target(const std::map<std::string, std::string>& environment, std::int64_t pid);

}  // namespace tasker::host
