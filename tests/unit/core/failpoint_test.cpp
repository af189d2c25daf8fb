#include "host/core/failpoint.hpp"

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "host/core/error.hpp"
#include "host/core/random.hpp"

using namespace tasker::host;

TEST_CASE("Failpoint: fails at the hit that was asked for, and only there" *
          doctest::skip(!kFailpointsCompiledIn)) {
    arm_failpoints("claim.after_commit=error@2;submit.before_commit=error");
    failpoint("claim.after_commit");
    CHECK_THROWS_AS(failpoint("claim.after_commit"), StoreUnavailable);
    failpoint("claim.after_commit");
    CHECK_THROWS_AS(failpoint("submit.before_commit"), StoreUnavailable);
    CHECK_THROWS_AS(failpoint("submit.before_commit"), StoreUnavailable);
    failpoint("complete.after_commit");
    arm_failpoints("");
    failpoint("submit.before_commit");
}

TEST_CASE("Failpoint: an unknown name or action is refused" * doctest::skip(!kFailpointsCompiledIn)) {
    CHECK_THROWS_AS(arm_failpoints("no.such.place=error"), ConfigError);
    CHECK_THROWS_AS(arm_failpoints("claim.after_commit"), ConfigError);
    CHECK_THROWS_AS(arm_failpoints("claim.after_commit=explode"), ConfigError);
    arm_failpoints("");
}

TEST_CASE("Failpoint: a crash is a kill that nothing can catch" * doctest::skip(!kFailpointsCompiledIn)) {
    const pid_t child = fork();
    if (child == 0) {
        arm_failpoints("complete.before_commit=crash");
        failpoint("complete.before_commit");
        _exit(0);
    }
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    CHECK(WIFSIGNALED(status));
    CHECK(WTERMSIG(status) == SIGKILL);
}

TEST_CASE("Random: a seed replays its run, and below() keeps its bound") {
    SeededRandom first(42);
    SeededRandom second(42);
    for (int i = 0; i < 100; ++i) CHECK(first.next() == second.next());
    for (int i = 0; i < 1000; ++i) REQUIRE(first.below(7) < 7);
    CHECK(first.below(0) == 0);
}
