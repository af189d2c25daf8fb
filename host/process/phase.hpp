#pragma once
// A long step of the server on a thread of its own, so that the main thread can go on reading signals.

#include <atomic>
#include <exception>
#include <functional>
#include <string>

#include "host/core/named_thread.hpp"
#include "host/process/signals.hpp"

namespace tasker::host {

class Phase {
  public:
    // Runs `body` at once and wakes `signals` when it is over. The destructor waits for it.
    Phase(const std::string& name, SignalSource& signals, std::function<void()> body)
        : thread_(name, [this, &signals, run = std::move(body)](const std::stop_token&) {
              try {
                  run();
              } catch (...) {
                  failure_ = std::current_exception();
              }
              done_.store(true);
              signals.wake();
          }) {}

    bool done() const { return done_.load(); }
    // Throws what the body threw. Precondition: done().
    void rethrow() const {
        if (failure_) std::rethrow_exception(failure_);
    }

  private:
    std::atomic<bool> done_ = false;
    std::exception_ptr failure_;
    NamedThread thread_;
};

}  // namespace tasker::host
