#pragma once
// The instances of one handler, lent out as its threading contract allows: a Serial instance to one call at a
// time, a Reentrant one to all. (An Affine instance lives on its own thread and never comes here.)
// Thread-safe.

#include <memory>
#include <mutex>
#include <vector>

#include "host/registry/handler.hpp"

namespace tasker::host {

class InstancePool {
  public:
    explicit InstancePool(std::shared_ptr<Handler> handler) : handler_(std::move(handler)) {}

    // One call's right to an instance; taken when first asked for, given back by the destructor.
    class Lease {
      public:
        explicit Lease(InstancePool& pool) : pool_(pool) {}
        ~Lease();
        Lease(const Lease&) = delete;
        Lease& operator=(const Lease&) = delete;
        // Throws what Handler::create() throws.
        HandlerInstance& get();

      private:
        InstancePool& pool_;
        std::unique_ptr<HandlerInstance> owned_;
    };

  private:
    std::unique_ptr<HandlerInstance> take_or_create();
    HandlerInstance& shared();

    const std::shared_ptr<Handler> handler_;
    std::mutex mutex_;
    std::vector<std::unique_ptr<HandlerInstance>> free_;
    std::vector<unsigned> free_slots_;  // numbers of instances that could not be made
    unsigned next_slot_ = 0;
    std::mutex creating_;  // so that the one Reentrant instance is made once
    std::unique_ptr<HandlerInstance> shared_;
};

}  // namespace tasker::host
