#pragma once
// Signals as values, read in one place: the main thread of the server.

#include <atomic>
#include <cstdint>
#include <optional>
#include <string_view>

#include "host/core/clock.hpp"

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

// The process's own. Blocks TERM, INT, USR1, USR2 and HUP for this thread and all it starts, and ignores PIPE: make it before
// the first thread. They stay blocked when it is gone, so that a late signal cannot cut the exit short.
class ProcessSignals final : public SignalSource {
  public:
    explicit ProcessSignals(const Clock& clock);
    ~ProcessSignals() override;
    ProcessSignals(const ProcessSignals&) = delete;
    ProcessSignals& operator=(const ProcessSignals&) = delete;

    std::optional<ServerSignal> next(std::int64_t due_ms) override;
    void wake() override;
    // Readable when next() has something, for a thread that waits for more than signals.
    int signal_fd() const { return signal_fd_; }

  private:
    void open();
    std::optional<ServerSignal> read_signal() const;

    const Clock& clock_;
    // Atomic because of wake(): they are opened again when a plugin has closed them.
    std::atomic<int> signal_fd_{-1}, wake_fd_{-1};
};

}  // namespace tasker::host
