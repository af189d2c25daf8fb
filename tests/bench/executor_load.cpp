#include "tests/bench/executor_load.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>

#include "host/model/wire.hpp"
#include "host/worker/event_system.hpp"
#include "tests/bench/sample_event.hpp"

namespace tasker::host::bench {

namespace {
double cpu_seconds() {
    struct rusage usage {};
    getrusage(RUSAGE_SELF, &usage);
    const auto seconds = [](const timeval& value) {
        return static_cast<double>(value.tv_sec) + static_cast<double>(value.tv_usec) / 1e6;
    };
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// Always has as many steps ready as the worker has slots. Frees slots in groups, as a commit does; a result is turned
// into its envelope and forgotten.
class EndlessRuntime final : public TaskerRuntime {
  public:
    explicit EndlessRuntime(std::int64_t steps)
        : event_(sample_event(uuids_, sample_template())), left_(steps), open_(steps) {}

    void set_capacity(Capacity capacity) override {
        const std::scoped_lock lock(mutex_);
        free_ = static_cast<std::int64_t>(capacity.slots);
        group_ = std::max<std::int64_t>(free_ / 2, 1);
        if (wake_) wake_();
    }
    void on_activity(std::function<void()> wake) override { wake_ = std::move(wake); }
    std::vector<StepEvent> poll_step_events(std::size_t limit) override {
        const std::scoped_lock lock(mutex_);
        const std::int64_t count = std::min({free_, left_, static_cast<std::int64_t>(limit)});
        free_ -= count;
        left_ -= count;
        std::vector<StepEvent> events;
        events.reserve(static_cast<std::size_t>(count));
        for (std::int64_t i = 0; i < count; ++i) {
            events.push_back(event_);
            events.back().event_id = uuids_.next();
        }
        return events;
    }
    std::vector<Revocation> take_revocations() override { return {}; }
    void complete_step_event(const Uuid&, StepExecutionResult result,
                             std::function<void(CompletionVerdict)> done) override {
        const std::string envelope = to_envelope(result);
        if (done) done(envelope.empty() ? CompletionVerdict::Superseded : CompletionVerdict::Accepted);
        const std::scoped_lock lock(mutex_);
        ++finished_;
        --open_;
        if (finished_ >= group_ || open_ == 0) {
            free_ += std::exchange(finished_, 0);
            wake_();
        }
        if (open_ == 0) over_.notify_all();
    }
    bool heartbeat(const Uuid&) override { return true; }
    void release_step_event(const Uuid&, std::string) override {}
    bool save_checkpoint(const Uuid&, const Checkpoint&) override { return true; }
    void yield_step_event(const Uuid&, Checkpoint, std::function<void(CompletionVerdict)>) override {}
    StarvationReport check_starvation_warnings() override { return {}; }
    std::size_t cleanup_timeouts() override { return 0; }
    RuntimeStatus status() const override { return {}; }
    void transition_to_graceful_shutdown() override {}
    std::size_t stop() override { return 0; }

    void wait() {
        std::unique_lock lock(mutex_);
        over_.wait(lock, [this] { return open_ == 0; });
    }

  private:
    SystemClock clock_;
    SystemRandom random_;
    UuidGenerator uuids_{clock_, random_};
    const StepEvent event_;
    std::function<void()> wake_;
    std::mutex mutex_;
    std::condition_variable over_;
    std::int64_t free_ = 0, group_ = 1, finished_ = 0, left_, open_;
};
}  // namespace

double executor_us_per_step(const HandlerRegistry& registry, std::int64_t steps) {
    const SystemClock clock;
    EndlessRuntime runtime(steps);
    SubscriberOptions options;
    options.namespaces = {"bench"};
    EventSystem system(registry, runtime, "bench", options, EventPollerConfig{}, Logger(), clock);
    const double before = cpu_seconds();
    system.start();
    runtime.wait();
    const double used = cpu_seconds() - before;
    system.stop();
    return used / static_cast<double>(steps) * 1e6;
}

}  // namespace tasker::host::bench
