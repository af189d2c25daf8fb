#include "host/process/signals.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <string>

#include "host/core/error.hpp"

namespace tasker::host {

namespace {
int checked(int descriptor, const char* what) {
    if (descriptor < 0) throw Error(std::string("cannot make the ") + what + ": " + std::strerror(errno));
    return descriptor;
}

sigset_t our_signals() {
    sigset_t ours;
    sigemptyset(&ours);
    for (const int number : {SIGTERM, SIGINT, SIGUSR1, SIGUSR2, SIGHUP}) sigaddset(&ours, number);
    return ours;
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

ProcessSignals::ProcessSignals(const Clock& clock) : clock_(clock) {
    const sigset_t ours = our_signals();
    pthread_sigmask(SIG_BLOCK, &ours, nullptr);
    struct sigaction ignore {};
    ignore.sa_handler = SIG_IGN;
    sigaction(SIGPIPE, &ignore, nullptr);
    open();
}

void ProcessSignals::open() {
    const sigset_t ours = our_signals();
    signal_fd_ = checked(signalfd(-1, &ours, SFD_CLOEXEC | SFD_NONBLOCK), "signal descriptor");
    wake_fd_ = checked(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "event descriptor");
}

ProcessSignals::~ProcessSignals() {
    close(signal_fd_);
    close(wake_fd_);
}

std::optional<ServerSignal> ProcessSignals::read_signal() const {
    signalfd_siginfo info{};
    if (read(signal_fd_, &info, sizeof info) != static_cast<ssize_t>(sizeof info)) return std::nullopt;
    switch (static_cast<int>(info.ssi_signo)) {
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

std::optional<ServerSignal> ProcessSignals::next(std::int64_t due_ms) {
    for (;;) {
        if (auto signal = read_signal()) return signal;
        std::uint64_t woken = 0;
        if (read(wake_fd_, &woken, sizeof woken) == static_cast<ssize_t>(sizeof woken)) return std::nullopt;
        if (clock_.steady_ms() >= due_ms) return std::nullopt;
        std::array<pollfd, 2> both{{{signal_fd_, POLLIN, 0}, {wake_fd_, POLLIN, 0}}};
        poll(both.data(), both.size(), static_cast<int>(clock_.real_wait(due_ms).count()));
        // A plugin closed descriptors that are not its own: waiting for them would be no waiting.
        if (((both[0].revents | both[1].revents) & POLLNVAL) != 0) open();
    }
}

void ProcessSignals::wake() {
    const std::uint64_t one = 1;
    // A full counter wakes as well, so its error needs no answer.
    static_cast<void>(!write(wake_fd_, &one, sizeof one));
}

}  // namespace tasker::host
