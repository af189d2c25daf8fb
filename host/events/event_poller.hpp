#pragma once
// Takes claimed steps from the runtime and hands them on, on its own thread ("tw-poller"). The runtime wakes
// it when it has something, so the polling interval is a fallback and not a latency. Polling does no I/O.

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>

#include "host/core/clock.hpp"
#include "host/core/guarded.hpp"
#include "host/core/named_thread.hpp"
#include "host/core/wakeup.hpp"
#include "host/logging/logger.hpp"
#include "host/runtime/runtime.hpp"

namespace tasker::host {

struct EventPollerConfig {
    std::int64_t polling_interval_ms = 10;   // at least 1
    int starvation_check_interval = 100;     // polls; at least 1
    int cleanup_interval = 1000;             // polls; at least 1
    std::size_t max_events_per_cycle = 256;  // taken from the runtime at once
};

// Thread-safe but for the on_... functions, which are called before start(). Callbacks run on the poller's
// thread.
class EventPoller {
  public:
    // Tells the runtime whom to wake, so construct it before the first set_capacity(). Runtime and clock
    // outlive it.
    EventPoller(TaskerRuntime& runtime, const Clock& clock, EventPollerConfig config = {}, Logger log = {});
    // Stops, however long that takes.
    ~EventPoller();
    EventPoller(const EventPoller&) = delete;
    EventPoller& operator=(const EventPoller&) = delete;

    void on_step_event(std::function<void(const StepEvent&)> callback) { step_event_ = std::move(callback); }
    // A poll, a duty or a callback threw. Polling goes on, after a pause that grows up to a second.
    void on_error(std::function<void(const std::string&)> callback) { error_ = std::move(callback); }
    void on_revocation(std::function<void(const Revocation&)> callback) { revocation_ = std::move(callback); }
    // Called by stop(), on its thread, once nothing is polled any more.
    void on_stopped(std::function<void()> callback) { stopped_ = std::move(callback); }

    // Does nothing when it runs already. It may be started again after stop().
    void start();
    // Returns when the poll in progress is over: true, or false when it was not within `timeout_ms`. Safe
    // when stopped. From a callback it only asks for the stop and returns at once.
    bool stop(std::int64_t timeout_ms = 5000);
    bool running() const { return running_.load(); }

    // Polls so far. An idle poller sleeps through the polls that could find nothing, and counts them.
    std::uint64_t poll_count() const { return polls_.load(); }
    const EventPollerConfig& config() const { return config_; }

  private:
    void run(const std::stop_token& stop);
    // One cycle; how many events it took.
    std::size_t poll_once(const std::stop_token& stop);
    void run_duties(std::uint64_t before, std::uint64_t now);
    void report_starvation();
    void report_error(const std::string& message);
    // Sleeps until the next poll; how many polls that stands for.
    std::uint64_t pause(bool idle, const std::stop_token& stop);
    void back_off(int failures, const std::stop_token& stop);

    TaskerRuntime& runtime_;
    const Clock& clock_;
    const EventPollerConfig config_;
    const Logger log_;
    std::function<void(const StepEvent&)> step_event_;
    std::function<void(const std::string&)> error_;
    std::function<void(const Revocation&)> revocation_;
    std::function<void()> stopped_;

    Wakeup wakeup_;
    // Shared with the runtime's wake callback, which may outlive this poller; empty once it is gone.
    const std::shared_ptr<Guarded<Wakeup*>> doorbell_;
    std::atomic<bool> running_ = false;
    std::atomic<std::uint64_t> polls_ = 0;
    std::mutex control_;  // start and stop exclude each other
    std::mutex ended_mutex_;
    std::condition_variable_any ended_changed_;
    bool ended_ = true;
    std::atomic<std::thread::id> thread_id_;
    NamedThread thread_;
};

}  // namespace tasker::host
