#include "host/subscriber/step_executor.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace tasker::host {

StepExecutor::StepExecutor(const HandlerRegistry& registry, TaskerRuntime& runtime, WorkerIdentity worker,
                           SubscriberOptions options, Logger log, const Clock& clock,
                           std::shared_ptr<DomainEvents> events)
    : thread_count_(std::max(options.threads, 1U)),
      core_(std::make_shared<ExecutorCore>(registry, runtime, std::move(worker), std::move(options),
                                           std::move(log), clock, std::move(events))) {}

StepExecutor::~StepExecutor() { stop(); }

StepExecutor::Member StepExecutor::make_member(const char* name, std::size_t number, HandlerLane* own) {
    Member member;
    member.thread = &core_->add_thread(own);
    // The core is shared: an abandoned thread still uses it when this executor is gone.
    member.body = NamedThread(
        name + std::to_string(number),
        [core = core_, thread = member.thread](const std::stop_token& stop) { core->serve(*thread, stop); });
    return member;
}

void StepExecutor::start() {
    const std::scoped_lock lock(members_mutex_);
    if (stopped_ || watchdog_.joinable()) return;
    for (unsigned i = 0; i < thread_count_; ++i) members_.push_back(make_member("tw-exec-", i, nullptr));
    watchdog_ = NamedThread("tw-deadline", [core = core_](const std::stop_token& stop) {
        while (!stop.stop_requested()) core->wait_for_deadline(core->check_deadlines(), stop);
    });
    core_->tell_capacity();
}

void StepExecutor::accept(const StepEvent& event) {
    HandlerLane* const wants_thread = core_->accept(event);
    if (wants_thread == nullptr) return;
    const std::scoped_lock lock(members_mutex_);
    if (!stopped_) members_.push_back(make_member("tw-affine-", members_.size(), wants_thread));
}

void StepExecutor::offer(const std::vector<std::shared_ptr<const TaskTemplate>>& templates) {
    core_->offer(templates);
    const std::scoped_lock lock(members_mutex_);
    if (!stopped_ && watchdog_.joinable()) core_->tell_capacity();
}

void StepExecutor::stop() {
    const std::scoped_lock lock(members_mutex_);
    if (std::exchange(stopped_, true)) return;
    core_->close();
    if (watchdog_.joinable()) {
        watchdog_.request_stop();
        watchdog_.join();
    }
    for (Member& member : members_) {
        if (core_->is_abandoned(*member.thread)) {
            member.body.abandon();
        } else {
            member.body.join();
        }
    }
    members_.clear();
    core_->disconnect();
}

}  // namespace tasker::host
