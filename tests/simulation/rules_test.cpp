// The simulation itself: it repeats, and it tells a broken rule.

#include <doctest/doctest.h>

#include "tests/simulation/run.hpp"

using namespace tasker::host::simulation;

TEST_CASE("the same seed makes the same trace, another seed another") {
    const Result first = run(7, 800), again = run(7, 800), other = run(8, 800);
    CHECK(first.violation == "");
    CHECK(first.hash == again.hash);
    CHECK(first.counts.deliveries == again.counts.deliveries);
    CHECK(first.hash != other.hash);
}

TEST_CASE("a run hands out steps, answers them and survives deaths") {
    Counts all;
    for (std::uint64_t seed = 20; seed < 26; ++seed) {
        const Result result = run(seed, 600);
        CHECK_MESSAGE(result.violation == "", "seed ", seed, " step ", result.step);
        all.deaths += result.counts.deaths;
        all.deliveries += result.counts.deliveries;
        all.submissions += result.counts.submissions;
    }
    CHECK(all.deaths > 5);
    CHECK(all.deliveries > 500);
    CHECK(all.submissions > 100);
}
