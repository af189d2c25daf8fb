#include "host/core/random.hpp"

#include <sys/random.h>

namespace tasker::host {

std::string Random::hex(std::size_t digits) {
    constexpr char kDigits[] = "0123456789abcdef";
    std::string out;
    while (out.size() < digits) {
        std::uint64_t bits = next();
        for (int digit = 0; digit < 16 && out.size() < digits; ++digit, bits >>= 4U)
            out += kDigits[bits & 15U];
    }
    return out;
}

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
