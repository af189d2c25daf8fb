// The ladder of a hung handler, and the drain: everything that ends a call from outside.
#include <algorithm>
#include <utility>

#include "host/subscriber/executor_core.hpp"

namespace tasker::host {

namespace {
constexpr std::int64_t kRevocationsEveryMs = 100;
}  // namespace

void ExecutorCore::look_again_by(std::int64_t due_ms) {
    if (due_ms >= next_check_ms_) return;
    next_check_ms_ = due_ms;
    if (deadline_wakeup_) deadline_wakeup_->wake();
}

void ExecutorCore::wait_for_deadline(std::int64_t due_ms, const std::stop_token& stop) {
    deadline_wakeup_->wait_until(due_ms, stop);
}

std::int64_t ExecutorCore::find_overdue(std::int64_t now, std::vector<Overdue>& overdue) {
    std::int64_t next_check = kNever;
    for (const auto& thread : threads_) {
        if (!thread->job || thread->abandoned) continue;
        const std::int64_t deadline = thread->job->deadline_ms();
        if (deadline == kNever) continue;
        if (now < deadline) {
            next_check = std::min(next_check, deadline);
            continue;
        }
        thread->job->ask_to_stop(StopReason::Deadline);
        if (now < deadline + options_.cancel_grace_ms) {
            next_check = std::min(next_check, deadline + options_.cancel_grace_ms);
            continue;
        }
        // Not settled by us means that its result is on its way this very moment.
        if (!thread->job->settle()) continue;
        thread->abandoned = true;
        ++thread->lane->hung;
        overdue.push_back({thread->job, thread->lane, ++abandoned_});
    }
    return next_check;
}

std::int64_t ExecutorCore::check_deadlines() {
    std::vector<Overdue> overdue;
    std::vector<std::shared_ptr<StepJob>> unstarted;
    std::int64_t next_check = kNever;
    const std::int64_t now = steady_now();
    {
        const std::scoped_lock lock(mutex_);
        next_check = find_overdue(now, overdue);
        unstarted = queues_.remove_stale(now - kMaxWaitMs);
        for (auto& stuck : queues_.remove_stuck()) unstarted.push_back(std::move(stuck));
        if (const std::int64_t oldest = queues_.oldest_ms(); oldest != kNever) {
            next_check = std::min(next_check, oldest + kMaxWaitMs);
        }
        next_check_ms_ = next_check;
        if (draining_ && !overdue.empty() && quiet_) quiet_->wake();
    }
    for (const Overdue& hung : overdue) fail_hung(hung);
    for (const auto& job : unstarted) give_back(*job, "waited too long for its handler");
    if (!overdue.empty() || !unstarted.empty()) tell_capacity();
    return next_check;
}

void ExecutorCore::fail_hung(const Overdue& hung) {
    const StepEvent& event = hung.job->event();
    const std::string callable(extract_handler_name(event));
    hung.job->logger().error(
        "Handler ignored its deadline: the step failed, the thread is abandoned and its slot withheld",
        {{"callable", callable},
         {"step", event.task_sequence_step.workflow_step.name},
         {"timeout_ms", event.timeout_ms},
         {"abandoned_threads", static_cast<std::size_t>(hung.abandoned)}});
    StepOutcome outcome = handler_timed_out(callable, event.timeout_ms);
    // Not on this thread: a publisher that hangs, too, would end the watch over deadlines.
    auto attempt = attempt_of(*hung.job, *hung.lane, outcome, false);
    deliver(*hung.job, *hung.lane, std::move(outcome), std::move(attempt));
    if (hung.abandoned == std::max(options_.max_abandoned, 1U)) {
        log_.error("Too many handlers hang: restart the worker to get its threads back",
                   {{"abandoned_threads", static_cast<std::size_t>(hung.abandoned)},
                    {"threads", static_cast<std::size_t>(options_.threads)}});
    }
}

// The poller, which passes them on otherwise, has ended: a cancelled step must not hold the drain up.
void ExecutorCore::hear_revocations() {
    std::vector<Revocation> revocations;
    backend_->with([&](TaskerRuntime& runtime, const Clock&) { revocations = runtime.take_revocations(); });
    for (const Revocation& revocation : revocations) revoke(revocation);
}

bool ExecutorCore::wait_until_quiet(std::int64_t timeout_ms) {
    // Running handlers get all of the time to finish by themselves; those that do not are asked to stop, and get the
    // grace.
    const std::int64_t soft_end = steady_now() + timeout_ms;
    const std::int64_t end = soft_end + options_.cancel_grace_ms;
    for (;;) {
        const std::int64_t now = steady_now();
        hear_revocations();
        {
            const std::scoped_lock lock(mutex_);
            if (running_locked() == 0) return true;
            if (abort_ || now >= end) return false;
            for (const auto& thread : threads_) {
                if (now >= soft_end && thread->job) thread->job->ask_to_stop(StopReason::Draining);
            }
        }
        quiet_->wait_until(std::min(now < soft_end ? soft_end : end, now + kRevocationsEveryMs),
                           std::stop_token{});
    }
}

void ExecutorCore::hand_back_running() {
    std::vector<std::shared_ptr<StepJob>> unfinished;
    {
        const std::scoped_lock lock(mutex_);
        for (const auto& thread : threads_) {
            if (!thread->job || thread->abandoned || !thread->job->settle()) continue;
            thread->job->ask_to_stop(StopReason::Draining);
            thread->abandoned = true;
            ++thread->lane->hung;
            ++abandoned_;
            unfinished.push_back(thread->job);
        }
    }
    for (const auto& job : unfinished) {
        job->logger().warn("Step handed back: its handler did not finish while the worker drained",
                           {{"callable", std::string(extract_handler_name(job->event()))}});
        give_back(*job, "worker is stopping");
    }
}

DrainReport ExecutorCore::drain(std::int64_t timeout_ms) {
    std::vector<std::shared_ptr<StepJob>> unstarted;
    std::size_t running = 0;
    {
        const std::scoped_lock lock(mutex_);
        draining_ = true;
        unstarted = queues_.remove_all();
        running = running_locked();
    }
    tell_capacity();
    for (const auto& job : unstarted) give_back(*job, "worker is draining");
    DrainReport report;
    report.unstarted = unstarted.size();
    // A handler that gives up because it was told so is handed back like one that had to be cut off.
    const std::int64_t released_before = counters_->released.load();
    if (!wait_until_quiet(timeout_ms)) hand_back_running();
    report.handed_back = static_cast<std::size_t>(counters_->released.load() - released_before);
    report.finished = running - std::min(running, report.handed_back);
    return report;
}

std::size_t ExecutorCore::pause() {
    std::vector<std::shared_ptr<StepJob>> unstarted;
    {
        const std::scoped_lock lock(mutex_);
        paused_ = true;
        unstarted = queues_.remove_all();
    }
    tell_capacity();
    for (const auto& job : unstarted) give_back(*job, "worker is paused");
    const std::scoped_lock lock(mutex_);
    return running_locked();
}

void ExecutorCore::resume() {
    {
        const std::scoped_lock lock(mutex_);
        paused_ = false;
    }
    tell_capacity();
}

void ExecutorCore::abort_drain() {
    const std::scoped_lock lock(mutex_);
    abort_ = true;
    if (quiet_) quiet_->wake();
}

}  // namespace tasker::host
