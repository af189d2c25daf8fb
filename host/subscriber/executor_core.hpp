#pragma once
// What the executor's threads share: queues, running calls, deadlines. Owned by the executor and by each of
// its threads, because a handler that ignores its deadline may keep its thread, and so this, after the
// executor is gone. Thread-safe.

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <vector>

#include "host/core/flight_recorder.hpp"
#include "host/core/wakeup.hpp"
#include "host/model/template_catalog.hpp"
#include "host/model/worker_status.hpp"
#include "host/subscriber/backend.hpp"
#include "host/subscriber/domain_events.hpp"
#include "host/subscriber/lane_queues.hpp"
#include "host/subscriber/resolutions.hpp"
#include "host/subscriber/run_step.hpp"

namespace tasker::host {

struct ExecutorStats {
    int slots = 0, running = 0, waiting = 0, abandoned = 0;
    std::int64_t succeeded = 0, failed = 0, released = 0;
    std::int64_t refused = 0;  // results that came too late, here or at the runtime
};

struct DrainReport {
    std::size_t finished = 0;     // running handlers that came to a result in time
    std::size_t handed_back = 0;  // running handlers that gave up or were cut off
    std::size_t unstarted = 0;    // dispatched steps that had not started; given back uncharged
};

class ExecutorCore {
  public:
    ExecutorCore(const HandlerRegistry& registry, TaskerRuntime& runtime, WorkerIdentity worker,
                 SubscriberOptions options, Logger log, const Clock& clock,
                 std::shared_ptr<DomainEvents> events = nullptr);

    // One executor thread and what it runs. Made by add_thread(), alive as long as the core.
    struct Thread {
        HandlerLane* own = nullptr;  // the lane of an Affine thread; null: all lanes but those
        HandlerLane* lane = nullptr;
        std::shared_ptr<StepJob> job;
        bool abandoned = false;
        FlightSeat* seat = nullptr;  // of the thread itself, while it serves
    };
    Thread& add_thread(HandlerLane* own);
    // The body of an executor thread: runs jobs until stop or close().
    void serve(Thread& me, const std::stop_token& stop);
    bool is_abandoned(const Thread& thread) const;

    // Queues the event. Returns the lane of an Affine handler that needs one more thread, null otherwise.
    HandlerLane* accept(const StepEvent& event);
    void revoke(const Revocation& revocation);
    void tell_capacity();
    // Offers to run what the steps of these templates ask for, beside the registered names. Does not tell the runtime.
    void offer(const std::vector<std::shared_ptr<const TaskTemplate>>& templates);

    // One look at every deadline; when to look again (steady clock).
    std::int64_t check_deadlines();
    // For the thread that calls check_deadlines(): sleeps until `due_ms` or until an earlier deadline came
    // up.
    void wait_for_deadline(std::int64_t due_ms, const std::stop_token& stop);

    DrainReport drain(std::int64_t timeout_ms);
    void abort_drain();
    // Claims nothing more and gives back what has not started; running handlers go on. The runtime was told when it
    // returns. How many handlers run.
    std::size_t pause();
    void resume();
    // No thread starts anything from here on. Call it before joining them.
    void close();
    // Cuts what still runs off from runtime and clock, which may go now. After the joinable threads ended.
    void disconnect();
    ExecutorStats stats() const;
    std::vector<HandlerCounts> handler_counts() const;

  private:
    // A step that waits here longer goes back: the runtime's own deadline for it runs already.
    static constexpr std::int64_t kMaxWaitMs = 4000;

    struct Counters {
        std::atomic<std::int64_t> succeeded = 0, failed = 0, released = 0, refused = 0;
    };

    bool next(Thread& me, const std::stop_token& stop);
    bool wait_for_job(Thread& me, std::unique_lock<std::mutex>& lock, const std::stop_token& stop);
    // The call is over. Whether the runtime must be told a new capacity.
    bool put_down(Thread& me);
    // With the lock held.
    void pick_up(Thread& me, LaneQueues::Taken taken);
    bool pass_wake_on();

    void run(Thread& me, std::unique_ptr<HandlerInstance>& affine_instance);
    static void begin_flight(const Thread& me);
    // What will be submitted for an outcome: the result and the domain events that follow from it.
    struct Attempt {
        StepExecutionResult result;
        PreparedEvents events;
    };
    // Nothing for an outcome that has no result, and when the worker is gone.
    std::optional<Attempt> attempt_of(const StepJob& job, const HandlerLane& lane, StepOutcome& outcome,
                                      bool ask_publishers);
    void deliver(const StepJob& job, const HandlerLane& lane, StepOutcome outcome,
                 std::optional<Attempt> attempt);
    void tell(const StepJob& job, const StepExecutionResult& result);
    void submit(TaskerRuntime& runtime, const StepJob& job, Attempt attempt);
    void refuse_late(const StepJob& job);
    void yield(const StepJob& job, Checkpoint checkpoint);
    void give_back(const StepJob& job, const std::string& reason);
    struct Overdue {
        std::shared_ptr<StepJob> job;
        const HandlerLane* lane = nullptr;
        unsigned abandoned = 0;  // threads in all, this one included
    };
    void fail_hung(const Overdue& hung);
    std::int64_t find_overdue(std::int64_t now, std::vector<Overdue>& overdue);
    unsigned slot_of(const Thread& me) const;
    void look_again_by(std::int64_t due_ms);
    std::int64_t steady_now() const;
    std::size_t running_locked() const;
    void hand_back_running();
    void hear_revocations();
    bool wait_until_quiet(std::int64_t timeout_ms);

    const WorkerIdentity worker_;
    const SubscriberOptions options_;
    const Logger log_;
    const std::shared_ptr<Backend> backend_;
    const std::shared_ptr<Counters> counters_;    // also held by completions in flight
    const std::shared_ptr<DomainEvents> events_;  // null: none are published
    const std::size_t max_waiting_;
    Resolutions resolutions_;

    mutable std::mutex mutex_;  // guards everything but what is marked as atomic; taken after capacity_mutex_
    LaneQueues queues_;
    std::vector<std::unique_ptr<Thread>> threads_;
    std::condition_variable_any work_;
    unsigned idle_ = 0;
    bool waking_ = false;  // one sleeping thread is on its way; it wakes the next one if there is more
    bool draining_ = false, paused_ = false, closed_ = false, abort_ = false;
    unsigned abandoned_ = 0;
    std::int64_t next_check_ms_ = kNever;
    std::mutex capacity_mutex_;  // the runtime hears of capacities in the order in which they arose
    std::atomic<unsigned> slots_ = 0;
    // Tied to the clock, so gone after disconnect().
    std::unique_ptr<Wakeup> deadline_wakeup_, quiet_;
};

}  // namespace tasker::host
