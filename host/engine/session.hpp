#pragma once
// What one attached worker holds, shared between its runtime (any thread) and the writer thread: claimed events that wait
// to be polled, marks of claims that are not completed, revocations. No I/O under its lock.

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "host/core/clock.hpp"
#include "host/core/wakeup.hpp"
#include "host/engine/engine.hpp"
#include "host/runtime/recorded_events.hpp"
#include "host/runtime/runtime.hpp"

namespace tasker::host {

// Which claim of which step: what a completion must match.
struct ClaimRef {
    std::int64_t task_id = 0, step_id = 0;
    std::size_t index = 0;
    std::uint32_t fence = 0;
    std::int64_t claimed_ms = 0;  // wall clock
};

struct ClaimMark {
    ClaimRef claim;
    std::int64_t timeout_ms = 0;  // 0: none
    std::int64_t claimed_steady_ms = 0;
    bool delivered = false;             // handed to a worker in another process, which has not started it yet
    bool polled = false;                // started
    bool expiring = false;              // its time-out is on the way to the store
    std::int64_t deadline_ms = kNever;  // steady; when the engine fails the step by itself
    std::int64_t last_deadline_ms = kNever;
    Uuid task_uuid, step_uuid;
    // Of a step whose result makes steps: its template and its place in there; else null.
    std::shared_ptr<const TaskTemplate> maker;
    std::size_t template_index = 0;
};

struct ClaimLimits {
    std::int64_t backstop_ms = 0, max_runtime_ms = 0;
};

class Session {
  public:
    Session(SessionOptions options, const Clock& clock, ClaimLimits limits);

    const SessionOptions& options() const { return options_; }
    // The row that names this worker in the store; set by the writer thread, which alone uses it.
    std::optional<std::int64_t> worker_row() const { return worker_row_; }
    void set_worker_row(std::optional<std::int64_t> row) { worker_row_ = row; }
    void on_activity(std::function<void()> wake);

    // For the runtime.
    std::vector<StepEvent> poll(std::size_t limit);
    std::vector<DeliveredStep> deliver(std::size_t limit);
    void start(std::span<const Uuid> events);
    std::vector<HeldClaim> held() const;
    std::vector<Revocation> take_revocations();
    std::optional<ClaimRef> find(const Uuid& event_id) const;
    std::optional<ClaimMark> mark(const Uuid& event_id) const;
    bool was_recorded(const Uuid& event_id) const;
    bool heartbeat(const Uuid& event_id);
    StarvationReport starvation() const;
    std::size_t forget_old();
    std::size_t claimed() const;
    // Polled claims that were given back or refused so far.
    std::size_t returned() const;
    bool draining() const { return draining_.load(std::memory_order_relaxed); }
    void start_draining() { draining_.store(true, std::memory_order_relaxed); }
    // Steady time of the earliest deadline as far as known; may be too early, never too late.
    std::int64_t next_deadline() const { return next_deadline_.load(std::memory_order_relaxed); }

    // For the writer, after a commit.
    void publish(std::vector<std::pair<StepEvent, ClaimMark>> claims);
    void finished(const Uuid& event_id, CompletionVerdict verdict);
    void revoked(const Uuid& event_id, Revocation::Why why);
    void wake() const;
    // Claims over their deadline, each reported once.
    std::vector<std::pair<Uuid, ClaimMark>> take_expired();
    // The claims to give back: those not polled (removed from the queue), or all of them.
    std::vector<std::pair<Uuid, ClaimRef>> take_unpolled();
    std::vector<std::pair<Uuid, ClaimRef>> all_claims();
    // The claims that are not among these events, as all_claims().
    std::vector<std::pair<Uuid, ClaimRef>> claims_besides(const std::unordered_set<Uuid>& listed);
    // A claim of a predecessor, of which it was taken.
    void adopt(const HeldClaim& held, ClaimMark mark);
    std::optional<ClaimMark> take(const Uuid& event_id);
    // A result that a predecessor recorded.
    void note_recorded(const Uuid& event_id);

  private:
    void mark_started(ClaimMark& mark, std::int64_t now);

    const SessionOptions options_;
    std::optional<std::int64_t> worker_row_;  // nothing: it has none yet
    const Clock& clock_;
    const ClaimLimits limits_;
    std::atomic<bool> draining_{false};
    std::atomic<std::int64_t> next_deadline_{kNever};

    mutable std::mutex mutex_;
    std::function<void()> wake_;
    std::deque<StepEvent> pending_;
    std::unordered_map<Uuid, ClaimMark> marks_;
    std::vector<Revocation> revocations_;
    std::size_t returned_ = 0;
    RecordedEvents recorded_;
};

}  // namespace tasker::host
