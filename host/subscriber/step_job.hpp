#pragma once
// One dispatched step from the executor's queue to its result: the event, its deadline, and the control that
// its handler gets. Thread-safe.

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>

#include "host/core/wakeup.hpp"
#include "host/logging/logger.hpp"
#include "host/model/step_event.hpp"
#include "host/registry/handler.hpp"
#include "host/subscriber/backend.hpp"

namespace tasker::host {

class StepJob final : public CallControl {
  public:
    // `refusal`: why no handler can be called.
    StepJob(StepEvent event, std::shared_ptr<const Backend> backend, Logger log, std::int64_t max_runtime_ms,
            std::optional<Failed> refusal = std::nullopt);

    const StepEvent& event() const { return event_; }
    const std::optional<Failed>& refusal() const { return refusal_; }

    // The handler starts now: its deadline counts from here. Returns the deadline (steady clock), kNever
    // without one.
    std::int64_t begin(std::int64_t steady_ms, std::int64_t unix_ms);
    std::int64_t started_steady_ms() const { return started_steady_ms_; }
    std::int64_t started_unix_ms() const { return started_unix_ms_; }
    std::int64_t deadline_ms() const { return deadline_ms_.load(std::memory_order_relaxed); }

    // The result of this claim is decided by whoever gets true; everybody later is too late.
    bool settle() { return !settled_.exchange(true); }
    bool settled() const { return settled_.load(); }
    // A stronger reason replaces a weaker one.
    void ask_to_stop(StopReason reason);

    StopReason stop_requested() const override { return reason_.load(std::memory_order_relaxed); }
    std::int64_t remaining_ms() const override;
    std::int64_t deadline_unix_ms() const override;
    bool heartbeat(std::uint64_t done, std::uint64_t total) override;
    bool save_checkpoint(const Checkpoint& checkpoint) override;
    const Logger& logger() const override;

  private:
    const StepEvent event_;
    const std::shared_ptr<const Backend> backend_;
    const Logger log_;
    const std::int64_t max_runtime_ms_;
    const std::optional<Failed> refusal_;
    std::int64_t started_steady_ms_ = 0;
    std::int64_t started_unix_ms_ = 0;
    std::atomic<std::int64_t> deadline_ms_ = kNever;
    std::atomic<std::int64_t> last_heartbeat_ms_ = 0;
    std::atomic<StopReason> reason_ = StopReason::None;
    std::atomic<bool> settled_ = false;
    // Most handlers never log, so their logger is made when it is first asked for.
    mutable std::once_flag logger_made_;
    mutable std::optional<Logger> step_log_;
};

}  // namespace tasker::host
