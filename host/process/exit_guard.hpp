#pragma once
// exit() called by a plugin: it would end the whole process as if all was well.

#include <functional>

namespace tasker::host {

// While it lives, an exit() or quick_exit() from anywhere but the end of main() says so and becomes exit code 5. One at a time.
class ExitGuard {
  public:
    // Called on the thread that called exit(): should tell people, must not throw.
    explicit ExitGuard(std::function<void()> tell);
    ~ExitGuard();
    ExitGuard(const ExitGuard&) = delete;
    ExitGuard& operator=(const ExitGuard&) = delete;

  private:
    static void on_exit();
    std::function<void()> tell_;
};

}  // namespace tasker::host
