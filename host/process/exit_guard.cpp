#include "host/process/exit_guard.hpp"

#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <utility>

#include "host/process/crash_watch.hpp"
#include "host/process/exit_code.hpp"

namespace tasker::host {

namespace {
// The process has one end: atexit() takes no context.
std::atomic<ExitGuard*> guard{nullptr};
}  // namespace

void ExitGuard::on_exit() {
    const ExitGuard* current = guard.exchange(nullptr);
    if (current == nullptr) return;
    record_exit();
    current->tell_();
    _exit(static_cast<int>(ExitCode::Unhandled));
}

ExitGuard::ExitGuard(std::function<void()> tell) : tell_(std::move(tell)) {
    guard.store(this);
    std::atexit(&ExitGuard::on_exit);
    std::at_quick_exit(&ExitGuard::on_exit);
}
ExitGuard::~ExitGuard() { guard.store(nullptr); }

}  // namespace tasker::host
