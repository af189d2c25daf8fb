#pragma once
// A worker's session at the engine, as whoever carries it over a connection sees it (host/engine/link_server): beside the
// runtime it knows what the worker holds, so that a worker that lost the connection, or whose engine was started again,
// goes on with it. Two marks: handed over (`deliver`) and started. Nothing here blocks; what has to wait for the store
// answers through a callback, from the writer's thread, which must be quick and must not call back. Once the engine has
// stopped, callbacks may never come. Thread-safe.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "host/core/uuid.hpp"
#include "host/model/flight_report.hpp"
#include "host/runtime/runtime.hpp"

namespace tasker::host {

// A claim: its event, the step, and the fence under which it may be completed.
struct HeldClaim {
    Uuid event_id, step_uuid;
    std::uint32_t fence = 0;
    bool started = false;  // a handler began with it
    friend bool operator==(const HeldClaim&, const HeldClaim&) = default;
};

struct DeliveredStep {
    StepEvent event;
    std::uint32_t fence = 0;
};

// What came of saving a checkpoint.
struct CheckpointAnswer {
    bool saved = false;
    bool unavailable = false;  // the store cannot be written at the moment
    std::string fault;         // why it was not saved; empty when the claim is gone
};

class EngineSession : public TaskerRuntime {
  public:
    // Every claim of the session, polled or not, in no order.
    virtual std::vector<HeldClaim> held() const = 0;
    // What is listed and still valid is kept, also when a predecessor of this session or of the engine handed it out;
    // everything else goes back uncharged. `done` gets the events of those listed that are gone. Of a gone one whose
    // result was recorded, complete_step_event() says AlreadyRecorded from then on.
    virtual void adopt(std::vector<HeldClaim> listed, std::function<void(std::vector<Uuid>)> done) = 0;
    // Whether the event may be under this fence: false only for a claim that has another one.
    virtual bool matches(const Uuid& event_id, std::uint32_t fence) const = 0;

    // As poll_step_events(), but not started: a claim that never starts has no deadline and costs nothing.
    virtual std::vector<DeliveredStep> deliver(std::size_t limit) = 0;
    virtual void start(std::span<const Uuid> events) = 0;
    // What was claimed and not delivered goes back, uncharged.
    virtual void return_undelivered() = 0;
    // save_checkpoint() without waiting.
    virtual void save(const Uuid& event_id, Checkpoint checkpoint,
                      std::function<void(const CheckpointAnswer&)> done) = 0;
    // stop() without waiting. `done` gets how many started claims were handed back.
    virtual void end(std::function<void(std::size_t)> done) = 0;
    // The same for a worker that is gone, and why. `reports`: what its process left; null: nothing is known.
    virtual void lose(std::string why, FlightReports reports, std::function<void(std::size_t)> done) = 0;
    // Lets go without handing anything back: the claims stay as they are for the next life of the engine.
    virtual void leave() = 0;
};

}  // namespace tasker::host
