// A child of a supervisor without anything in it: it answers as its first argument says.
//   good            everything
//   dies            says why and ends with 3 before it is ready      refused    ends with 7
//   silent          is never ready            deaf        answers no PAUSE        stubborn    ends on no DRAIN
//   mute            answers no ACTIVATE       faints      dies on ACTIVATE        crashes     dies once it claims
//   gone            answers no RESUME         busy        tells 30 results        failing     tells 30 results, all errors
//   holds           counts a result for each Hold and Release that it hears
//   leaver          ends with 0 once it claims
//   frozen          says that it lives, once it claims, and then nothing, like one that was stopped
//   frozen-engine   the same once it is ready
//   deafened        closes its channel once it claims, and ends on SIGTERM with 0
//   worn            asks for a successor once it claims      greedy      has many open files

#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

#include "host/supervisor/control_channel.hpp"

using namespace tasker::host;
using Message = ControlMessage::Kind;

namespace {
[[noreturn]] void crash() {
    signal(SIGSEGV, SIG_DFL);
    raise(SIGSEGV);
    _exit(99);
}
}  // namespace

int main(int argc, char** argv) {
    const std::string plan = argc > 1 ? argv[1] : "good";
    const char* nonce = std::getenv(kControlNonce);
    ControlChannel channel(OwnedFd(kControlFd), nonce == nullptr ? 0 : std::strtoull(nonce, nullptr, 10));
    if (plan == "dies") {
        channel.send({.kind = Message::Failed, .text = "no plugin can be loaded"});
        return 3;
    }
    if (plan == "refused") return 7;
    if (plan != "silent") {
        const std::string plugin =
            R"({"file":"a.so","sha256":")" + std::string(64, 'a') + R"(","id":"a","version":"1"})";
        channel.send({.kind = Message::Ready, .text = "[" + plugin + "]"});
        if (plan == "frozen-engine") channel.send({Message::Alive});
    }
    for (int i = 0; plan == "greedy" && i < 100; ++i) {
        if (dup(kControlFd) < 0) return 9;
    }
    if (plan == "deafened") signal(SIGTERM, [](int) { _exit(0); });
    std::uint64_t held = 0;
    while (true) {
        pollfd readable{channel.fd(), POLLIN, 0};
        poll(&readable, 1, -1);
        while (const auto message = channel.receive()) {
            if (message->kind == Message::Activate) {
                if (plan == "faints") crash();
                if (plan == "mute") continue;
                channel.send({Message::Activated});
                if (plan == "crashes") crash();
                if (plan == "deafened") close(kControlFd);
                while (plan == "deafened") pause();
                if (plan == "leaver") return 0;
                if (plan == "frozen") channel.send({Message::Alive});
                if (plan == "worn") channel.send({.kind = Message::Recycle, .text = "4 handlers hang"});
                if (plan == "busy") channel.send({.kind = Message::Counts, .accepted = 30});
                if (plan == "failing") channel.send({.kind = Message::Counts, .accepted = 30, .errors = 30});
            }
            if (message->kind == Message::Pause && plan != "deaf") channel.send({Message::Paused});
            if (message->kind == Message::Resume && plan != "gone") channel.send({Message::Resumed});
            const bool hold = message->kind == Message::Hold || message->kind == Message::Release;
            if (plan == "holds" && hold) channel.send({.kind = Message::Counts, .accepted = ++held});
            if (message->kind == Message::Drain && plan != "stubborn") return 0;
        }
        if (channel.closed()) return 0;
    }
}
