#include "host/subscriber/instance_pool.hpp"

#include <utility>

namespace tasker::host {

InstancePool::Lease::~Lease() {
    if (!owned_) return;
    const std::scoped_lock lock(pool_.mutex_);
    pool_.free_.push_back(std::move(owned_));
}

HandlerInstance& InstancePool::Lease::get() {
    if (pool_.handler_->info().threading == Threading::Reentrant) return pool_.shared();
    if (!owned_) owned_ = pool_.take_or_create();
    return *owned_;
}

std::unique_ptr<HandlerInstance> InstancePool::take_or_create() {
    unsigned slot = 0;
    {
        const std::scoped_lock lock(mutex_);
        if (!free_.empty()) {
            auto instance = std::move(free_.back());
            free_.pop_back();
            return instance;
        }
        if (free_slots_.empty()) {
            slot = next_slot_++;
        } else {
            slot = free_slots_.back();
            free_slots_.pop_back();
        }
    }
    try {
        return handler_->create(slot);
    } catch (...) {
        const std::scoped_lock lock(mutex_);
        free_slots_.push_back(slot);
        throw;
    }
}

HandlerInstance& InstancePool::shared() {
    const std::scoped_lock lock(creating_);
    if (!shared_) shared_ = handler_->create(0);
    return *shared_;
}

}  // namespace tasker::host
