#pragma once
// What a supervisor and a process of its own say to each other: one datagram a message over a socket pair that the child
// inherits. Values; reading trusts nothing, because a plugin may write to any descriptor of its process.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tasker::host {

struct ControlMessage {
    enum class Kind : std::uint8_t {
        // To the child.
        Activate = 1,   // claim
        Pause = 2,      // claim nothing more, give back what has not started
        Resume = 3,     // claim again
        Drain = 4,      // finish what runs, then end
        AskToStop = 5,  // a drain that takes too long: handlers are told to stop, what runs on is handed back
        Hold = 6,  // an operator's pause, beside all of the above: whoever may claim does not until Release
        Release = 7,
        // From the child.
        Ready = 16,      // stands by; `text`: what it loaded, as JSON
        Activated = 17,  // claims
        Paused = 18,     // claims nothing any more; `running`: how many handlers still run
        Resumed = 19,    // claims again
        Counts = 20,     // so many results were accepted so far, and so many of them were errors
        Failed = 21,     // it cannot start, and why; it ends by itself
        Idle = 22,       // it claims, and was given nothing to do
        Recycle = 23,    // it works worse than a new process would, and why
        Alive = 24,      // every few seconds: its main thread goes round
    };
    Kind kind = Kind::Ready;
    std::uint64_t nonce = 0;  // given to the child at its start; a message with another one is not its own
    std::uint64_t accepted = 0, errors = 0, running = 0;
    std::string text = {};  // at most kMaxControlText bytes

    bool operator==(const ControlMessage&) const = default;
};

constexpr std::size_t kMaxControlText = 60'000;
constexpr std::size_t kMaxControlBytes = kMaxControlText + 64;

// A longer text is cut.
std::string to_bytes(const ControlMessage& message);
// Nothing when these bytes are no message of this version.
std::optional<ControlMessage> control_message(std::string_view bytes);

}  // namespace tasker::host
