#pragma once
// What other threads ask of the writer thread. Each operation is answered after the commit that holds it.

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "host/engine/attempt_event.hpp"
#include "host/engine/session.hpp"
#include "host/engine/upkeep_options.hpp"
#include "host/model/flight_report.hpp"
#include "host/model/outcomes.hpp"
#include "host/model/step_event.hpp"
#include "host/model/step_result.hpp"
#include "host/model/task_request.hpp"

namespace tasker::host {

// A caller that waits for a number of answers.
class Ticket {
  public:
    explicit Ticket(std::size_t answers) : left_(answers) {}
    void answered() {
        const std::scoped_lock lock(mutex_);
        if (--left_ == 0) done_.notify_all();
    }
    bool done() {
        const std::scoped_lock lock(mutex_);
        return left_ == 0;
    }
    void wait() {
        std::unique_lock lock(mutex_);
        done_.wait(lock, [this] { return left_ == 0; });
    }

  private:
    std::mutex mutex_;
    std::condition_variable done_;
    std::size_t left_;
};

// What a result says about the steps to be made, read on the worker's thread to keep the writer's turn short.
struct Making {
    Parsed<MakingOutcome> outcome;
    StepExecutionResult
        shell;  // without its result: the failure that replaces a result with an unusable outcome
};

struct CompleteOp {
    std::shared_ptr<Session> session;  // null: made by the engine for a step nobody holds
    Uuid event_id;
    std::optional<ClaimRef> claim;  // nothing: the claim is gone, only `unclaimed` is to be told
    CompletionVerdict unclaimed = CompletionVerdict::Superseded;
    AttemptEvent event = AttemptEvent::Succeeded;
    bool retryable = false;
    std::optional<std::int64_t> retry_after_ms;
    std::int64_t execution_ms = 0;
    SharedText envelope;
    std::function<void(CompletionVerdict)> done;
    std::vector<DomainEvent> events;       // for the durable queue, if this is accepted
    bool charged = true;                   // false: the attempt does not count
    bool reduced = false;                  // the store refused the result itself; this says so in its place
    std::shared_ptr<const Making> making;  // of a step that makes steps, when it succeeded; else null
};

// Progress of a step in progress. With `saved` it is saved and the step goes on; without, the call of the handler is over.
struct CheckpointOp {
    std::shared_ptr<Session> session;
    Uuid event_id;
    std::optional<ClaimRef> claim;  // nothing: the claim is gone, only `unclaimed` is to be told
    CompletionVerdict unclaimed = CompletionVerdict::Superseded;
    Checkpoint checkpoint;
    std::function<void(CompletionVerdict)> done;
    // Who waits for a checkpoint to be saved; empty: the call of the handler is over.
    std::function<void(const CheckpointAnswer&)> saved;
    bool yields() const { return !saved; }
};

struct ReleaseOp {
    std::shared_ptr<Session> session;
    Uuid event_id;
    ClaimRef claim;
    std::string reason;
    AttemptEvent event = AttemptEvent::HandedBack;  // or WorkerLost
    FlightReports reports = {};                     // WorkerLost only: how the worker's process ended
};

struct CancelOp {
    std::int64_t task_id = 0, created_ms = 0;
    std::optional<Refused>* answer = nullptr;  // valid until the ticket is answered
    Ticket* ticket = nullptr;
};

class Orchestrator;

// Something that an operator or a reader of events asks for, done inside the batch's transaction.
struct OperatorOp {
    std::function<std::optional<Refused>(Orchestrator&)> act;  // again after a rollback
    std::optional<Refused> outcome;
    std::optional<Refused>* answer = nullptr;  // valid until the ticket is answered
    Ticket* ticket = nullptr;
};

// Runs in slices, each a transaction of its own between two batches.
struct PruneOp {
    std::int64_t complete_before_ms = 0, failed_before_ms = 0, identities_before_ms = 0;  // wall clock
    bool keep_identities = true;
    bool compact = false;
    PruneReport* report = nullptr;  // valid until the ticket is answered
    std::optional<Refused>* answer = nullptr;
    Ticket* ticket = nullptr;  // null: the engine's own
};

struct SessionOp {
    enum class Kind : std::uint8_t { Capacity, Adopt, Return, Drain, Stop, Lost } kind = Kind::Capacity;
    std::shared_ptr<Session> session;
    Capacity capacity;
    std::vector<HeldClaim> listed;                        // Adopt only
    std::function<void(std::vector<Uuid> gone)> adopted;  // Adopt only
    std::function<void()> ended;                          // Stop and Lost only
    std::string why;                                      // Lost only, as the one below
    FlightReports reports;
};

struct SubmitOp {
    const TaskRequest* request = nullptr;  // valid until the ticket is answered, as the two below
    SubmitOutcome* answer = nullptr;
    Ticket* ticket = nullptr;
    std::shared_ptr<const TaskTemplate> definition;
    std::optional<std::string> identity;  // 32 bytes
    SharedText context;
    std::string tags_json;
};

struct Operations {
    std::vector<CompleteOp> completions;
    std::vector<CheckpointOp> checkpoints;
    std::vector<ReleaseOp> releases;
    std::vector<CancelOp> cancels;
    std::vector<OperatorOp> operators;
    std::vector<PruneOp> prunes;  // not part of a batch
    std::vector<SessionOp> sessions;
    std::vector<SubmitOp> submissions;

    bool empty() const {
        return completions.empty() && checkpoints.empty() && releases.empty() && cancels.empty() &&
               operators.empty() && prunes.empty() && sessions.empty() && submissions.empty();
    }
    std::size_t size() const {
        return completions.size() + checkpoints.size() + releases.size() + cancels.size() + operators.size() +
               submissions.size();
    }
};

}  // namespace tasker::host
