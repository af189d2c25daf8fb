#pragma once
// What a process uses, as /proc tells it.

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <optional>

namespace tasker::host {

struct ProcessUsage {
    std::uint64_t memory_bytes = 0;  // resident
    std::size_t open_files = 0;
};

// Nothing when the process is gone, or may not be looked at.
std::optional<ProcessUsage> process_usage(pid_t pid);

}  // namespace tasker::host
