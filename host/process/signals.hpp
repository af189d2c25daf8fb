#pragma once
// Signals as values, read in one place: the main thread of the server.

#include <cstdint>
#include <optional>
#include <string_view>

#include "host/core/clock.hpp"

namespace tasker::host {

enum class ServerSignal : std::uint8_t { Terminate, Interrupt, Status, Hangup };
std::string_view name(ServerSignal signal);  // SIGTERM, SIGINT, SIGUSR1, SIGHUP

class SignalSource {
  public:
    virtual ~SignalSource() = default;
    // The next signal, or nothing when `due_ms` (steady clock) passed or wake() was called.
    virtual std::optional<ServerSignal> next(std::int64_t due_ms) = 0;
    // From any thread; one call ends one next().
    virtual void wake() = 0;
};

// The process's own. Blocks TERM, INT, USR1 and HUP for this thread and all it starts, and ignores PIPE: make it before
// the first thread. They stay blocked when it is gone, so that a late signal cannot cut the exit short.
class ProcessSignals final : public SignalSource {
  public:
    explicit ProcessSignals(const Clock& clock);
    ~ProcessSignals() override;
    ProcessSignals(const ProcessSignals&) = delete;
    ProcessSignals& operator=(const ProcessSignals&) = delete;

    std::optional<ServerSignal> next(std::int64_t due_ms) override;
    void wake() override;

  private:
    std::optional<ServerSignal> read_signal() const;

    const Clock& clock_;
    int signal_fd_ = -1;
    int wake_fd_ = -1;
};

}  // namespace tasker::host
