#include "host/subscriber/executor_core.hpp"

#include <algorithm>
#include <chrono>
#include <exception>
#include <utility>

namespace tasker::host {

ExecutorCore::ExecutorCore(const HandlerRegistry& registry, TaskerRuntime& runtime, WorkerIdentity worker,
                           SubscriberOptions options, Logger log, const Clock& clock,
                           std::shared_ptr<DomainEvents> events)
    : worker_(std::move(worker)),
      options_(std::move(options)),
      log_(std::move(log)),
      backend_(std::make_shared<Backend>(runtime, clock)),
      counters_(std::make_shared<Counters>()),
      events_(std::move(events)),
      max_waiting_((std::size_t{options_.threads} + prefetch_of(options_)) * 2 + 256),
      resolutions_(registry, log_),
      queues_(registry, options_),
      deadline_wakeup_(std::make_unique<Wakeup>(clock)),
      quiet_(std::make_unique<Wakeup>(clock)) {}

ExecutorCore::Thread& ExecutorCore::add_thread(HandlerLane* own) {
    const std::scoped_lock lock(mutex_);
    threads_.push_back(std::make_unique<Thread>());
    threads_.back()->own = own;
    return *threads_.back();
}

bool ExecutorCore::is_abandoned(const Thread& thread) const {
    const std::scoped_lock lock(mutex_);
    return thread.abandoned;
}

std::int64_t ExecutorCore::steady_now() const {
    std::int64_t now = 0;
    backend_->with([&](TaskerRuntime&, const Clock& clock) { now = clock.steady_ms(); });
    return now;
}

HandlerLane* ExecutorCore::accept(const StepEvent& event) {
    // Without the lock: a resolver is somebody else's code.
    Resolutions::Answer found = resolutions_.of(event);
    auto job =
        std::make_shared<StepJob>(event, backend_, log_, options_.max_runtime_ms, std::move(found.failure));
    const std::int64_t now = steady_now();
    HandlerLane* wants_thread = nullptr;
    bool wake = false;
    {
        const std::scoped_lock lock(mutex_);
        if (!draining_ && !paused_ && !closed_ && queues_.waiting() < max_waiting_) {
            HandlerLane& lane = queues_.lane_of(found.handler);
            queues_.push(lane, std::move(job), now);
            look_again_by(now + kMaxWaitMs);
            if (lane.affine) {
                lane.ready.notify_one();
                if (lane.idle_threads < lane.waiting.size() && lane.threads < lane.limit) {
                    ++lane.threads;
                    wants_thread = &lane;
                }
            } else {
                wake = pass_wake_on();
            }
        }
    }
    if (wake) work_.notify_one();
    if (job) give_back(*job, "worker takes no more steps");
    return wants_thread;
}

// One sleeper at a time is woken, and wakes the next if there is work left: a burst of short steps is then
// run by the few threads it needs instead of by a stampede.
bool ExecutorCore::pass_wake_on() {
    if (waking_ || idle_ == 0 || !queues_.ready()) return false;
    waking_ = true;
    return true;
}

void ExecutorCore::revoke(const Revocation& revocation) {
    StopReason reason = StopReason::LeaseLost;
    switch (revocation.why) {
        case Revocation::Why::Cancelled:
            reason = StopReason::Cancelled;
            break;
        case Revocation::Why::TimedOut:
            reason = StopReason::Deadline;
            break;
        case Revocation::Why::LeaseLost:
            break;
    }
    const std::scoped_lock lock(mutex_);
    for (const auto& thread : threads_) {
        if (thread->job && thread->job->event().event_id == revocation.event_id)
            thread->job->ask_to_stop(reason);
    }
    queues_.forget(revocation.event_id);
}

void ExecutorCore::tell_capacity() {
    const std::scoped_lock order(capacity_mutex_);
    Capacity capacity;
    {
        const std::scoped_lock lock(mutex_);
        if (!draining_ && !paused_ && !closed_) capacity = queues_.capacity(abandoned_);
    }
    slots_.store(capacity.slots);
    backend_->with([&](TaskerRuntime& runtime, const Clock&) { runtime.set_capacity(std::move(capacity)); });
}

void ExecutorCore::offer(const std::vector<std::shared_ptr<const TaskTemplate>>& templates) {
    using Verdict = Resolution::Verdict;
    for (const auto& one : templates) {
        const auto& served = options_.namespaces;
        if (std::find(served.begin(), served.end(), one->namespace_name) == served.end()) continue;
        for (const StepTemplate& step : one->steps) {
            const Resolution found = resolutions_.find(step.handler, step.name);
            // What no plugin offers is left to others. A hint or a method that is wrong, and a resolver that fails,
            // fail the step by name: nobody else reads the template differently.
            if (found.verdict == Verdict::NoHandler && !found.resolver_failed) continue;
            const std::scoped_lock lock(mutex_);
            queues_.offer(step.handler.callable, step.handler.method, found.handler);
        }
    }
}

void ExecutorCore::serve(Thread& me, const std::stop_token& stop) {
    std::unique_ptr<HandlerInstance>
        affine_instance;  // made, called and destroyed here, as its contract says
    FlightSeat seat(options_.flight);
    me.seat = &seat;
    while (next(me, stop)) run(me, affine_instance);
    me.seat = nullptr;
}

bool ExecutorCore::next(Thread& me, const std::stop_token& stop) {
    if (put_down(me)) tell_capacity();
    bool wake = false;
    bool go_on = false;
    {
        std::unique_lock lock(mutex_);
        go_on = wait_for_job(me, lock, stop);
        wake = pass_wake_on();
    }
    if (wake) work_.notify_one();
    return go_on;
}

bool ExecutorCore::wait_for_job(Thread& me, std::unique_lock<std::mutex>& lock, const std::stop_token& stop) {
    unsigned& idle = me.own != nullptr ? me.own->idle_threads : idle_;
    std::condition_variable_any& changed = me.own != nullptr ? me.own->ready : work_;
    while (!closed_ && !stop.stop_requested()) {
        LaneQueues::Taken taken = me.own != nullptr ? queues_.take_from(*me.own) : queues_.take();
        if (taken.job) {
            pick_up(me, std::move(taken));
            return true;
        }
        ++idle;
        changed.wait_for(lock, stop, std::chrono::seconds{60}, [&] {
            if (me.own != nullptr) return closed_ || !me.own->waiting.empty();
            waking_ = false;  // whoever was on the way is here, also when the work is taken already
            return closed_ || queues_.ready();
        });
        --idle;
    }
    return false;
}

void ExecutorCore::pick_up(Thread& me, LaneQueues::Taken taken) {
    me.lane = taken.lane;
    me.job = std::move(taken.job);
    backend_->with([&](TaskerRuntime&, const Clock& clock) {
        look_again_by(me.job->begin(clock.steady_ms(), clock.unix_ms()));
    });
}

bool ExecutorCore::put_down(Thread& me) {
    if (!me.job) return false;
    const std::int64_t took_us = (steady_now() - me.job->started_steady_ms()) * 1000;
    std::shared_ptr<StepJob> over;  // dies after the lock is gone
    const std::scoped_lock lock(mutex_);
    HandlerLane& lane = *me.lane;
    const bool was_hung = std::exchange(me.abandoned, false);
    if (was_hung) {
        // The handler came back after all: its thread and its place are good again.
        --abandoned_;
        --lane.hung;
    }
    lane.average_us += (took_us - lane.average_us) / 8;
    queues_.finished(lane);
    if (lane.affine && !lane.waiting.empty()) lane.ready.notify_one();
    over = std::move(me.job);
    me.lane = nullptr;
    if (draining_ && quiet_) quiet_->wake();
    return was_hung || queues_.outdated(lane);
}

void ExecutorCore::run(Thread& me, std::unique_ptr<HandlerInstance>& affine_instance) {
    StepJob& job = *me.job;  // only this thread puts it down
    HandlerLane& lane = *me.lane;
    StepOutcome outcome;
    begin_flight(me);
    if (job.refusal()) {
        outcome = *job.refusal();
    } else if (me.own != nullptr) {
        const InstanceSource own = [&]() -> HandlerInstance& {
            if (!affine_instance) affine_instance = lane.handler->create(slot_of(me));
            return *affine_instance;
        };
        outcome = call_handler(job.event(), lane.handler.get(), own, job);
    } else {
        InstancePool::Lease lease(lane.instances);
        outcome = call_handler(
            job.event(), lane.handler.get(), [&lease]() -> HandlerInstance& { return lease.get(); }, job);
    }
    // What comes after the deadline does not count, also where nobody looked at the clock before.
    if (steady_now() >= job.deadline_ms())
        outcome = handler_timed_out(extract_handler_name(job.event()), job.event().timeout_ms);
    std::optional<Attempt> attempt;
    me.seat->phase(FlightPhase::Events);
    if (!job.settled()) attempt = attempt_of(job, lane, outcome, true);
    me.seat->end();
    if (job.settle()) {
        deliver(job, lane, std::move(outcome), std::move(attempt));
    } else {
        refuse_late(job);
    }
}

// From here on a death of the process is told with this step.
void ExecutorCore::begin_flight(const Thread& me) {
    const StepEvent& event = me.job->event();
    const std::string_view plugin =
        me.lane->handler ? std::string_view(me.lane->handler->info().plugin_id) : std::string_view();
    me.seat->begin({plugin, extract_handler_name(event), event.task_sequence_step.workflow_step.name,
                    event.task_uuid, event.step_uuid, me.job->started_unix_ms(), event.claimed_ms});
}

unsigned ExecutorCore::slot_of(const Thread& me) const {
    const std::scoped_lock lock(mutex_);
    unsigned slot = 0;
    for (const auto& thread : threads_) {
        if (thread.get() == &me) break;
        if (thread->own == me.own) ++slot;
    }
    return slot;
}

void ExecutorCore::close() {
    const std::scoped_lock lock(mutex_);
    closed_ = true;
    work_.notify_all();
    for (const auto& thread : threads_) {
        if (thread->own != nullptr) thread->own->ready.notify_all();
    }
}

void ExecutorCore::disconnect() {
    backend_->close();
    const std::scoped_lock lock(mutex_);
    deadline_wakeup_.reset();
    quiet_.reset();
}

std::size_t ExecutorCore::running_locked() const {
    return static_cast<std::size_t>(std::count_if(threads_.begin(), threads_.end(), [](const auto& thread) {
        return thread->job && !thread->abandoned;
    }));
}

std::vector<HandlerCounts> ExecutorCore::handler_counts() const {
    const std::scoped_lock lock(mutex_);
    return queues_.counts();
}

ExecutorStats ExecutorCore::stats() const {
    ExecutorStats stats;
    {
        const std::scoped_lock lock(mutex_);
        stats.running = static_cast<int>(running_locked());
        stats.waiting = static_cast<int>(queues_.waiting());
        stats.abandoned = static_cast<int>(abandoned_);
    }
    stats.slots = static_cast<int>(slots_.load());
    stats.succeeded = counters_->succeeded.load();
    stats.failed = counters_->failed.load();
    stats.released = counters_->released.load();
    stats.refused = counters_->refused.load();
    return stats;
}

}  // namespace tasker::host
