#pragma once
// Signals as values, read in one place: the main thread of the server.

#include <pthread.h>

#include <atomic>
#include <cstdint>
#include <optional>
#include <string_view>

#include "host/core/clock.hpp"
#include "host/core/owned_fd.hpp"

namespace tasker::host {

enum class ServerSignal : std::uint8_t { Terminate, Interrupt, Status, Hangup, Upgrade };
std::string_view name(ServerSignal signal);  // SIGTERM, SIGINT, SIGUSR1, SIGHUP, SIGUSR2

class SignalSource {
  public:
    virtual ~SignalSource() = default;
    // The next signal, or nothing when `due_ms` (steady clock) passed or wake() was called.
    virtual std::optional<ServerSignal> next(std::int64_t due_ms) = 0;
    // From any thread; one call ends one next().
    virtual void wake() = 0;
};

// The process's own. Blocks TERM, INT, USR1, USR2, HUP and WINCH for this thread and all it starts, and ignores PIPE: make it
// before the first thread. They stay blocked when it is gone, so that a late signal cannot cut the exit short. One thread calls
// next(). It waits without descriptors: a plugin that closes what is not its own leaves a process that can still be ended.
class ProcessSignals final : public SignalSource {
  public:
    explicit ProcessSignals(const Clock& clock);

    std::optional<ServerSignal> next(std::int64_t due_ms) override;
    void wake() override;
    // Readable when next() has something, for a thread that waits for more than signals. Throws Error.
    int signal_fd();

  private:
    const Clock& clock_;
    std::atomic<pthread_t> waiter_;
    std::atomic<bool> woken_ = false;
    OwnedFd signal_fd_;
};

}  // namespace tasker::host
