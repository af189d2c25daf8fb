#pragma once
// A value that can be reached only under its mutex.

#include <mutex>
#include <utility>

namespace tasker::host {

template <class T>
class Guarded {
  public:
    Guarded() = default;
    explicit Guarded(T value) : value_(std::move(value)) {}

    // Calls `use` with the value while the lock is held. Never call out (plugin, database, bridge) from inside.
    template <class F>
    decltype(auto) with(F&& use) {
        const std::scoped_lock lock(mutex_);
        return std::forward<F>(use)(value_);
    }
    template <class F>
    decltype(auto) with(F&& use) const {
        const std::scoped_lock lock(mutex_);
        return std::forward<F>(use)(value_);
    }

  private:
    mutable std::mutex mutex_;
    T value_{};
};

}  // namespace tasker::host
