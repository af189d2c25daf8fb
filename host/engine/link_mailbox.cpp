#include "host/engine/link_mailbox.hpp"

#include <sys/eventfd.h>

#include "host/core/error.hpp"

namespace tasker::host {

LinkMailbox::LinkMailbox() : doorbell_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    if (!doorbell_) throw BootstrapError("the system gives no file descriptor for the engine's socket");
}

void LinkMailbox::post(LinkMail mail) {
    bool first = false;
    {
        const std::scoped_lock lock(mutex_);
        first = mails_.empty();
        mails_.push_back(std::move(mail));
    }
    if (first) ring();  // else somebody rang for the first one, which is still there
}

void LinkMailbox::ring() { ::eventfd_write(doorbell_.get(), 1); }

void LinkMailbox::clear_doorbell() {
    eventfd_t rings = 0;
    static_cast<void>(::eventfd_read(doorbell_.get(), &rings));
}

std::vector<LinkMail> LinkMailbox::take() {
    const std::scoped_lock lock(mutex_);
    return std::exchange(mails_, {});
}

}  // namespace tasker::host
