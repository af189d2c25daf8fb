#pragma once
// Probes: one throw-away process for each plugin file, several at once, each with a deadline. The calling thread does it
// all and needs no other; SIGCHLD must not be ignored in this process. What a plugin does ends with its probe: the process
// group is killed whatever became of its leader.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "host/core/clock.hpp"
#include "host/core/random.hpp"
#include "host/scan/verdict.hpp"

namespace tasker::host {

struct ProbeOptions {
    std::filesystem::path program;         // tasker-plugin-probe
    std::vector<std::string> environment;  // all of it, NAME=value
    std::int64_t deadline_ms = 3000;   // of each; one that is too slow gets a second try with twice as much
    std::int64_t budget_ms = 100'000;  // of a run(): what has not begun then is Unknown
    std::size_t at_once = 2;
};

// The verdict of files[index]; called once for each, in any order.
using OnVerdict = std::function<void(std::size_t index, Verdict verdict)>;

class ProbePool {
  public:
    // The references outlive it.
    ProbePool(ProbeOptions options, const Clock& clock, Random& random);

    // Returns when each file has its verdict. Throws nothing of its own; what `on_verdict` throws ends the probes first.
    void run(const std::vector<std::filesystem::path>& files, const OnVerdict& on_verdict);

  private:
    const ProbeOptions options_;
    const Clock& clock_;
    Random& random_;
};

}  // namespace tasker::host
