#pragma once
// Which results were recorded lately, so that one that comes again is told from one that came too late. Bounded in number
// and time. Not thread-safe.

#include <cstddef>
#include <cstdint>
#include <deque>
#include <unordered_set>
#include <utility>

#include "host/core/uuid.hpp"

namespace tasker::host {

class RecordedEvents {
  public:
    static constexpr std::size_t kMost = 8192;
    static constexpr std::int64_t kKeptMs = 300'000;

    void add(const Uuid& event_id, std::int64_t now_ms) {
        if (!known_.insert(event_id).second) return;
        order_.emplace_back(event_id, now_ms);
        if (order_.size() > kMost) forget_oldest();
    }
    bool contains(const Uuid& event_id) const { return known_.contains(event_id); }
    // How many.
    std::size_t forget_old(std::int64_t now_ms) {
        std::size_t forgotten = 0;
        for (; !order_.empty() && order_.front().second <= now_ms - kKeptMs; ++forgotten) forget_oldest();
        return forgotten;
    }

  private:
    void forget_oldest() {
        known_.erase(order_.front().first);
        order_.pop_front();
    }

    std::deque<std::pair<Uuid, std::int64_t>> order_;  // with the steady time
    std::unordered_set<Uuid> known_;
};

}  // namespace tasker::host
