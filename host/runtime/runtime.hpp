#pragma once
// The seam between a worker and whoever orchestrates: the embedded engine in this process now, an engine over a socket
// and a Tasker deployment later. One conformance suite (tests/conformance) says what every implementation must do.
//
// The runtime claims by itself, in the background, never more than the capacity it was told, and keeps what it claimed
// in memory; poll_step_events() takes from there. Every claim carries a fence inside the runtime, known by its event_id:
// only the current claim of a step may complete it. Thread-safe.

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "host/core/uuid.hpp"
#include "host/model/checkpoint.hpp"
#include "host/model/step_event.hpp"
#include "host/model/step_result.hpp"

namespace tasker::host {

// A claim lane that this worker serves: steps of other lanes are never claimed by it.
struct LaneOffer {
    std::string namespace_name;
    std::string callable;
    std::string method;  // empty: "call"
    unsigned limit = 1;  // claimed and not completed at the same time; 0: served, but not now
};

struct Capacity {
    unsigned slots = 0;  // claimed and not completed, all lanes together; 0 pauses claiming
    std::vector<LaneOffer> lanes;
};

struct StarvationReport {
    std::size_t pending = 0;  // claimed, not polled yet
    std::int64_t oldest_pending_ms = 0;
    std::vector<Uuid> starving;  // event ids that waited longer than the threshold (10 s)
};

struct RuntimeStatus {
    std::string core_status;  // running, draining, stopped, unavailable
    int pool_size = 0, pool_idle = 0;
    std::size_t claimed = 0;  // polled or not, not completed yet
    std::string error;        // why it is unavailable; empty otherwise
    bool store_lost = false;  // for good: only a new start can help (the store was damaged or taken away)
};

// A claim the runtime took away from a running step: its handler should stop, its result will be refused.
struct Revocation {
    Uuid event_id;
    enum class Why : std::uint8_t { Cancelled, TimedOut, LeaseLost } why = Why::LeaseLost;
};

class TaskerRuntime {
  public:
    virtual ~TaskerRuntime() = default;

    // How much this worker can take from now on. May shrink below what is claimed: nothing is taken back then.
    virtual void set_capacity(Capacity capacity) = 0;
    // Called (from a runtime thread, must be quick and not call back) when poll_step_events() or
    // take_revocations() has something. Set it before the first set_capacity().
    virtual void on_activity(std::function<void()> wake) = 0;

    // What was claimed since the last call, in claim order; marks it started. No I/O. At most `limit` events.
    virtual std::vector<StepEvent> poll_step_events(std::size_t limit) = 0;
    // Claims that were revoked since the last call. No I/O.
    virtual std::vector<Revocation> take_revocations() = 0;

    // Records the result of a polled event, durably, together with everything that follows from it. Returns at once;
    // `done` is called from a runtime thread when it is durable (or refused). A result that could not be recorded yet
    // (store unavailable) is kept and retried, and `done` is called later. May be called with no callback.
    virtual void complete_step_event(const Uuid& event_id, StepExecutionResult result,
                                     std::function<void(CompletionVerdict)> done = {}) = 0;
    // The handler is alive: extends the step's deadline. False when the claim is gone.
    virtual bool heartbeat(const Uuid& event_id) = 0;
    // Saves the step's progress, durably on return. False when the claim is gone: nothing was saved. Throws
    // StoreUnavailable.
    virtual bool save_checkpoint(const Uuid& event_id, const Checkpoint& checkpoint) = 0;
    // Saves the progress and ends this call of the handler: the step is handed out again with it, under a new event id and
    // in the same attempt. Returns at once; `done` as for complete_step_event().
    virtual void yield_step_event(const Uuid& event_id, Checkpoint checkpoint,
                                  std::function<void(CompletionVerdict)> done = {}) = 0;
    // Gives a claim back uncharged: the step is ready again at once, its attempt is not counted.
    virtual void release_step_event(const Uuid& event_id, std::string reason) = 0;

    virtual StarvationReport check_starvation_warnings() = 0;
    // Forgets bookkeeping of claims that are long over; returns how many.
    virtual std::size_t cleanup_timeouts() = 0;

    virtual RuntimeStatus status() const = 0;
    // No new claim from here on (within 100 ms); claims that were not polled are handed back. Results are still taken.
    virtual void transition_to_graceful_shutdown() = 0;
    // Hands back what is still claimed (returned: how many had been polled), flushes results, ends. Idempotent.
    virtual std::size_t stop() = 0;
};

}  // namespace tasker::host
