#pragma once
// What other threads, the writer's above all, leave for the thread of the link server. Never waits for it. Thread-safe.

#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "host/core/owned_fd.hpp"
#include "host/core/uuid.hpp"
#include "host/runtime/engine_session.hpp"

namespace tasker::host {

struct LinkMail {
    struct Activity {};  // steps or revocations
    struct Verdict {
        std::uint64_t request = 0;
        CompletionVerdict verdict = CompletionVerdict::Superseded;
        std::size_t bytes = 0;  // of the message that it answers
    };
    struct Saved {
        std::uint64_t request = 0;
        std::size_t bytes = 0;
        CheckpointAnswer answer;
    };
    struct Adopted {
        std::uint64_t connection = 0;
        std::vector<Uuid> gone;
    };
    struct Ended {
        std::uint64_t request = 0;  // of the worker's STOP; 0: nobody waits
        std::size_t returned = 0;
    };
    struct DisconnectAll {};

    std::uint64_t lease = 0;
    std::variant<Activity, Verdict, Saved, Adopted, Ended, DisconnectAll> what;
};

class LinkMailbox {
  public:
    LinkMailbox();  // throws BootstrapError

    // Readable while there is mail that nobody was woken for.
    int fd() const { return doorbell_.get(); }
    void post(LinkMail mail);
    void ring();
    void clear_doorbell();
    std::vector<LinkMail> take();

  private:
    OwnedFd doorbell_;
    std::mutex mutex_;
    std::vector<LinkMail> mails_;
};

}  // namespace tasker::host
