#pragma once
// What the supervisor says to this process, read on a thread of its own so that the main thread hears it beside signals.

#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "host/core/error.hpp"
#include "host/core/named_thread.hpp"
#include "host/process/signals.hpp"
#include "host/supervisor/control_channel.hpp"

namespace tasker::host {

class ControlInbox {
  public:
    // Takes descriptor 3. Throws CommandFailure (USAGE) when this process was not started by a supervisor.
    ControlInbox(const std::map<std::string, std::string>& environment, SignalSource& signals);
    ~ControlInbox();
    ControlInbox(const ControlInbox&) = delete;
    ControlInbox& operator=(const ControlInbox&) = delete;

    // Nothing when nothing was said.
    std::optional<ControlMessage::Kind> next();
    // The supervisor is gone. When only the channel is lost, it is not: it ends this process by SIGTERM.
    bool orphaned() const;
    // From any thread. What cannot be sent has no reader any more.
    void send(ControlMessage message) const { channel_.send(std::move(message)); }
    // Says that the main thread, which calls it, goes round, when that is due again; gives when it will be (steady clock).
    std::int64_t tell_life(std::int64_t now_ms);
    // Why this process cannot go on, for its supervisor's log.
    void fail(const Error& error) const {
        send({.kind = ControlMessage::Kind::Failed,
              .text = error.what() + (error.hint().empty() ? "" : "; " + error.hint())});
    }

  private:
    void read(const std::stop_token& stop);

    ControlChannel channel_;
    OwnedFd stop_;  // an eventfd
    SignalSource& signals_;
    mutable std::mutex mutex_;
    std::deque<ControlMessage::Kind> heard_;
    bool orphaned_ = false;
    std::int64_t alive_due_ms_ = 0;
    NamedThread thread_;
};

}  // namespace tasker::host
