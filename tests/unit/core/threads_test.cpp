#include <doctest/doctest.h>
#include <pthread.h>
#include <signal.h>

#include <array>
#include <atomic>
#include <string>

#include "host/core/clock.hpp"
#include "host/core/named_thread.hpp"
#include "host/core/wakeup.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/manual_clock.hpp"

using namespace tasker::host;
using namespace std::chrono_literals;

TEST_CASE("Clock: a time is written as RFC 3339 in UTC with milliseconds") {
    CHECK(rfc3339(0) == "1970-01-01T00:00:00.000Z");
    CHECK(rfc3339(1'795'461'614'007) == "2026-11-23T19:20:14.007Z");
    CHECK(rfc3339(-1) == "1969-12-31T23:59:59.999Z");
}

TEST_CASE("Named thread: carries its name and leaves signals to the process") {
    std::array<char, 32> name{};
    sigset_t blocked{};
    NamedThread thread("a-name-that-is-too-long", [&](std::stop_token) {
        pthread_getname_np(pthread_self(), name.data(), name.size());
        pthread_sigmask(SIG_SETMASK, nullptr, &blocked);
    });
    thread.join();
    CHECK(std::string(name.data()) == "a-name-that-is-");
    CHECK(sigismember(&blocked, SIGTERM) == 1);
    CHECK(sigismember(&blocked, SIGPIPE) == 1);
    CHECK(sigismember(&blocked, SIGSEGV) == 0);
}

TEST_CASE("Wakeup: one that comes before the wait is not lost") {
    testing::ManualClock clock;
    Wakeup wakeup(clock);
    wakeup.wake();
    wakeup.wait_until(kNever, {});
    CHECK(true);  // reached at all
}

TEST_CASE("Wakeup: the injected clock ends the wait") {
    testing::ManualClock clock;
    Wakeup wakeup(clock);
    std::atomic<bool> returned{false};
    const std::int64_t due = clock.steady_ms() + 60'000;
    NamedThread thread("waiter", [&](std::stop_token stop) {
        while (clock.steady_ms() < due && !stop.stop_requested()) wakeup.wait_until(due, stop);
        returned = true;
    });
    CHECK_FALSE(returned);
    clock.advance(60'000);
    CHECK(testing::eventually(5s, [&] { return returned.load(); }));
}

TEST_CASE("Wakeup: a stop request ends the wait") {
    testing::ManualClock clock;
    Wakeup wakeup(clock);
    NamedThread thread("waiter", [&](std::stop_token stop) { wakeup.wait_until(kNever, stop); });
    thread.request_stop();
    thread.join();
    CHECK_FALSE(thread.joinable());
}
