#pragma once
// A std::jthread with a name that tools show. Make it the last member of its owner: born after what it uses,
// joined before any of it dies. All signals are blocked in it: the process reads signals in one place.

#include <functional>
#include <stop_token>
#include <string>
#include <thread>

namespace tasker::host {

class NamedThread {
  public:
    NamedThread() = default;
    // `name` is cut to the kernel's 15 characters. An exception that leaves `body` ends the process: it is a bug.
    // Throws BootstrapError when the system gives no thread.
    NamedThread(const std::string& name, std::function<void(std::stop_token)> body);

    void request_stop() { thread_.request_stop(); }
    bool joinable() const { return thread_.joinable(); }
    void join() { thread_.join(); }
    // Gives the thread up: it keeps running and nobody will join it. Only for a handler that ignores its deadline.
    void abandon() { thread_.detach(); }

  private:
    std::jthread thread_;
};

}  // namespace tasker::host
