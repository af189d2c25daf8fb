#pragma once
// Randomness is a dependency, so that a seed replays a run. Thread-safe.

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <random>
#include <string>

namespace tasker::host {

class Random {
  public:
    virtual ~Random() = default;
    virtual std::uint64_t next() = 0;
    // Uniform in [0, bound); 0 for bound 0.
    std::uint64_t below(std::uint64_t bound) { return bound == 0 ? 0 : next() % bound; }
    // That many hexadecimal digits, for what nobody must guess.
    std::string hex(std::size_t digits);
};

// Seeded from the operating system.
class SystemRandom final : public Random {
  public:
    SystemRandom();
    std::uint64_t next() override;

  private:
    std::mutex mutex_;
    std::mt19937_64 engine_;
};

class SeededRandom final : public Random {
  public:
    explicit SeededRandom(std::uint64_t seed) : engine_(seed) {}
    std::uint64_t next() override;

  private:
    std::mutex mutex_;
    std::mt19937_64 engine_;
};

}  // namespace tasker::host
