#include "host/process/open_files.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <string>

#include "host/core/error.hpp"

namespace tasker::host {

namespace {
// Store, log, lock, socket, signals and wake-ups take about 20, each command that talks to the worker one more, and
// the plugins must find some for themselves.
constexpr rlim_t kNeeded = 64;
constexpr rlim_t kEnough = 1024;
}  // namespace

void ensure_open_files() {
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= kNeeded) return;
    if (limit.rlim_max >= kNeeded) {
        limit.rlim_cur = std::min(limit.rlim_max, kEnough);
        if (setrlimit(RLIMIT_NOFILE, &limit) == 0) return;
    }
    throw BootstrapError("a worker needs " + std::to_string(kNeeded) + " open files, the limit is " +
                             std::to_string(limit.rlim_max),
                         "raise it: ulimit -n 1024, or LimitNOFILE= of a systemd unit");
}

}  // namespace tasker::host
