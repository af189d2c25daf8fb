#pragma once
// What waits and what runs, per handler. Fair: handlers with work take turns, so a full queue of one never
// delays another, and none runs more calls at a time than its limit. A plain data structure: the executor
// locks around it.

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "host/model/worker_status.hpp"
#include "host/registry/handler_registry.hpp"
#include "host/runtime/runtime.hpp"
#include "host/subscriber/instance_pool.hpp"
#include "host/subscriber/step_job.hpp"
#include "host/subscriber/subscriber_options.hpp"

namespace tasker::host {

// One handler as the executor sees it.
struct HandlerLane {
    explicit HandlerLane(std::shared_ptr<Handler> offered)
        : handler(std::move(offered)), instances(handler) {}

    struct Waiting {
        std::shared_ptr<StepJob> job;
        std::int64_t since_ms = 0;
    };

    std::string callable;
    const std::shared_ptr<Handler> handler;  // null: the lane of callables that nobody offers
    InstancePool instances;                  // thread-safe by itself
    unsigned limit = 1;                      // calls at the same time
    unsigned running = 0;                    // hung ones included
    unsigned hung = 0;
    std::int64_t average_us = 0;  // of a call; moves by an eighth of each new one
    unsigned told_limit = 0;      // the claim limit the runtime was last told
    std::deque<Waiting> waiting;
    bool in_turn = false;
    mutable std::atomic<std::int64_t> succeeded = 0, failed = 0;  // attempts that ended
    // An Affine handler is served by its own threads only.
    bool affine = false;
    unsigned threads = 0, idle_threads = 0;
    std::condition_variable_any ready;
};

class LaneQueues {
  public:
    LaneQueues(const HandlerRegistry& registry, const SubscriberOptions& options);

    // The lane of what nobody offers for null.
    HandlerLane& lane_of(const std::shared_ptr<Handler>& handler);
    // Steps that ask for this name are claimed, too, and go to the handler; for null, to fail.
    void offer(const std::string& callable, const std::string& method,
               const std::shared_ptr<Handler>& handler);
    void push(HandlerLane& lane, std::shared_ptr<StepJob> job, std::int64_t now_ms);

    struct Taken {
        HandlerLane* lane = nullptr;
        std::shared_ptr<StepJob> job;  // null: nothing may start now
    };
    // The next job in turn; counts it as running.
    Taken take();
    // The next job of this lane; for the threads of an Affine handler.
    Taken take_from(HandlerLane& lane);
    bool ready() const { return !turns_.empty(); }
    void finished(HandlerLane& lane);

    // Takes out what did not start: everything, what waits for a lane that cannot run, or what waits since
    // `before_ms`.
    std::vector<std::shared_ptr<StepJob>> remove_all();
    std::vector<std::shared_ptr<StepJob>> remove_stuck();
    std::vector<std::shared_ptr<StepJob>> remove_stale(std::int64_t before_ms);
    // The claim is gone: it need not start.
    void forget(const Uuid& event_id);
    std::size_t waiting() const { return waiting_; }
    // When the oldest waiting job came; kNever when none waits.
    std::int64_t oldest_ms() const;

    std::vector<HandlerCounts> counts() const;

    // What the runtime should be told; remembers it in the lanes. `abandoned` threads are withheld.
    Capacity capacity(unsigned abandoned);
    // Whether the lane's claim limit moved enough to tell the runtime.
    bool outdated(const HandlerLane& lane) const;

  private:
    std::vector<std::shared_ptr<StepJob>> remove_if(
        HandlerLane& lane, const std::function<bool(const HandlerLane::Waiting&)>& gone);
    unsigned claim_limit(const HandlerLane& lane) const;
    void give_turn(HandlerLane& lane);
    HandlerLane& add_lane(const std::shared_ptr<Handler>& handler);

    const SubscriberOptions options_;
    const std::size_t handler_count_;
    std::map<std::string, std::unique_ptr<HandlerLane>, std::less<>> lanes_;
    HandlerLane nobody_;
    std::map<const Handler*, HandlerLane*> by_handler_;
    // (callable, method), as steps ask, to whoever may get them: more than one where a hint makes the difference.
    std::map<std::pair<std::string, std::string>, std::vector<HandlerLane*>> offers_;
    std::deque<HandlerLane*> turns_;  // lanes that could start a job now
    std::size_t waiting_ = 0;
};

// Calls of this handler at the same time: what the configuration says, else all threads but a quarter (all
// when it is alone); never more than its plugin allows.
unsigned handler_limit(const HandlerInfo& info, const SubscriberOptions& options, std::size_t handler_count);

}  // namespace tasker::host
