#pragma once
// A place where a test holds other threads.

#include <atomic>
#include <chrono>
#include <memory>

#include "tests/support/eventually.hpp"

namespace tasker::host::testing {

// Holds calls until it is opened; gives up after ten seconds so that a failing test ends. A call on an abandoned thread
// may still be inside when the test, and the gate with it, is over: it holds on to what it looks at.
class Gate {
  public:
    void open() { state_->open = true; }
    void pass() {
        const std::shared_ptr<State> state = state_;
        ++state->waiting;
        eventually(std::chrono::seconds{10}, [&state] { return state->open.load(); });
        --state->waiting;
    }
    int waiting() const { return state_->waiting.load(); }

  private:
    struct State {
        std::atomic<bool> open = false;
        std::atomic<int> waiting = 0;
    };
    const std::shared_ptr<State> state_ = std::make_shared<State>();
};

}  // namespace tasker::host::testing
