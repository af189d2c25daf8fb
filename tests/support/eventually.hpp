#pragma once
// Waits for a condition that another thread makes true. Polls with a condition variable's timed wait, so a stuck
// condition ends the test instead of hanging it.

#include <chrono>
#include <condition_variable>
#include <mutex>

namespace tasker::host::testing {

template <class Condition>
bool eventually(std::chrono::milliseconds limit, Condition&& condition) {
    const auto deadline = std::chrono::steady_clock::now() + limit;
    std::mutex mutex;
    std::condition_variable never;
    std::unique_lock lock(mutex);
    while (!condition()) {
        if (std::chrono::steady_clock::now() >= deadline) return false;
        never.wait_for(lock, std::chrono::milliseconds{1});
    }
    return true;
}

}  // namespace tasker::host::testing
