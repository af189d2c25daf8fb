#pragma once
// One end of the socket pair between a supervisor and a child. Never blocks. One thread at a time reads; any may send.

#include <cstdint>
#include <optional>
#include <utility>

#include "host/core/file_identity.hpp"
#include "host/core/owned_fd.hpp"
#include "host/supervisor/control_message.hpp"

namespace tasker::host {

// Where a child finds its end, and the environment variable that tells it the nonce.
constexpr int kControlFd = 3;
constexpr const char* kControlNonce = "TASKER_CONTROL_NONCE";

class ControlChannel {
  public:
    ControlChannel() = default;
    ControlChannel(OwnedFd fd, std::uint64_t nonce);
    // Both close on exec. Throws Error when the system has none to give.
    static std::pair<OwnedFd, OwnedFd> make_pair();

    // False when the other end is gone, or does not read any more, or this one is lost.
    bool send(ControlMessage message) const;
    // The next message that is one, and the other end's own; nothing when there is none at the moment.
    std::optional<ControlMessage> receive();
    // The other end is gone, and everything that it said was read; or it is lost.
    bool closed() const { return closed_; }
    // The descriptor is not this channel's any more: a plugin closed it, and it may be somebody else's by now.
    bool lost() const;
    int fd() const { return fd_.get(); }
    std::uint64_t nonce() const { return nonce_; }

  private:
    OwnedFd fd_;
    std::uint64_t nonce_ = 0;
    std::optional<FileIdentity> file_;
    bool closed_ = false;
};

}  // namespace tasker::host
