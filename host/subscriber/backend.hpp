#pragma once
// The worker as a running handler sees it. A handler that ignores its deadline may outlive the worker; after
// close() it finds nobody home instead of a dangling reference.

#include <mutex>
#include <shared_mutex>
#include <utility>

#include "host/core/clock.hpp"
#include "host/runtime/runtime.hpp"

namespace tasker::host {

class Backend {
  public:
    Backend(TaskerRuntime& runtime, const Clock& clock) : runtime_(&runtime), clock_(&clock) {}

    // Calls `use` unless the worker is gone; whether it did. The runtime's calls return at once, so close()
    // waits briefly.
    template <class F>
    bool with(F&& use) const {
        const std::shared_lock lock(mutex_);
        if (runtime_ == nullptr) return false;
        std::forward<F>(use)(*runtime_, *clock_);
        return true;
    }
    void close() {
        const std::unique_lock lock(mutex_);
        runtime_ = nullptr;
        clock_ = nullptr;
    }

  private:
    mutable std::shared_mutex mutex_;
    TaskerRuntime* runtime_;
    const Clock* clock_;
};

}  // namespace tasker::host
