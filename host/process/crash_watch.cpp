#include "host/process/crash_watch.hpp"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <csignal>
#include <cstddef>

#include "host/core/clock.hpp"
#include "host/core/error.hpp"
#include "host/core/flight_file.hpp"
#include "host/core/random.hpp"
#include "host/process/state_folder.hpp"

namespace tasker::host {

namespace {
constexpr std::array<int, 7> kCrashes{SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGSYS, SIGTRAP};
constexpr int kLastWordsMs = 100;
constexpr std::size_t kStackBytes = std::size_t{64} << 10U;
// Threads of Affine handlers come beside the executor's.
constexpr unsigned kMoreSlots = 64;

// The process has one end: a signal's handler takes no context.
std::atomic<FlightRecorder*> recorder{nullptr};

// A process that dies says why on standard error, which is a pipe now: its reader gets the time to pass that on.
void crashed(int number, siginfo_t* info, void*) {
    if (FlightRecorder* const flight = recorder.load()) {
        const bool by_kernel = info->si_code > 0;
        flight->record_end({number,
                            by_kernel ? reinterpret_cast<std::uintptr_t>(info->si_addr) : std::uintptr_t{0},
                            by_kernel || info->si_pid == ::getpid()});
    }
    ::poll(nullptr, 0, kLastWordsMs);
    // Only now: another thread that crashes meanwhile comes here, and must not end the process before this record is whole.
    std::signal(number, SIG_DFL);
    ::raise(number);
}

// The calling thread handles signals on a stack of its own: one that overflowed has no room for that.
class SignalStack {
  public:
    SignalStack() : memory_(new std::byte[kStackBytes]) {
        stack_t stack{};
        stack.ss_sp = memory_.get();
        stack.ss_size = kStackBytes;
        ::sigaltstack(&stack, nullptr);
    }
    ~SignalStack() {
        stack_t none{};
        none.ss_flags = SS_DISABLE;
        ::sigaltstack(&none, nullptr);
    }
    SignalStack(const SignalStack&) = delete;
    SignalStack& operator=(const SignalStack&) = delete;

  private:
    const std::unique_ptr<std::byte[]> memory_;
};
}  // namespace

CrashWatch::CrashWatch() {
    for (const int number : kCrashes) {
        struct sigaction now {};
        // A sanitizer's or a plugin's own handler knows better.
        if (sigaction(number, nullptr, &now) != 0 || now.sa_handler != SIG_DFL) continue;
        struct sigaction ours {};
        ours.sa_sigaction = crashed;
        ours.sa_flags = SA_SIGINFO | SA_ONSTACK;
        sigaction(number, &ours, nullptr);
    }
}

CrashWatch::~CrashWatch() {
    for (const int number : kCrashes) {
        struct sigaction now {};
        const bool known = sigaction(number, nullptr, &now) == 0;
        if (known && (now.sa_flags & SA_SIGINFO) != 0 && now.sa_sigaction == crashed)
            std::signal(number, SIG_DFL);
    }
}

std::shared_ptr<FlightRecorder> start_flight(const Config& config, const Uuid& session, const Logger& log) {
    FlightRecorderOptions options;
    options.file = flight_folder(state_folder(config)) / session.str();
    options.slots = std::min(2 * config.threads + kMoreSlots, kMaxFlightSlots);
    options.on_thread = [] { return std::make_shared<SignalStack>(); };
    try {
        std::shared_ptr<FlightRecorder> made(new FlightRecorder(std::move(options)),
                                             [](const FlightRecorder* gone) {
                                                 recorder.store(nullptr);
                                                 delete gone;
                                             });
        recorder.store(made.get());
        return made;
    } catch (const Error& error) {
        log.warn("A crash of this process will not be told by its step: " + std::string(error.what()),
                 {{"component", "flight"}, {"operation", "start"}, {"hint", error.hint()}});
        return nullptr;
    }
}

Uuid fresh_session() {
    const SystemClock clock;
    SystemRandom random;
    return UuidGenerator(clock, random).next();
}

void record_exit() noexcept {
    if (FlightRecorder* const flight = recorder.load()) flight->record_end({});
}

void record_exit_of_handler() noexcept {
    FlightRecorder* const flight = recorder.load();
    if (flight != nullptr && flight->is_in_a_call()) flight->record_end({});
}

}  // namespace tasker::host
