#include "host/core/wakeup.hpp"

#include <utility>

namespace tasker::host {

Wakeup::Wakeup(const Clock& clock) : clock_(clock) { clock_.attach(*this); }

Wakeup::~Wakeup() { clock_.detach(*this); }

void Wakeup::wake() {
    {
        const std::scoped_lock lock(mutex_);
        woken_ = true;
    }
    changed_.notify_one();
}

void Wakeup::wait_until(std::int64_t due_ms, std::stop_token stop) {
    std::unique_lock lock(mutex_);
    while (!woken_ && !stop.stop_requested() && clock_.steady_ms() < due_ms) {
        // A manual clock wakes us when it is advanced; that also sets woken_, which is a harmless early return.
        changed_.wait_for(lock, stop, clock_.real_wait(due_ms), [this] { return woken_; });
    }
    woken_ = false;
}

}  // namespace tasker::host
