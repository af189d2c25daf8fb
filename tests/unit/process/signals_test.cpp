#include "host/process/signals.hpp"

#include <doctest/doctest.h>
#include <signal.h>
#include <unistd.h>

#include <thread>

namespace tasker::host::testing {

namespace {
// The rest of the program keeps its own.
struct SignalMask {
    SignalMask() { pthread_sigmask(SIG_SETMASK, nullptr, &before); }
    ~SignalMask() { pthread_sigmask(SIG_SETMASK, &before, nullptr); }
    sigset_t before{};
};

struct Signals : SignalMask {
    SystemClock clock;
    ProcessSignals signals{clock};
    std::int64_t in(std::int64_t ms) const { return clock.steady_ms() + ms; }
};
constexpr std::int64_t kLong = 60'000;
}  // namespace

TEST_CASE("signals: each is a value, also one that came before anybody waited") {
    Signals f;
    for (const auto& [number, value] :
         {std::pair{SIGTERM, ServerSignal::Terminate}, std::pair{SIGINT, ServerSignal::Interrupt},
          std::pair{SIGHUP, ServerSignal::Hangup}, std::pair{SIGUSR1, ServerSignal::Status},
          std::pair{SIGUSR2, ServerSignal::Upgrade}}) {
        ::kill(::getpid(), number);
        CHECK(f.signals.next(f.in(0)) == value);
    }
    CHECK(f.signals.next(f.in(0)) == std::nullopt);
}

TEST_CASE("signals: one call of wake() ends one wait, before it or during it, and hides no signal") {
    Signals f;
    f.signals.wake();
    CHECK(f.signals.next(f.in(kLong)) == std::nullopt);
    CHECK(f.signals.next(f.in(1)) == std::nullopt);
    f.signals.wake();
    ::kill(::getpid(), SIGHUP);
    CHECK(f.signals.next(f.in(kLong)) == ServerSignal::Hangup);
    CHECK(f.signals.next(f.in(kLong)) == std::nullopt);  // what was waked for is still to be looked at
    for (int round = 0; round < 100; ++round) {
        const std::jthread other([&] { f.signals.wake(); });
        CHECK(f.signals.next(f.in(kLong)) == std::nullopt);
    }
    INFO("a terminal whose size changes says nothing");
    ::kill(::getpid(), SIGWINCH);
    ::kill(::getpid(), SIGTERM);
    CHECK(f.signals.next(f.in(kLong)) == ServerSignal::Terminate);
}

TEST_CASE("signals: nothing that a plugin could close is waited for") {
    const SignalMask mask;
    const int before = ::dup(0);
    ::close(before);
    const SystemClock clock;
    ProcessSignals signals(clock);
    CHECK(signals.next(clock.steady_ms() + 1) == std::nullopt);
    const int after = ::dup(0);
    ::close(after);
    CHECK(after == before);
}

}  // namespace tasker::host::testing
