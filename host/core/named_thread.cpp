#include "host/core/named_thread.hpp"

#include <pthread.h>

#include <csignal>
#include <string>
#include <system_error>
#include <utility>

#include "host/core/error.hpp"

namespace tasker::host {

NamedThread::NamedThread(const std::string& name, std::function<void(std::stop_token)> body) {
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    // A synchronous fault must reach the process even in a handler's thread.
    for (const int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGSYS, SIGTRAP})
        sigdelset(&all, fault);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    try {
        thread_ = std::jthread([name = name.substr(0, 15), body = std::move(body)](std::stop_token stop) {
            pthread_setname_np(pthread_self(), name.c_str());
            body(std::move(stop));
        });
    } catch (const std::system_error& error) {
        pthread_sigmask(SIG_SETMASK, &before, nullptr);
        throw BootstrapError(
            "cannot start the thread '" + name + "': " + error.code().message(),
            "raise the limit on threads and processes (ulimit -u, or TasksMax= of a systemd unit), "
            "or run fewer threads (--threads)");
    }
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

}  // namespace tasker::host
