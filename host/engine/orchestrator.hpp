#pragma once
// What happens inside one transaction of the writer: results, promotion, claims, submissions, timers. Lives on the writer
// thread. What others are to learn of it is collected in Effects and published after the commit.

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "host/core/clock.hpp"
#include "host/core/random.hpp"
#include "host/core/uuid.hpp"
#include "host/engine/engine.hpp"
#include "host/engine/identity_index.hpp"
#include "host/engine/lanes.hpp"
#include "host/engine/open_task.hpp"
#include "host/engine/operations.hpp"
#include "host/engine/pinned_templates.hpp"
#include "host/engine/row_uuid.hpp"
#include "host/engine/statements.hpp"

namespace tasker::host {

// step.ready_seq is the wall clock in milliseconds times this, plus a counter.
inline constexpr std::int64_t kReadySeqPerMs = 4096;

struct Effects {
    struct Claimed {
        std::shared_ptr<Session> session;
        StepEvent event;
        ClaimMark mark;
    };
    struct Finished {
        std::shared_ptr<Session> session;
        Uuid event_id;
        CompletionVerdict verdict = CompletionVerdict::Superseded;
        const std::function<void(CompletionVerdict)>* done =
            nullptr;  // of the operation; null: nobody to tell
    };
    struct Revoked {
        std::shared_ptr<Session> session;
        Uuid event_id;
        Revocation::Why why = Revocation::Why::LeaseLost;
    };
    std::vector<Claimed> claimed;
    std::vector<Finished> finished;
    std::vector<Revoked> revoked;
    bool changed = false;  // something was written
};

class Orchestrator {
  public:
    Orchestrator(SqlConnection& connection, const EngineOptions& options, const Clock& clock, Random& random,
                 Logger log, std::shared_ptr<PinnedTemplates> pinned);

    // Takes back what the previous life had claimed; loads lanes and timers. Returns how many claims were lost.
    std::size_t recover();
    std::int64_t add_worker(const std::string& name);

    // Rows that later transactions refer to, in a transaction of its own.
    void pin_template(const std::shared_ptr<const TaskTemplate>& definition);
    // Inside a transaction.
    void set_capacity(const std::shared_ptr<Session>& session, const Capacity& capacity);
    void remove_session(const Session* session);

    // Without `hand_back` dependents only become ready: nothing is claimed besides what is asked for.
    void begin(bool hand_back = true);
    void complete(CompleteOp& op);
    void release(const ReleaseOp& op);
    std::optional<Refused> cancel(const CancelOp& op);
    void fire_timers();
    void fail_unserved();
    SubmitOutcome submit(const SubmitOp& op);
    // Tops the sessions up from the ready index.
    void claim();
    // Writes the task states that follow, then commits. The effects are valid from here on.
    void commit();
    void rollback() noexcept;
    // The oldest transaction that is worth starting for timers alone, wall clock; kNever when no timer runs.
    std::int64_t next_due_ms() const { return next_due_ms_; }
    bool has_work_for_sessions() const;
    bool has_unserved() const;
    void clamp_timers();
    // The wall clock leapt forward: nobody waited that long, so what waits for a handler waits on.
    void wall_jumped_ahead();
    // A task that cannot be run: its open steps end in error, its claims are revoked.
    void condemn(std::int64_t task_id, const std::string& why);
    Effects take_effects();
    // Ends every statement, so that the connection can be closed.
    void close();

    const RowUuid& ids() const { return ids_; }
    Statements& statements() { return sql_; }
    bool has_claims_to_publish() const { return !effects_.claimed.empty(); }
    // The task that was looked at last in this transaction: the one at fault when a claim or a timer failed; 0: none.
    std::int64_t current_task() const { return current_task_; }
    void forget(std::int64_t task_id) { cache_.drop(task_id); }

  private:
    struct LaneCredit {
        std::int64_t limit = 0, claimed = 0;
    };
    struct Book {
        std::shared_ptr<Session> session;
        std::int64_t slots = 0, claimed = 0;
        std::unordered_map<LaneId, LaneCredit> lanes;
    };
    struct Running {
        std::shared_ptr<Session> session;
        Uuid event_id;
        LaneId lane = 0;
        std::int64_t claimed_ms = 0;
        std::uint32_t fence = 0;
        std::int64_t task_id = 0;
    };
    struct Cursor;

    // task_access.cpp: read back, touched
    OpenTask* find_task(std::int64_t task_id);
    OpenTask load_task(std::int64_t task_id);
    void touch(OpenTask& task, bool settles);
    SharedText result_of(OpenTask& task, std::size_t index);

    // completion.cpp
    void succeed(OpenTask& task, const CompleteOp& op);
    void fail(OpenTask& task, std::size_t index, const CompleteOp& op, std::uint32_t next_fence);
    void promote(OpenTask& task, std::size_t index, Book* book);
    bool may_hand_back(const OpenTask& task, std::size_t index, const Book* book);
    void enqueue(OpenTask& task, std::size_t index);
    void add_attempt(const OpenTask& task, std::size_t index, const CompleteOp& op, StepState to);
    void end_running(std::int64_t step_id);
    void settle_touched();
    CompletionVerdict verdict_of_stale(const ClaimRef& claim);

    // claims.cpp
    void claim_for(Book& book);
    void claim_step(OpenTask& task, std::size_t index, Book& book);
    void claim_from_cursor(Book& book, std::int64_t task_id, std::size_t index);
    StepEvent make_event(OpenTask& task, std::size_t index);

    void give_back(OpenTask& task, std::size_t index, AttemptEvent event, std::string_view note,
                   const Session* session, std::optional<std::int64_t> claimed_ms);
    void record_condemned(std::int64_t task_id, const std::string& why);
    void offer_missing(Book& book);
    std::int64_t next_ready_seq();
    std::int64_t timeout_of(const OpenTask& task, std::size_t index) const;
    void fail_without_handler(std::int64_t task_id, std::size_t index);
    void reload_next_due();
    void recount_claims();
    void refresh_unserved();
    bool gives_up(const ClaimLane& lane) const;

    SqlConnection& connection_;
    const EngineOptions& options_;
    const Clock& clock_;
    Random& random_;
    Logger log_;
    std::unique_ptr<Statements> statements_;
    Statements& sql_;
    std::shared_ptr<PinnedTemplates> pinned_;
    RowUuid ids_;
    UuidGenerator event_ids_;
    Lanes lanes_;
    TaskCache cache_;
    std::unique_ptr<IdentityIndex> identities_;
    std::vector<std::unique_ptr<Statement>> cursors_;

    std::vector<std::shared_ptr<Book>> books_;
    std::unordered_map<const Session*, Book*> book_of_;
    std::size_t first_book_ = 0;
    std::unordered_map<std::int64_t, Running> running_;  // by step id

    std::int64_t next_task_ = 1, next_step_ = 1, last_ready_seq_ = 0;
    std::int64_t next_due_ms_ = kNever;

    // The transaction in progress.
    Effects effects_;
    std::int64_t now_ms_ = 0;
    std::int64_t current_task_ = 0;
    bool hand_back_ = true;
    std::vector<OpenTask*> touched_;
    std::vector<std::int64_t> started_;                    // step ids added to running_
    std::vector<std::pair<std::int64_t, Running>> ended_;  // entries taken out of running_
};

}  // namespace tasker::host
