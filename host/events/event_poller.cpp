#include "host/events/event_poller.hpp"

#include <algorithm>
#include <chrono>
#include <exception>
#include <utility>

namespace tasker::host {

namespace {
// After so many polls in a row that found nothing the poller relies on the runtime's wake-up alone.
constexpr int kPollsBeforeIdle = 100;
constexpr std::int64_t kMaxBackOffMs = 1000;

EventPollerConfig sane(EventPollerConfig config) {
    config.polling_interval_ms = std::max<std::int64_t>(config.polling_interval_ms, 1);
    config.starvation_check_interval = std::max(config.starvation_check_interval, 1);
    config.cleanup_interval = std::max(config.cleanup_interval, 1);
    config.max_events_per_cycle = std::max<std::size_t>(config.max_events_per_cycle, 1);
    return config;
}

std::string what_of(const std::exception_ptr& thrown) {
    try {
        std::rethrow_exception(thrown);
    } catch (const std::exception& error) {
        return error.what();
    } catch (...) {
        return "something that is no std::exception was thrown";
    }
}

bool crossed(std::uint64_t before, std::uint64_t now, int interval) {
    const auto every = static_cast<std::uint64_t>(interval);
    return before / every != now / every;
}
}  // namespace

EventPoller::EventPoller(TaskerRuntime& runtime, const Clock& clock, EventPollerConfig config, Logger log)
    : runtime_(runtime),
      clock_(clock),
      config_(sane(config)),
      log_(log.with({{"component", "event_poller"}})),
      wakeup_(clock),
      doorbell_(std::make_shared<Guarded<Wakeup*>>(&wakeup_)) {
    runtime_.on_activity([doorbell = doorbell_] {
        doorbell->with([](Wakeup* wakeup) {
            if (wakeup != nullptr) wakeup->wake();
        });
    });
}

EventPoller::~EventPoller() {
    stop(0);
    if (thread_.joinable()) thread_.join();
    doorbell_->with([](Wakeup*& wakeup) { wakeup = nullptr; });
}

void EventPoller::start() {
    const std::scoped_lock control(control_);
    if (running_.load()) return;
    if (thread_.joinable()) thread_.join();  // a stop that came from a callback left it to us
    running_.store(true);
    {
        const std::scoped_lock lock(ended_mutex_);
        ended_ = false;
    }
    thread_ = NamedThread("tw-poller", [this](const std::stop_token& stop) {
        thread_id_.store(std::this_thread::get_id());
        run(stop);
        const std::scoped_lock lock(ended_mutex_);
        ended_ = true;
        ended_changed_.notify_all();
    });
}

bool EventPoller::stop(std::int64_t timeout_ms) {
    if (thread_id_.load() == std::this_thread::get_id()) {
        running_.store(false);  // run() sees it after this callback
        return true;
    }
    const std::scoped_lock control(control_);
    if (!thread_.joinable()) return true;
    running_.store(false);
    thread_.request_stop();
    wakeup_.wake();
    {
        std::unique_lock lock(ended_mutex_);
        if (!ended_changed_.wait_for(lock, std::chrono::milliseconds{timeout_ms}, [this] { return ended_; }))
            return false;
    }
    thread_.join();
    thread_id_.store({});
    if (stopped_) stopped_();
    return true;
}

void EventPoller::run(const std::stop_token& stop) {
    int failures = 0;
    int empty_polls = 0;
    while (!stop.stop_requested() && running_.load()) {
        const std::uint64_t before = polls_.load();
        try {
            const bool found = poll_once(stop) > 0;
            empty_polls = found ? 0 : std::min(empty_polls + 1, kPollsBeforeIdle);
            const std::uint64_t now = before + pause(empty_polls >= kPollsBeforeIdle, stop);
            polls_.store(now);
            run_duties(before, now);
            failures = 0;
        } catch (...) {
            report_error(what_of(std::current_exception()));
            polls_.store(std::max(polls_.load(), before + 1));
            back_off(++failures, stop);
        }
    }
}

std::size_t EventPoller::poll_once(const std::stop_token& stop) {
    for (const Revocation& revocation : runtime_.take_revocations()) {
        if (revocation_) revocation_(revocation);
    }
    std::size_t taken = 0;
    while (!stop.stop_requested()) {
        const auto events = runtime_.poll_step_events(config_.max_events_per_cycle);
        for (const StepEvent& event : events) {
            // The others of this batch are ours already: one listener that throws must not lose them.
            try {
                if (step_event_) step_event_(event);
            } catch (...) {
                report_error(what_of(std::current_exception()));
            }
        }
        taken += events.size();
        if (events.size() < config_.max_events_per_cycle) break;
    }
    return taken;
}

std::uint64_t EventPoller::pause(bool idle, const std::stop_token& stop) {
    std::uint64_t polls = 1;
    if (idle) {
        const auto every = static_cast<std::uint64_t>(config_.starvation_check_interval);
        polls = every - polls_.load() % every;  // sleep up to the next duty
    }
    const std::int64_t from = clock_.steady_ms();
    wakeup_.wait_until(from + config_.polling_interval_ms * static_cast<std::int64_t>(polls), stop);
    const std::int64_t slept = (clock_.steady_ms() - from) / config_.polling_interval_ms;
    return std::clamp<std::uint64_t>(static_cast<std::uint64_t>(std::max<std::int64_t>(slept, 1)), 1, polls);
}

void EventPoller::run_duties(std::uint64_t before, std::uint64_t now) {
    if (crossed(before, now, config_.starvation_check_interval)) report_starvation();
    if (crossed(before, now, config_.cleanup_interval)) {
        if (const std::size_t forgotten = runtime_.cleanup_timeouts(); forgotten > 0) {
            log_.debug("Forgot claims that are long over", {{"operation", "cleanup"}, {"count", forgotten}});
        }
    }
}

void EventPoller::report_starvation() {
    const StarvationReport report = runtime_.check_starvation_warnings();
    if (report.starving.empty()) return;
    log_.warn("Step events wait too long to be polled", {{"operation", "starvation_check"},
                                                         {"pending_count", report.pending},
                                                         {"oldest_pending_age_ms", report.oldest_pending_ms},
                                                         {"starving_event_count", report.starving.size()},
                                                         {"oldest_event_id", report.starving.front().str()}});
}

// A listener that throws must not end the thread, whatever it throws.
void EventPoller::report_error(const std::string& message) {
    try {
        if (error_) return error_(message);
    } catch (...) {
        log_.error("A listener of poller errors threw: " + what_of(std::current_exception()),
                   {{"operation", "poll"}});
    }
    log_.error("EventPoller error: " + message, {{"operation", "poll"}, {"error_message", message}});
}

void EventPoller::back_off(int failures, const std::stop_token& stop) {
    const std::int64_t first = config_.polling_interval_ms * 10;
    const std::int64_t delay = std::min(first << std::min(failures - 1, 10), kMaxBackOffMs);
    const std::int64_t due = clock_.steady_ms() + delay;
    // Activity of the runtime wakes us too; a poll that fails must not spin on it.
    while (!stop.stop_requested() && clock_.steady_ms() < due) wakeup_.wait_until(due, stop);
}

}  // namespace tasker::host
