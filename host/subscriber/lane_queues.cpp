#include "host/subscriber/lane_queues.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace tasker::host {

namespace {
// Claimed ahead for each call that may run: enough that group commit never leaves a fast handler without
// work, and no more than this much time, so that a claimed step does not wait here while another worker is
// free.
constexpr unsigned kPrefetchPerCall = 4;
constexpr std::int64_t kPrefetchUs = 50'000;

unsigned ahead_of(const HandlerLane& lane, unsigned calls) {
    const unsigned most = calls * kPrefetchPerCall;
    if (lane.average_us <= 0) return most;
    const std::int64_t fits = static_cast<std::int64_t>(calls) * kPrefetchUs / lane.average_us;
    return static_cast<unsigned>(std::min<std::int64_t>(most, fits));
}
}  // namespace

unsigned handler_limit(const HandlerInfo& info, const SubscriberOptions& options, std::size_t handler_count) {
    const unsigned threads = std::max(options.threads, 1U);
    unsigned limit = threads;
    if (const auto set = options.handler_concurrency.find(info.callable);
        set != options.handler_concurrency.end()) {
        limit = set->second;
    } else if (info.threading == Threading::Affine && info.max_instances == 0) {
        limit = 1;  // an Affine instance costs a thread of its own, so more of them must be asked for
    } else if (handler_count > 1) {
        limit = threads - std::max(threads / 4, 1U);
    }
    if (info.max_instances > 0 && info.threading != Threading::Reentrant)
        limit = std::min(limit, info.max_instances);
    return std::clamp(limit, 1U, threads);
}

LaneQueues::LaneQueues(const HandlerRegistry& registry, const SubscriberOptions& options)
    : options_(options), handler_count_(registry.handler_count()), nobody_(nullptr) {
    nobody_.limit = std::max(options_.threads, 1U);
    for (const auto& handler : registry.all()) {
        const HandlerInfo& info = handler->info();
        add_lane(handler);
        offer(info.callable, {}, handler);
        for (const std::string& method : info.methods) {
            if (method != "call") offer(info.callable, method, handler);
        }
    }
}

HandlerLane& LaneQueues::add_lane(const std::shared_ptr<Handler>& handler) {
    auto lane = std::make_unique<HandlerLane>(handler);
    const HandlerInfo& info = handler->info();
    // What a resolver made may have the name of another.
    lane->callable = info.callable;
    for (int number = 2; lanes_.contains(lane->callable); ++number)
        lane->callable = info.callable + "#" + std::to_string(number);
    lane->limit = handler_limit(info, options_, std::max(handler_count_, lanes_.size() + 1));
    lane->affine = info.threading == Threading::Affine;
    by_handler_.emplace(handler.get(), lane.get());
    std::string name = lane->callable;
    return *lanes_.emplace(std::move(name), std::move(lane)).first->second;
}

HandlerLane& LaneQueues::lane_of(const std::shared_ptr<Handler>& handler) {
    if (handler == nullptr) return nobody_;
    const auto found = by_handler_.find(handler.get());
    return found == by_handler_.end() ? add_lane(handler) : *found->second;
}

void LaneQueues::offer(const std::string& callable, const std::string& method,
                       const std::shared_ptr<Handler>& handler) {
    auto& lanes = offers_[{callable, method}];
    HandlerLane* const lane = &lane_of(handler);
    if (std::find(lanes.begin(), lanes.end(), lane) == lanes.end()) lanes.push_back(lane);
}

void LaneQueues::give_turn(HandlerLane& lane) {
    if (lane.affine || lane.in_turn || lane.waiting.empty() || lane.running >= lane.limit) return;
    lane.in_turn = true;
    turns_.push_back(&lane);
}

void LaneQueues::push(HandlerLane& lane, std::shared_ptr<StepJob> job, std::int64_t now_ms) {
    lane.waiting.push_back({std::move(job), now_ms});
    ++waiting_;
    give_turn(lane);
}

LaneQueues::Taken LaneQueues::take_from(HandlerLane& lane) {
    if (lane.waiting.empty() || lane.running >= lane.limit) return {};
    Taken taken{&lane, std::move(lane.waiting.front().job)};
    lane.waiting.pop_front();
    --waiting_;
    ++lane.running;
    return taken;
}

LaneQueues::Taken LaneQueues::take() {
    if (turns_.empty()) return {};
    HandlerLane& lane = *turns_.front();
    turns_.pop_front();
    lane.in_turn = false;
    Taken taken = take_from(lane);
    give_turn(lane);
    return taken;
}

void LaneQueues::finished(HandlerLane& lane) {
    --lane.running;
    give_turn(lane);
}

std::vector<std::shared_ptr<StepJob>> LaneQueues::remove_if(
    HandlerLane& lane, const std::function<bool(const HandlerLane::Waiting&)>& gone) {
    std::vector<std::shared_ptr<StepJob>> removed;
    std::deque<HandlerLane::Waiting> kept;
    for (HandlerLane::Waiting& entry : lane.waiting) {
        if (gone(entry)) {
            removed.push_back(std::move(entry.job));
        } else {
            kept.push_back(std::move(entry));
        }
    }
    waiting_ -= removed.size();
    lane.waiting = std::move(kept);
    if (lane.waiting.empty() && lane.in_turn) {
        std::erase(turns_, &lane);
        lane.in_turn = false;
    }
    return removed;
}

std::vector<std::shared_ptr<StepJob>> LaneQueues::remove_all() {
    auto removed = remove_if(nobody_, [](const auto&) { return true; });
    for (const auto& [name, lane] : lanes_) {
        auto more = remove_if(*lane, [](const auto&) { return true; });
        std::move(more.begin(), more.end(), std::back_inserter(removed));
    }
    return removed;
}

std::vector<std::shared_ptr<StepJob>> LaneQueues::remove_stuck() {
    std::vector<std::shared_ptr<StepJob>> removed;
    for (const auto& [name, lane] : lanes_) {
        if (lane->hung < lane->limit) continue;
        auto more = remove_if(*lane, [](const auto&) { return true; });
        std::move(more.begin(), more.end(), std::back_inserter(removed));
    }
    return removed;
}

std::vector<std::shared_ptr<StepJob>> LaneQueues::remove_stale(std::int64_t before_ms) {
    auto removed =
        remove_if(nobody_, [&](const HandlerLane::Waiting& entry) { return entry.since_ms <= before_ms; });
    for (const auto& [name, lane] : lanes_) {
        if (lane->waiting.empty() || lane->waiting.front().since_ms > before_ms) continue;
        auto more =
            remove_if(*lane, [&](const HandlerLane::Waiting& entry) { return entry.since_ms <= before_ms; });
        // Nothing may be claimed ahead of a handler that keeps its queue waiting, until its calls are short
        // again.
        lane->average_us = std::max<std::int64_t>(lane->average_us, kPrefetchUs * 100);
        std::move(more.begin(), more.end(), std::back_inserter(removed));
    }
    return removed;
}

void LaneQueues::forget(const Uuid& event_id) {
    const auto is_it = [&](const HandlerLane::Waiting& entry) {
        return entry.job->event().event_id == event_id;
    };
    for (const auto& [name, lane] : lanes_) {
        if (std::any_of(lane->waiting.begin(), lane->waiting.end(), is_it)) remove_if(*lane, is_it);
    }
}

std::int64_t LaneQueues::oldest_ms() const {
    std::int64_t oldest = nobody_.waiting.empty() ? kNever : nobody_.waiting.front().since_ms;
    for (const auto& [name, lane] : lanes_) {
        if (!lane->waiting.empty()) oldest = std::min(oldest, lane->waiting.front().since_ms);
    }
    return oldest;
}

std::vector<HandlerCounts> LaneQueues::counts() const {
    std::vector<HandlerCounts> out;
    for (const auto& [name, lane] : lanes_) {
        out.push_back({name, lane->succeeded.load(), lane->failed.load(), static_cast<int>(lane->running),
                       static_cast<int>(lane->waiting.size())});
    }
    return out;
}

unsigned LaneQueues::claim_limit(const HandlerLane& lane) const {
    const unsigned calls = lane.limit - std::min(lane.hung, lane.limit);
    const unsigned slots = std::max(options_.threads, 1U) + prefetch_of(options_);
    // One handler alone may not fill every slot while others are offered.
    const unsigned most = lanes_.size() > 1 ? slots - std::max(slots / 4, 1U) : slots;
    return std::min(calls + ahead_of(lane, calls), std::max(most, 1U));
}

bool LaneQueues::outdated(const HandlerLane& lane) const {
    if (lane.handler == nullptr) return false;
    const unsigned now = claim_limit(lane);
    return now >= lane.told_limit * 2 || now * 2 <= lane.told_limit;
}

Capacity LaneQueues::capacity(unsigned abandoned) {
    Capacity capacity;
    unsigned prefetch = 0;
    for (const auto& [name, lane] : lanes_) {
        lane->told_limit = claim_limit(*lane);  // 0, while all of its calls hang: served, but not now
        prefetch += ahead_of(*lane, lane->limit - lane->hung);
    }
    nobody_.told_limit = nobody_.limit;
    for (const auto& [asked, lanes] : offers_) {
        unsigned limit = lanes.front()->told_limit;
        for (const HandlerLane* lane : lanes) limit = std::min(limit, lane->told_limit);
        for (const std::string& namespace_name : options_.namespaces)
            capacity.lanes.push_back({namespace_name, asked.first, asked.second, limit});
    }
    const unsigned threads = std::max(options_.threads, 1U);
    capacity.slots = threads - std::min(abandoned, threads) + std::min(prefetch, prefetch_of(options_));
    return capacity;
}

}  // namespace tasker::host
