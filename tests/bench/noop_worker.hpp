#pragma once
// The worker of the engine's benchmark: takes steps and answers them at once. Everything that depends on how a worker is
// made is in here, so that another one can take its place.

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>

#include "host/runtime/runtime.hpp"

namespace tasker::host::bench {

class NoopWorker {
  public:
    NoopWorker(std::unique_ptr<TaskerRuntime> runtime, unsigned slots, const std::string& callable)
        : runtime_(std::move(runtime)) {
        runtime_->on_activity([this] {
            {
                const std::scoped_lock lock(mutex_);
                active_ = true;
            }
            changed_.notify_one();
        });
        thread_ = std::jthread([this](const std::stop_token& stop) { work(stop); });
        runtime_->set_capacity({slots, {{"bench", callable, "", slots}}});
    }
    ~NoopWorker() {
        thread_.request_stop();
        thread_.join();
        runtime_->stop();
    }
    NoopWorker(const NoopWorker&) = delete;
    NoopWorker& operator=(const NoopWorker&) = delete;

    // Blocks until that many steps were recorded since the start.
    void wait_for(std::int64_t steps) {
        std::unique_lock lock(done_mutex_);
        wanted_ = steps;
        done_changed_.wait(lock, [&] { return done_ >= steps; });
    }
    std::int64_t done() const { return done_; }

  private:
    void work(const std::stop_token& stop) {
        while (!stop.stop_requested()) {
            auto events = runtime_->poll_step_events(1000);
            if (events.empty()) {
                std::unique_lock lock(mutex_);
                changed_.wait(lock, stop, [this] { return active_; });
                active_ = false;
                continue;
            }
            for (const StepEvent& event : events) answer(event);
        }
    }
    void answer(const StepEvent& event) {
        StepExecutionResult result;
        result.step_uuid = event.step_uuid;
        result.task_uuid = event.task_uuid;
        result.success = true;
        result.status = "completed";
        result.result_json = R"({"ok":true,"note":"a result of about sixty-four bytes, as is usual"})";
        result.worker_id = "bench-worker";
        result.correlation_id = event.correlation_id.str();
        result.started_ms = result.completed_ms = event.claimed_ms;
        runtime_->complete_step_event(event.event_id, std::move(result), [this](CompletionVerdict) {
            if (++done_ < wanted_) return;
            const std::scoped_lock lock(done_mutex_);
            done_changed_.notify_all();
        });
    }

    std::unique_ptr<TaskerRuntime> runtime_;
    std::mutex mutex_;
    std::condition_variable_any changed_;
    bool active_ = false;
    std::mutex done_mutex_;
    std::condition_variable done_changed_;
    std::atomic<std::int64_t> done_{0}, wanted_{0};
    std::jthread thread_;
};

}  // namespace tasker::host::bench
