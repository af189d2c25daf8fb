#pragma once
// Whether an address that a plugin handed over can be read at all: a wild pointer in a descriptor becomes a named
// error instead of the end of the host. It asks the kernel, so it costs a system call: for loading, not for steps.

#include <cstddef>
#include <optional>
#include <string>

#include "host/core/owned_fd.hpp"

namespace tasker::host {

class MemoryProbe {
  public:
    // Throws PluginError when the process has no descriptors left.
    MemoryProbe();
    // Copies `bytes` from the address; false when they are not all readable, `to` is then undefined.
    bool copy(void* to, const void* address, std::size_t bytes) const;
    // The NUL-terminated text there; nothing when it is not readable or longer than `max_bytes`.
    std::optional<std::string> text(const char* address, std::size_t max_bytes) const;

  private:
    OwnedFd reader_, writer_;
};

}  // namespace tasker::host
