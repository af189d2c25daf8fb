#pragma once
// Runs dispatched steps on a bounded set of threads ("tw-exec-N", "tw-affine-N") and watches their deadlines
// ("tw-deadline"). Tells the runtime how much it may claim, so that claims never exceed free slots.
// Thread-safe.

#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "host/core/named_thread.hpp"
#include "host/subscriber/executor_core.hpp"

namespace tasker::host {

class StepExecutor {
  public:
    // Runtime and clock outlive it.
    StepExecutor(const HandlerRegistry& registry, TaskerRuntime& runtime, WorkerIdentity worker,
                 SubscriberOptions options, Logger log, const Clock& clock,
                 std::shared_ptr<DomainEvents> events = nullptr);
    ~StepExecutor();
    StepExecutor(const StepExecutor&) = delete;
    StepExecutor& operator=(const StepExecutor&) = delete;

    void start();
    // Queues the step; gives it back at once when draining or when far more came than was granted. Never
    // blocks.
    void accept(const StepEvent& event);
    // See ExecutorCore::offer; tells the runtime when it was started.
    void offer(const std::vector<std::shared_ptr<const TaskTemplate>>& templates);
    void revoke(const Revocation& revocation) { core_->revoke(revocation); }
    // See StepExecutionSubscriber::drain. Not more than once.
    DrainReport drain(std::int64_t timeout_ms) { return core_->drain(timeout_ms); }
    void abort_drain() { core_->abort_drain(); }
    // See StepExecutionSubscriber.
    std::size_t pause() { return core_->pause(); }
    void resume() { core_->resume(); }
    // Ends the threads; gives up those whose handler does not return. Drain first. Idempotent.
    void stop();
    ExecutorStats stats() const { return core_->stats(); }
    std::vector<HandlerCounts> handler_counts() const { return core_->handler_counts(); }

  private:
    struct Member {
        ExecutorCore::Thread* thread = nullptr;
        NamedThread body;
    };
    Member make_member(const char* name, std::size_t number, HandlerLane* own);

    const unsigned thread_count_;
    const std::shared_ptr<ExecutorCore> core_;
    std::mutex members_mutex_;
    bool stopped_ = false;
    std::vector<Member> members_;
    NamedThread watchdog_;
};

}  // namespace tasker::host
