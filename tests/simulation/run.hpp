#pragma once
// One run from its seed to its end.

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "tests/simulation/world.hpp"

namespace tasker::host::simulation {

inline constexpr std::uint64_t kNoTrace = std::numeric_limits<std::uint64_t>::max();

struct Result {
    std::uint64_t seed = 0, step = 0, hash = 0;
    Counts counts;
    std::string violation;          // empty: every rule held
    std::vector<std::string> last;  // of the trace, when a rule was broken
};

Result run(std::uint64_t seed, std::uint64_t steps, std::uint64_t print_from = kNoTrace);

}  // namespace tasker::host::simulation
