// simulate [--steps N] [--seed S] [--run STEPS] [--from STEP] [--expect-fault]: simulated runs, one for
// each seed from S on, of STEPS steps, until N steps are done. A broken rule is told with its seed and step; with that
// --seed, --from prints the trace from a step on. --expect-fault: succeeds when a rule is broken (a fault was planted).

#include <chrono>
#include <cinttypes>
#include <cstdio>
#include <cstring>
#include <string>

#include "tests/simulation/run.hpp"

using namespace tasker::host::simulation;

namespace {
struct Arguments {
    std::uint64_t steps = 100'000, seed = 1, run = 1500, from = kNoTrace;
    bool only_one = false, expect_fault = false;
};

bool parse(int argc, char** argv, Arguments& arguments) {
    for (int i = 1; i < argc; ++i) {
        const std::string name = argv[i];
        if (name == "--expect-fault") {
            arguments.expect_fault = true;
            continue;
        }
        if (i + 1 >= argc) return false;
        const std::uint64_t value = std::strtoull(argv[++i], nullptr, 10);
        if (name == "--steps") {
            arguments.steps = value;
        } else if (name == "--seed") {
            arguments.seed = value;
        } else if (name == "--run") {
            arguments.run = value;
        } else if (name == "--from") {
            arguments.from = value;
            arguments.only_one = true;
        } else {
            return false;
        }
    }
    return arguments.run > 0;
}

void report(const Result& result, std::uint64_t run) {
    std::printf("seed %" PRIu64 ", step %" PRIu64 ": %s\n", result.seed, result.step,
                result.violation.c_str());
    for (const std::string& line : result.last) std::printf("  %s\n", line.c_str());
    std::printf("again: simulate --seed %" PRIu64 " --run %" PRIu64 " --from %" PRIu64 "\n", result.seed, run,
                result.step > 100 ? result.step - 100 : 0);
}
}  // namespace

int main(int argc, char** argv) {
    Arguments arguments;
    if (!parse(argc, argv, arguments)) {
        std::fprintf(stderr,
                     "usage: simulate [--steps N] [--seed S] [--run STEPS] [--from STEP] [--expect-fault]\n");
        return 2;
    }
    const auto begun = std::chrono::steady_clock::now();
    std::uint64_t done = 0, runs = 0, hash = 0;
    Counts all;
    for (std::uint64_t seed = arguments.seed; done < arguments.steps; ++seed) {
        const Result result = run(seed, arguments.run, arguments.from);
        done += result.step;
        ++runs;
        hash = hash * 0x100000001b3U ^ result.hash;
        all.deaths += result.counts.deaths;
        all.restarts += result.counts.restarts;
        all.submissions += result.counts.submissions;
        all.deliveries += result.counts.deliveries;
        all.answers += result.counts.answers;
        all.audits += result.counts.audits;
        if (!result.violation.empty()) {
            report(result, arguments.run);
            if (!arguments.expect_fault) return 1;
            std::printf("the planted fault was found after %" PRIu64 " steps\n", done);
            return 0;
        }
        if (arguments.only_one) break;
    }
    const auto seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
    std::printf("%" PRIu64 " steps of %" PRIu64 " runs in %.1f s: %" PRIu64 " submissions, %" PRIu64
                " steps handed out, %" PRIu64 " answers, %" PRIu64 " deaths, %" PRIu64 " restarts, %" PRIu64
                " audits of the store\ntrace %016" PRIx64 "\n",
                done, runs, seconds, all.submissions, all.deliveries, all.answers, all.deaths, all.restarts,
                all.audits, hash);
    if (arguments.expect_fault) std::printf("the planted fault was not found\n");
    return arguments.expect_fault ? 1 : 0;
}
