#pragma once
// What happens inside one transaction of the writer: results, promotion, claims, submissions, timers. Lives on the writer
// thread. What others are to learn of it is collected in Effects and published after the commit.

#include <cstdint>
#include <map>
#include <memory>
#include <set>
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
#include "host/engine/outbox.hpp"
#include "host/engine/pinned_templates.hpp"
#include "host/engine/row_uuid.hpp"
#include "host/engine/statements.hpp"
#include "host/model/expansion.hpp"
#include "host/model/loss.hpp"

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
    struct Saved {
        const CheckpointOp* op = nullptr;
        bool saved = false;
    };
    struct Revoked {
        std::shared_ptr<Session> session;
        Uuid event_id;
        Revocation::Why why = Revocation::Why::LeaseLost;
    };
    std::vector<Claimed> claimed;
    std::vector<Finished> finished;
    std::vector<Revoked> revoked;
    std::vector<Saved> saved;
    bool changed = false;  // something was written
};

struct StepActionOrder {
    UuidRow task, step;
    StepAction action;
    std::string metadata_json;  // of a result given by hand
};

// What one slice of pruning came to.
struct PruneSlice {
    std::int64_t next_task = 0;  // go on behind this one; kNever: all were looked at
    std::int64_t complete = 0, failed = 0, steps = 0, kept = 0;
};

class Orchestrator {
  public:
    Orchestrator(SqlConnection& connection, const EngineOptions& options, const Clock& clock, Random& random,
                 Logger log, std::shared_ptr<PinnedTemplates> pinned);

    // Takes back what the previous life had claimed; loads lanes and timers. Returns how many claims were lost.
    // `reports`: how the previous life ended.
    std::size_t recover(const FlightReports& reports);
    // The same for an opening after which workers may come back: `previous` holds what was claimed. Returns how many.
    std::size_t hold(const std::shared_ptr<Session>& previous);
    // What of the listed claims is the session's, now or again; the others are gone. Outside of a transaction.
    std::vector<Uuid> adopt(const std::shared_ptr<Session>& session, Session* previous,
                            const std::vector<HeldClaim>& listed);
    std::int64_t add_worker(const std::string& name);

    // Rows that later transactions refer to, in a transaction of its own.
    void pin_template(const std::shared_ptr<const TaskTemplate>& definition);
    // Inside a transaction.
    void set_capacity(const std::shared_ptr<Session>& session, const Capacity& capacity);
    void remove_session(const Session* session);

    // Without `hand_back` dependents only become ready: nothing is claimed besides what is asked for.
    void begin(bool hand_back = true);
    void complete(CompleteOp& op);
    void checkpoint(const CheckpointOp& op);
    // Steps made in the transaction in progress.
    std::size_t made() const { return made_; }
    void release(const ReleaseOp& op);
    std::optional<Refused> cancel(const CancelOp& op);
    std::optional<Refused> act_on_step(const StepActionOrder& order);
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
    // staleness.cpp: gives up tasks that do not get on, at most kMaxStale. How many.
    std::size_t give_up_stale();
    // prune.cpp
    PruneSlice prune(const PruneOp& op, std::int64_t behind_task, std::set<std::int64_t>& templates_in_use);
    void drop_orphans(const std::set<std::int64_t>& templates_in_use, PruneReport& report);
    Outbox& outbox() { return *outbox_; }
    SqlConnection& connection() { return connection_; }
    std::int64_t now_ms() const { return now_ms_; }
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
    // Who of a namespace runs because it was its turn.
    struct Suspect {
        std::int64_t step_id = 0, since_ms = 0;  // wall clock
    };

    // task_access.cpp: read back, touched
    OpenTask* find_task(std::int64_t task_id);
    OpenTask load_task(std::int64_t task_id);
    static void load_states(OpenTask& task, Statement::Rows rows);
    void touch(OpenTask& task, bool settles);
    SharedText result_of(OpenTask& task, std::size_t index);
    SharedText lend(OpenTask& task, std::size_t index);
    static void parents_changed(OpenTask& task, std::size_t index);
    void write_parents(OpenTask& task);

    // completion.cpp
    void succeed(OpenTask& task, const CompleteOp& op, Expansion expansion);
    void unlock_dependents(OpenTask& task, std::size_t index, Book* book, Expansion expansion);
    void park_retries(const OpenTask& task);
    void fail(OpenTask& task, std::size_t index, const CompleteOp& op, std::uint32_t next_fence);
    void promote(OpenTask& task, std::size_t index, Book* book);
    bool may_hand_back(const OpenTask& task, std::size_t index, const Book* book);
    void enqueue(OpenTask& task, std::size_t index);
    void add_attempt(const OpenTask& task, std::size_t index, const CompleteOp& op, StepState to);
    void end_running(std::int64_t step_id);
    void settle_touched();
    CompletionVerdict verdict_of_stale(const ClaimRef& claim);

    // expansion_rows.cpp: what a decision or a batch makes
    Parsed<Expansion> expansion_of(const OpenTask& task, const CompleteOp& op);
    Parsed<Expansion> expansion_of(const OpenTask& task, std::size_t index, const MakingOutcome& outcome);
    void fail_outcome(OpenTask& task, const CompleteOp& op, const std::string& message);
    void add_steps(OpenTask& task, const Expansion& expansion);
    void add_step(OpenTask& task, const NewStep& made, std::int64_t place);
    void add_edges(OpenTask& task, const std::vector<NewEdge>& edges);

    // checkpoints.cpp
    SharedText checkpoint_of(const OpenTask& task, std::size_t index);
    void save_record(OpenTask& task, std::size_t index, const Checkpoint& checkpoint, bool yields);
    void watch_progress(OpenTask& task, std::size_t index, bool moved);
    void end_call(OpenTask& task, std::size_t index, const CheckpointOp& op);
    // actions.cpp
    void take_from_worker(OpenTask& task, std::size_t index, const StepAction& action);
    void change_step(OpenTask& task, std::size_t index, StepState to, const char* also);
    void reset_step(OpenTask& task, std::size_t index);
    void resolve_step(OpenTask& task, std::size_t index);
    Parsed<Expansion> expansion_by_hand(const OpenTask& task, std::size_t index, const StepAction& action);
    void complete_by_hand(OpenTask& task, std::size_t index, const StepActionOrder& order,
                          Expansion expansion);
    void record_action(const OpenTask& task, std::size_t index, StepState before, const StepAction& action);
    void unblock(OpenTask& task);
    void revive(OpenTask& task);

    // staleness.cpp, prune.cpp
    std::size_t give_up_stale_in(TaskState state, std::size_t limit);
    void give_up(std::int64_t task_id, TaskState state, std::int64_t state_ms, std::int64_t threshold_minutes,
                 bool with_entry);
    struct PruneRun;
    void delete_run(const PruneOp& op, const PruneRun& run, PruneSlice& slice);
    std::vector<std::pair<std::int64_t, std::int64_t>> steps_of(const PruneRun& run);
    void forget_ready(const std::vector<std::pair<std::int64_t, std::int64_t>>& steps);
    bool rows_left(std::int64_t behind_task);

    // claims.cpp
    void claim_for(Book& book);
    void claim_step(OpenTask& task, std::size_t index, Book& book);
    void hand_out(OpenTask& task, std::size_t index, Book& book, StepEvent event);
    ClaimMark mark_of(const OpenTask& task, std::size_t index, std::int64_t claimed_ms);
    bool was_answered(const HeldClaim& held);
    void claim_from_cursor(Book& book, std::int64_t task_id, std::size_t index);
    StepEvent make_event(OpenTask& task, std::size_t index);

    // How a claim ends that nobody answered.
    struct GiveBack {
        AttemptEvent event = AttemptEvent::HandedBack;
        std::string_view note;
        std::shared_ptr<Session> session;  // null: not known any more
        std::optional<std::int64_t> claimed_ms;
        std::int64_t delay_ms = 0;  // 0: ready again at once
    };
    void give_back(OpenTask& task, std::size_t index, const GiveBack& how);
    // losses.cpp
    void lose(OpenTask& task, std::size_t index, GiveBack how, const FlightReports& reports);
    void poison(OpenTask& task, std::size_t index, const GiveBack& how, const LossFinding& finding);
    int crashes_of(std::int64_t step_id);
    int running_losses_of(std::int64_t step_id);
    bool takes_its_turn(const OpenTask& task, std::size_t index);
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
    std::unique_ptr<Outbox> outbox_;
    std::vector<std::unique_ptr<Statement>> cursors_;

    std::vector<std::shared_ptr<Book>> books_;
    std::unordered_map<const Session*, Book*> book_of_;
    std::size_t first_book_ = 0;
    std::unordered_map<std::int64_t, Running> running_;  // by step id

    std::map<std::string, Suspect> suspects_;  // by namespace

    std::int64_t next_task_ = 1, next_step_ = 1, last_ready_seq_ = 0;
    std::int64_t next_due_ms_ = kNever;
    const std::int64_t opened_ms_;  // wall clock
    // staleness.cpp: where the next look goes on, by state: (state_ms, task_id).
    std::map<TaskState, std::pair<std::int64_t, std::int64_t>> stale_from_;

    // The transaction in progress.
    Effects effects_;
    std::int64_t now_ms_ = 0;
    std::int64_t current_task_ = 0;
    bool hand_back_ = true;
    std::size_t made_ = 0;
    std::vector<OpenTask*> touched_;
    std::vector<std::int64_t> started_;                    // step ids added to running_
    std::vector<std::pair<std::int64_t, Running>> ended_;  // entries taken out of running_
    std::vector<LaneId> dropped_lanes_;
};

}  // namespace tasker::host
