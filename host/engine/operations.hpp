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
    void wait() {
        std::unique_lock lock(mutex_);
        done_.wait(lock, [this] { return left_ == 0; });
    }

  private:
    std::mutex mutex_;
    std::condition_variable done_;
    std::size_t left_;
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
    bool reduced = false;  // the store refused the result itself; this says so in its place
};

struct ReleaseOp {
    std::shared_ptr<Session> session;
    Uuid event_id;
    ClaimRef claim;
    std::string reason;
};

struct CancelOp {
    std::int64_t task_id = 0, created_ms = 0;
    std::optional<Refused>* answer = nullptr;  // valid until the ticket is answered
    Ticket* ticket = nullptr;
};

struct SessionOp {
    enum class Kind : std::uint8_t { Capacity, Drain, Stop } kind = Kind::Capacity;
    std::shared_ptr<Session> session;
    Capacity capacity;
    Ticket* ticket = nullptr;  // Stop only
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
    std::vector<ReleaseOp> releases;
    std::vector<CancelOp> cancels;
    std::vector<SessionOp> sessions;
    std::vector<SubmitOp> submissions;

    bool empty() const {
        return completions.empty() && releases.empty() && cancels.empty() && sessions.empty() &&
               submissions.empty();
    }
    std::size_t size() const {
        return completions.size() + releases.size() + cancels.size() + submissions.size();
    }
};

}  // namespace tasker::host
