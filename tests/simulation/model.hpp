#pragma once
// What must be true, kept apart from the engine and from acknowledged facts alone: what was accepted, handed out, answered
// and told. A rule that is broken throws Violation. Whatever a death leaves open is asked of the store after it
// (audit.cpp), and is a fact from then on.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <unordered_map>
#include <vector>

#include "host/model/step_event.hpp"
#include "host/model/step_result.hpp"
#include "host/model/task_request.hpp"
#include "host/runtime/runtime.hpp"
#include "tests/simulation/store_facts.hpp"

namespace tasker::host::simulation {

class Violation : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

// One result that a worker gave. Its token is in the result and stands as the execution time in the store.
struct Answer {
    std::int64_t token = 0;
    std::size_t hold = 0;
    std::size_t session = 0;  // who gave it
    bool success = false, retryable = false;
    std::optional<std::int64_t> retry_after_ms;
    std::int64_t forward = 0;  // the clock when it was given
    int life = 0;
    bool after_the_end = false;         // the claim was known to be over
    std::vector<std::string> branches;  // of a decision
    std::size_t workers = 0;            // of a batch
    std::int64_t checkpoint = 0;        // it yields with this one instead of ending the attempt
    enum class State : std::uint8_t {
        Waiting,
        Recorded,
        Repeated,
        Refused,
        Unknown,
        Lost
    } state = State::Waiting;
};

// One claim as the worker that polled it sees it.
struct Hold {
    Uuid event_id, task_uuid, step_uuid;
    std::size_t task = 0, step = 0, session = 0;
    int life = 0;
    std::int64_t polled_ms = 0, timeout_ms = 0;  // steady
    bool revoked = false, given_back = false, over = false;
    bool recorded = false;  // a result under this claim is in the store
    bool yielded = false;
    std::vector<std::int64_t> answers;
};

struct Step {
    std::size_t of = 0;        // index in the template
    bool done = false;         // its success was told, or a child was given it
    bool failed = false;       // for good
    bool frozen = false;       // not ready when its task was blocked: must not start
    std::int64_t result = 0;   // token of the success
    std::int64_t fence = 0;    // as last seen in the store
    std::int64_t charged = 0;  // attempts that count
    std::int64_t losses = 0;
    std::int64_t not_before = 0;                 // on the clock that only goes forward
    std::int64_t checkpoint = 0;                 // the newest that was told to be saved
    std::vector<std::int64_t> checkpoints_open;  // saved or not: the answer was lost
    bool by_hand = false;                        // done, and no worker's result made it so
    std::optional<StepAction::Kind> ordered;     // by an operator, and not answered yet
    std::size_t orders = 0;                      // that were done
    std::vector<std::size_t> holds;
};

struct Task {
    std::shared_ptr<const TaskTemplate> definition;
    std::int64_t token = 0;
    int priority = 0;
    std::optional<std::string> identity;
    enum class Known : std::uint8_t { Open, Exists, Refused } known = Known::Open;
    std::optional<Uuid> uuid;
    bool cancelled = false, cancel_open = false;
    std::vector<Step> steps;  // as in the template, then batch workers as they are met
    // Of a task that gets steps while it runs: what the recorded outcome of its maker says.
    bool grows = false;
    std::size_t maker = 0;
    std::vector<std::string> branches;
    std::size_t workers = 0;
    std::map<std::string, std::size_t, std::less<>> made;  // batch workers by name
};

class Model {
  public:
    struct Limits {
        std::int64_t default_timeout_ms = 0, backstop_ms = 0;
        bool gives_up_unserved = false;  // the engine fails steps that nobody serves, without telling
        bool gives_up_stale = false;     // and tasks that do not get on
    };
    explicit Model(Limits limits) : limits_(limits) {}

    // The clocks, as they are now: the steady one and the wall's steps forward.
    void now(std::int64_t steady, std::int64_t forward) {
        steady_ = steady;
        forward_ = forward;
    }

    // A submission that is about to be made. Its token is in the context.
    std::size_t plan_task(std::shared_ptr<const TaskTemplate> definition, const TaskRequest& request);
    void submitted(std::size_t task, const SubmitOutcome& outcome);
    // The same request once more, as a client does whose answer was lost.
    void resubmitted(std::size_t task, const SubmitOutcome& outcome);
    // What a lookup by idempotency key said.
    void found(const std::string& identity, const std::optional<Uuid>& uuid);
    void cancelling(std::size_t task) { tasks_[task].cancel_open = true; }
    void cancelled(std::size_t task, const std::optional<Refused>& refused);

    // An operator's action. `result` is the token of a result that is given by hand: below 0.
    void ordering(std::size_t task, std::size_t step, StepAction::Kind kind);
    void ordered(std::size_t task, std::size_t step, const std::optional<Refused>& refused);

    // A polled event; returns its hold. `alive` asks the runtime whether a claim is still held.
    std::size_t delivered(const StepEvent& event, std::size_t session, std::int64_t steady,
                          const std::function<bool(const Hold&)>& alive);
    Answer& answer(std::size_t hold, std::size_t session);
    // What save_checkpoint() said to a number above all before it; nothing: no answer came.
    void saved(std::size_t hold, std::int64_t checkpoint, std::optional<bool> saved);
    void verdict(std::int64_t token, CompletionVerdict verdict, std::int64_t since);
    // `since`: the clock when the engine was called that took the claim away.
    void revoked(const Uuid& event_id, std::size_t session, Revocation::Why why, std::int64_t since);
    void given_back(std::size_t hold) { holds_[hold].given_back = true; }
    // The session stopped: whatever it held is over.
    void session_ended(std::size_t session);
    void engine_died();

    // The store against all of it. `settled`: everything that was asked is answered.
    void audit(const StoreFacts& facts, bool settled);

    // Nothing that was asked may be without an answer.
    void expect_all_answered() const;

    const std::vector<Task>& tasks() const { return tasks_; }
    const std::vector<Hold>& holds() const { return holds_; }
    const Hold& hold(std::size_t index) const { return holds_[index]; }
    std::size_t waiting_answers() const { return waiting_; }
    std::uint64_t recorded() const { return recorded_; }
    int life() const { return life_; }
    // The engine may end it by itself by now.
    bool overdue(const Hold& hold) const {
        return hold.timeout_ms > 0 && steady_ >= hold.polled_ms + hold.timeout_ms + limits_.backstop_ms;
    }

  private:
    Step& step_of(const Hold& hold) { return tasks_[hold.task].steps[hold.step]; }
    void record(Answer& answer);
    void charge(const Hold& hold, bool retryable, std::optional<std::int64_t> retry_after_ms,
                std::int64_t forward);
    void freeze(Task& task);
    std::size_t worker_of(Task& task, const std::string& name, const std::string& what);
    void check_growth(const StepEvent& event, const Task& task, const std::string& what) const;
    void check_given(const StepEvent& event, Task& task, const std::string& what);
    void audit_growth(const Task& task, const std::vector<StepRow>& rows) const;
    void carry_out(Task& task, Step& step, StepAction::Kind kind);
    void check_dependencies(const StepEvent& event, Task& task, const std::string& what);
    void check_checkpoint(Step& step, const WorkflowStep& seen, const std::string& what);
    void check_claims(const Step& step, const std::string& what,
                      const std::function<bool(const Hold&)>& alive);
    Task& task_of(const std::string& context, const std::string& what);
    void audit_task(const StoreFacts& facts, const TaskRow& row, bool settled);
    void audit_step(const StoreFacts& facts, Task& task, std::size_t index, const StepRow& row, bool settled);
    void audit_attempts(const StoreFacts& facts, Task& task, std::size_t index, const StepRow& row);
    void audit_graph(const Task& task, const TaskRow& row, const std::vector<StepRow>& steps) const;

    Limits limits_;
    int life_ = 0;
    std::int64_t steady_ = 0, forward_ = 0;
    std::vector<Task> tasks_;  // token - 1
    std::vector<Hold> holds_;
    std::vector<Answer> answers_;  // token - 1
    std::unordered_map<Uuid, std::size_t> by_event_;
    std::map<std::string, std::vector<std::size_t>> by_identity_;
    std::size_t waiting_ = 0;
    std::uint64_t recorded_ = 0;
};

// The token in a context or a result: {"t":7}. 0: none.
std::int64_t token_in(std::string_view json);

}  // namespace tasker::host::simulation
