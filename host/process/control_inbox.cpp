#include "host/process/control_inbox.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include <array>
#include <charconv>

#include "host/process/commands.hpp"

namespace tasker::host {

namespace {
constexpr int kLookEveryMs = 1000;
constexpr std::int64_t kAliveEveryMs = 2000;

std::uint64_t nonce_of(const std::map<std::string, std::string>& environment) {
    const auto said = environment.find(kControlNonce);
    int type = 0;
    socklen_t size = sizeof type;
    const bool socket =
        ::getsockopt(kControlFd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_SEQPACKET;
    std::uint64_t nonce = 0;
    if (said != environment.end() && socket) {
        const std::string& text = said->second;
        const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), nonce);
        if (fault == std::errc{} && end == text.data() + text.size()) return nonce;
    }
    throw CommandFailure(ExitCode::Usage, "USAGE", "this command is for tasker-host itself",
                         "`tasker-host run` starts such processes");
}
}  // namespace

ControlInbox::ControlInbox(const std::map<std::string, std::string>& environment, SignalSource& signals)
    : channel_(OwnedFd(), 0), stop_(::eventfd(0, EFD_CLOEXEC)), signals_(signals) {
    const std::uint64_t nonce = nonce_of(environment);
    // What plugins start must not keep it open.
    ::fcntl(kControlFd, F_SETFD, FD_CLOEXEC);
    channel_ = ControlChannel(OwnedFd(kControlFd), nonce);
    // The channel's end tells the same; this is for a process that does not read it any more.
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);
    thread_ = NamedThread("tw-control", [this](const std::stop_token& stop) { read(stop); });
}

ControlInbox::~ControlInbox() {
    thread_.request_stop();
    ::eventfd_write(stop_.get(), 1);
    thread_.join();
}

void ControlInbox::read(const std::stop_token& stop) {
    while (!stop.stop_requested()) {
        std::array<pollfd, 2> ends{pollfd{channel_.fd(), POLLIN, 0}, pollfd{stop_.get(), POLLIN, 0}};
        // Also without a message: a wait keeps alive what a plugin has closed meanwhile, and the supervisor should learn of
        // it.
        if (::poll(ends.data(), ends.size(), kLookEveryMs) < 0) continue;
        {
            const std::scoped_lock lock(mutex_);
            while (const auto message = channel_.receive()) heard_.push_back(message->kind);
            orphaned_ = channel_.closed() && !channel_.lost();
        }
        signals_.wake();
        if (channel_.closed()) return;
    }
}

std::int64_t ControlInbox::tell_life(std::int64_t now_ms) {
    if (now_ms >= alive_due_ms_) {
        alive_due_ms_ = now_ms + kAliveEveryMs;
        send({ControlMessage::Kind::Alive});
    }
    return alive_due_ms_;
}

std::optional<ControlMessage::Kind> ControlInbox::next() {
    const std::scoped_lock lock(mutex_);
    if (heard_.empty()) return std::nullopt;
    const auto kind = heard_.front();
    heard_.pop_front();
    return kind;
}

bool ControlInbox::orphaned() const {
    const std::scoped_lock lock(mutex_);
    return orphaned_;
}

}  // namespace tasker::host
