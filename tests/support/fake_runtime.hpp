#pragma once
// A runtime in memory: hands out what a test offers, remembers what became of it. Thread-safe.

#include <algorithm>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "host/core/guarded.hpp"
#include "host/runtime/runtime.hpp"

namespace tasker::host::testing {

// An event for one step of a one-step template.
inline StepEvent make_event(const std::string& callable, std::uint64_t number, std::int64_t timeout_ms = 0,
                            const std::string& method = "", const std::string& context = "{}") {
    const auto uuid = [number](std::uint8_t kind) {
        Uuid made;
        made.bytes[0] = kind;
        for (std::size_t i = 0; i < 8; ++i) made.bytes[15 - i] = static_cast<std::uint8_t>(number >> (8 * i));
        return made;
    };
    auto task_template = std::make_shared<TaskTemplate>();
    task_template->namespace_name = "default";
    task_template->name = "fake";
    task_template->version = "1.0.0";
    StepTemplate step;
    step.name = "only";
    step.handler.callable = callable;
    step.handler.method = method;
    task_template->steps.push_back(step);
    auto task = std::make_shared<TaskInfo>();
    task->context_json = std::make_shared<const std::string>(context);
    StepEvent event;
    event.event_id = uuid(1);
    event.task_uuid = uuid(2);
    event.step_uuid = uuid(3);
    event.correlation_id = uuid(4);
    event.timeout_ms = timeout_ms;
    event.task_sequence_step.task = std::move(task);
    event.task_sequence_step.task_template = std::move(task_template);
    event.task_sequence_step.workflow_step.name = "only";
    return event;
}

class FakeRuntime final : public TaskerRuntime {
  public:
    struct Completion {
        Uuid event_id;
        StepExecutionResult result;
        CompletionVerdict verdict = CompletionVerdict::Accepted;
    };
    struct SavedCheckpoint {
        Uuid event_id;
        Checkpoint checkpoint;
        bool yielded = false;
    };
    struct Release {
        Uuid event_id;
        std::string reason;
    };

    // What tests do.
    void offer(StepEvent event) {
        state_.with([&](State& s) { s.pending.push_back(std::move(event)); });
        wake();
    }
    void offer_all(std::vector<StepEvent> events) {
        state_.with([&](State& s) {
            for (StepEvent& event : events) s.pending.push_back(std::move(event));
        });
        wake();
    }
    void revoke(const Uuid& event_id, Revocation::Why why) {
        state_.with([&](State& s) { s.revocations.push_back({event_id, why}); });
        wake();
    }
    void fail_next_polls(int count, const std::string& message = "store unavailable") {
        state_.with([&](State& s) {
            s.failing_polls = count;
            s.poll_error = message;
        });
    }
    void starve(std::size_t count) {
        state_.with([&](State& s) {
            s.starvation = {};
            s.starvation.pending = count;
            s.starvation.oldest_pending_ms = 12'000;
            for (std::size_t i = 0; i < count; ++i) s.starvation.starving.emplace_back();
        });
    }
    void refuse_heartbeats() {
        state_.with([](State& s) { s.alive = false; });
    }
    void set_status(RuntimeStatus status) {
        state_.with([&](State& s) { s.status = std::move(status); });
    }
    void fail_stop() {
        state_.with([](State& s) { s.stop_throws = true; });
    }
    // Claims no more than granted, as a real runtime does: at most `slots` events are out at a time.
    void honour_capacity() {
        state_.with([](State& s) { s.honour = true; });
    }
    void on_call(std::function<void(const std::string&)> observer) { observer_ = std::move(observer); }

    // What tests look at.
    std::vector<Completion> completions() const {
        return state_.with([](const State& s) { return s.completions; });
    }
    std::vector<SavedCheckpoint> checkpoints() const {
        return state_.with([](const State& s) { return s.checkpoints; });
    }
    std::vector<Release> releases() const {
        return state_.with([](const State& s) { return s.releases; });
    }
    std::vector<Capacity> capacities() const {
        return state_.with([](const State& s) { return s.capacities; });
    }
    int polls() const {
        return state_.with([](const State& s) { return s.polls; });
    }
    int starvation_checks() const {
        return state_.with([](const State& s) { return s.starvation_checks; });
    }
    int cleanups() const {
        return state_.with([](const State& s) { return s.cleanups; });
    }
    int heartbeats() const {
        return state_.with([](const State& s) { return s.heartbeats; });
    }
    std::size_t out() const {
        return state_.with([](const State& s) { return s.out.size(); });
    }
    std::size_t most_out() const {
        return state_.with([](const State& s) { return s.most_out; });
    }
    bool stopped() const {
        return state_.with([](const State& s) { return s.stopped; });
    }
    std::optional<Completion> completion_of(const Uuid& event_id) const {
        for (const Completion& done : completions()) {
            if (done.event_id == event_id) return done;
        }
        return std::nullopt;
    }

    // The runtime.
    void set_capacity(Capacity capacity) override {
        state_.with([&](State& s) { s.capacities.push_back(std::move(capacity)); });
        wake();
    }
    void on_activity(std::function<void()> wake) override {
        state_.with([&](State& s) { s.wake = std::move(wake); });
    }
    std::vector<StepEvent> poll_step_events(std::size_t limit) override {
        return state_.with([&](State& s) {
            ++s.polls;
            if (s.failing_polls > 0) {
                --s.failing_polls;
                throw std::runtime_error(s.poll_error);
            }
            std::vector<StepEvent> events;
            while (!s.pending.empty() && events.size() < limit && may_claim(s)) {
                s.out.insert(s.pending.front().event_id);
                s.most_out = std::max(s.most_out, s.out.size());
                events.push_back(std::move(s.pending.front()));
                s.pending.pop_front();
            }
            return events;
        });
    }
    std::vector<Revocation> take_revocations() override {
        return state_.with([](State& s) { return std::exchange(s.revocations, {}); });
    }
    void complete_step_event(const Uuid& event_id, StepExecutionResult result,
                             std::function<void(CompletionVerdict)> done) override {
        const auto verdict = state_.with([&](State& s) {
            const bool ours = s.out.erase(event_id) > 0;
            const auto answer = ours ? CompletionVerdict::Accepted : CompletionVerdict::Superseded;
            s.completions.push_back({event_id, std::move(result), answer});
            return answer;
        });
        if (done) done(verdict);
        wake();
    }
    bool heartbeat(const Uuid&) override {
        return state_.with([](State& s) {
            ++s.heartbeats;
            return s.alive;
        });
    }
    void release_step_event(const Uuid& event_id, std::string reason) override {
        state_.with([&](State& s) {
            s.out.erase(event_id);
            s.releases.push_back({event_id, std::move(reason)});
        });
        wake();
    }
    bool save_checkpoint(const Uuid& event_id, const Checkpoint& checkpoint) override {
        return state_.with([&](State& s) {
            if (!s.out.contains(event_id)) return false;
            s.checkpoints.push_back({event_id, checkpoint, false});
            return true;
        });
    }
    void yield_step_event(const Uuid& event_id, Checkpoint checkpoint,
                          std::function<void(CompletionVerdict)> done) override {
        state_.with([&](State& s) {
            s.out.erase(event_id);
            s.checkpoints.push_back({event_id, std::move(checkpoint), true});
        });
        if (done) done(CompletionVerdict::Accepted);
        wake();
    }
    StarvationReport check_starvation_warnings() override {
        return state_.with([](State& s) {
            ++s.starvation_checks;
            return s.starvation;
        });
    }
    std::size_t cleanup_timeouts() override {
        return state_.with([](State& s) {
            ++s.cleanups;
            return std::size_t{1};
        });
    }
    RuntimeStatus status() const override {
        return state_.with([](const State& s) { return s.status; });
    }
    void transition_to_graceful_shutdown() override {
        observe("transition_to_graceful_shutdown");
        state_.with([](State& s) { s.status.core_status = "draining"; });
    }
    std::size_t stop() override {
        observe("stop");
        return state_.with([](State& s) -> std::size_t {
            if (s.stop_throws) throw std::runtime_error("flush failed");
            s.stopped = true;
            s.status.core_status = "stopped";
            return s.out.size();
        });
    }

  private:
    struct State {
        std::deque<StepEvent> pending;
        std::vector<Revocation> revocations;
        std::set<Uuid> out;
        std::size_t most_out = 0;
        std::vector<Completion> completions;
        std::vector<Release> releases;
        std::vector<SavedCheckpoint> checkpoints;
        std::vector<Capacity> capacities;
        std::function<void()> wake;
        StarvationReport starvation;
        RuntimeStatus status{"running", 1, 1, 0, ""};
        std::string poll_error;
        int failing_polls = 0, polls = 0, starvation_checks = 0, cleanups = 0, heartbeats = 0;
        bool alive = true, honour = false, stopped = false, stop_throws = false;
    };

    static bool may_claim(const State& s) {
        return !s.honour || (!s.capacities.empty() && s.out.size() < s.capacities.back().slots);
    }
    void wake() {
        if (const auto call = state_.with([](State& s) { return s.wake; })) call();
    }
    void observe(const std::string& call) {
        if (observer_) observer_(call);
    }
    Guarded<State> state_;
    std::function<void(const std::string&)> observer_;
};

}  // namespace tasker::host::testing
