#include "host/process/signals.hpp"

#include <signal.h>
#include <sys/signalfd.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "host/core/error.hpp"

namespace tasker::host {

namespace {
// One that nobody takes for a request: a terminal sends it when its size changes.
constexpr int kWake = SIGWINCH;

sigset_t our_signals() {
    sigset_t ours;
    sigemptyset(&ours);
    for (const int number : {SIGTERM, SIGINT, SIGUSR1, SIGUSR2, SIGHUP}) sigaddset(&ours, number);
    return ours;
}

sigset_t with_wake(sigset_t set) {
    sigaddset(&set, kWake);
    return set;
}

ServerSignal signal_of(int number) {
    switch (number) {
        case SIGTERM:
            return ServerSignal::Terminate;
        case SIGINT:
            return ServerSignal::Interrupt;
        case SIGUSR1:
            return ServerSignal::Status;
        case SIGUSR2:
            return ServerSignal::Upgrade;
        default:
            return ServerSignal::Hangup;
    }
}
}  // namespace

std::string_view name(ServerSignal signal) {
    switch (signal) {
        case ServerSignal::Terminate:
            return "SIGTERM";
        case ServerSignal::Interrupt:
            return "SIGINT";
        case ServerSignal::Status:
            return "SIGUSR1";
        case ServerSignal::Hangup:
            return "SIGHUP";
        case ServerSignal::Upgrade:
            return "SIGUSR2";
    }
    return "?";
}

ProcessSignals::ProcessSignals(const Clock& clock) : clock_(clock), waiter_(pthread_self()) {
    const sigset_t waited = with_wake(our_signals());
    pthread_sigmask(SIG_BLOCK, &waited, nullptr);
    struct sigaction ignore {};
    ignore.sa_handler = SIG_IGN;
    sigaction(SIGPIPE, &ignore, nullptr);
}

std::optional<ServerSignal> ProcessSignals::next(std::int64_t due_ms) {
    waiter_ = pthread_self();
    const sigset_t waited = with_wake(our_signals());
    for (;;) {
        const auto left = woken_ ? std::chrono::milliseconds{0} : clock_.real_wait(due_ms);
        const timespec limit{static_cast<time_t>(left.count() / 1000),
                             static_cast<long>(left.count() % 1000 * 1'000'000)};
        const int number = sigtimedwait(&waited, nullptr, &limit);
        if (number == kWake) continue;  // a signal comes first
        if (number > 0) return signal_of(number);
        if (woken_.exchange(false) || clock_.steady_ms() >= due_ms) return std::nullopt;
    }
}

void ProcessSignals::wake() {
    woken_ = true;
    pthread_kill(waiter_, kWake);
}

int ProcessSignals::signal_fd() {
    if (!signal_fd_) {
        const sigset_t ours = our_signals();
        signal_fd_ = OwnedFd(signalfd(-1, &ours, SFD_CLOEXEC | SFD_NONBLOCK));
        if (!signal_fd_)
            throw Error(std::string("cannot make the signal descriptor: ") + std::strerror(errno));
    }
    return signal_fd_.get();
}

}  // namespace tasker::host
