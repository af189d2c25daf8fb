#include "host/core/random.hpp"

#include <sys/random.h>

namespace tasker::host {

SystemRandom::SystemRandom() {
    std::uint64_t seed = 0;
    if (getrandom(&seed, sizeof seed, 0) != static_cast<ssize_t>(sizeof seed)) {
        seed = std::random_device{}();
    }
    engine_.seed(seed);
}

std::uint64_t SystemRandom::next() {
    const std::scoped_lock lock(mutex_);
    return engine_();
}

std::uint64_t SeededRandom::next() {
    const std::scoped_lock lock(mutex_);
    return engine_();
}

}  // namespace tasker::host
