#pragma once
// The one thread that writes: takes what is queued, does it in one transaction, commits, answers. Group commit without
// any added delay: a single operation commits at once, under load the batch grows by itself.

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "host/core/guarded.hpp"
#include "host/core/named_thread.hpp"
#include "host/core/wakeup.hpp"
#include "host/engine/flight_folder.hpp"
#include "host/engine/operations.hpp"
#include "host/engine/orchestrator.hpp"
#include "host/engine/prune_job.hpp"
#include "host/engine/store_file.hpp"

namespace tasker::host {

class StoreWriter {
  public:
    // Recovers the store; throws StoreRefused when it turns out to be damaged. The thread runs from start() to stop().
    StoreWriter(SqlConnection connection, EngineOptions options, const Clock& clock, Random& random,
                Logger log, std::shared_ptr<PinnedTemplates> pinned);
    ~StoreWriter();
    StoreWriter(const StoreWriter&) = delete;
    StoreWriter& operator=(const StoreWriter&) = delete;

    void start();
    // Takes in what is queued, ends the thread, closes the store. Idempotent.
    void stop();
    // After stop(): results that could not be written; their steps run again.
    std::size_t unrecorded() const { return unrecorded_; }

    // Without start() whoever asks does the writer's work: one turn, of what is queued by now. True when there may be more
    // to do at once. So a run can be repeated exactly (tests/simulation).
    bool drive(bool stopping = false);
    // Lets go of the store as a death would: nothing is taken in, answered or marked. Without a thread only.
    void abandon();
    // Until the ticket is answered. Without a thread it drives.
    void await(Ticket& ticket);

    std::shared_ptr<Session> open_session(SessionOptions options);

    // Queues an operation and wakes the thread. False once it has stopped: nothing will be answered.
    bool push(CompleteOp op) {
        return enqueue([&](Operations& inbox) { inbox.completions.push_back(std::move(op)); });
    }
    bool push(CheckpointOp op) {
        return enqueue([&](Operations& inbox) { inbox.checkpoints.push_back(std::move(op)); });
    }
    bool push(ReleaseOp op) {
        return enqueue([&](Operations& inbox) { inbox.releases.push_back(std::move(op)); });
    }
    bool push(CancelOp op) {
        return enqueue([&](Operations& inbox) { inbox.cancels.push_back(op); });
    }
    bool push(OperatorOp op) {
        return enqueue([&](Operations& inbox) { inbox.operators.push_back(std::move(op)); });
    }
    bool push(PruneOp op) {
        return enqueue([&](Operations& inbox) { inbox.prunes.push_back(op); });
    }
    bool push(SessionOp op) {
        return enqueue([&](Operations& inbox) { inbox.sessions.push_back(std::move(op)); });
    }
    bool push(std::vector<SubmitOp> ops);
    void wake() { wakeup_.wake(); }

    std::string trouble() const;
    // The trouble will not pass: the store was damaged or taken away.
    bool lost() const { return lost_.load(std::memory_order_relaxed); }
    std::int64_t unix_ms() const { return clock_.unix_ms(); }
    const Logger& log() const { return log_; }
    const RowUuid& ids() const { return orchestrator_.ids(); }

  private:
    template <class F>
    bool enqueue(F&& add) {
        {
            const std::scoped_lock lock(inbox_mutex_);
            if (closed_) return false;
            add(inbox_);
        }
        wakeup_.wake();
        return true;
    }

    void run(std::stop_token stop);
    bool turn(bool stopping);
    void take_inbox();
    void apply_session_ops();
    bool apply_capacity(const SessionOp& op);
    void end_session(SessionOp& op);
    void answer_stopping();
    void expire_claims();
    SharedText engine_failure(const Session& session, const ClaimMark& mark, std::int64_t execution_ms,
                              StepError error) const;
    void watch_clock();
    bool leapt_in_this_turn() const;
    void prepare_templates(Operations& batch);
    Operations next_batch();
    void run_batch(Operations batch);
    void apply(Operations& batch, std::vector<SubmitOutcome>& outcomes,
               std::vector<std::optional<Refused>>& cancelled);
    void publish();
    void answer(Operations& batch, std::vector<SubmitOutcome>& outcomes,
                std::vector<std::optional<Refused>>& cancelled);
    void failpoint_after_commit(const Operations& batch);
    void tell(const std::function<void(CompletionVerdict)>& done, CompletionVerdict verdict);
    void after_commit();
    void checkpoint_when_idle();
    std::int64_t next_wake() const;
    void finish();

    // reattach.cpp
    void recover();
    bool apply_adopt(SessionOp& op);
    void end_reattach_window();

    // store_faults.cpp
    void run_one_by_one(Operations batch);
    void run_alone(Operations batch);
    void refuse(Operations& operations, const Refused& refused);
    void fail_result(CompleteOp op);
    void fail_checkpoint(CheckpointOp op);
    static void refuse_checkpoints(std::vector<CheckpointOp>& checkpoints, const std::string& why);
    void set_aside(std::int64_t task_id, const std::string& why);

    // store_upkeep.cpp
    void start_upkeep();
    bool upkeep(bool stopping);
    template <class Work>
    bool in_transaction(const char* what, Work&& work);
    bool trim_events();
    bool prune_slice();
    void end_prune(std::optional<Refused> refused);
    bool shrink_when_idle();
    std::int64_t next_upkeep() const;

    // store_trouble.cpp
    void enter_trouble(Operations batch, const std::string& why, bool for_good);
    void leave_trouble();
    bool turn_in_trouble();
    void refuse_unavailable(Operations& batch);
    void watch_file();

    EngineOptions options_;
    const Clock& clock_;
    Random& random_;
    Logger log_;
    int log_pages_ = 0, checkpointed_pages_ = 0;
    SqlConnection connection_;
    const FlightFolder flights_;
    StoreWatch watch_;
    Orchestrator orchestrator_;
    Wakeup wakeup_;

    std::mutex inbox_mutex_;
    Operations inbox_;
    bool closed_ = false;

    Operations backlog_;
    std::vector<std::shared_ptr<Session>> sessions_;
    std::vector<std::function<void()>> stopping_;  // answered once the releases before them are through
    // What the store's previous life had claimed and nobody has listed yet; null once that is decided.
    std::shared_ptr<Session> previous_;
    std::int64_t previous_until_ms_ = 0;  // steady
    // Flight recorders of workers that were dead when the store was opened, while `previous_` is there; and those from which
    // everything follows that is in the backlog.
    std::vector<std::filesystem::path> old_flights_, used_flights_;
    bool splitting_ = false;  // a batch is done one by one: not all of it is in the backlog
    std::string failure_;     // of the last batch that could not be done as a whole
    bool bare_ = false;       // only the operations themselves: no claims, timers, hand-backs
    bool clamp_wanted_ = false, unserved_now_ = false;
    std::int64_t wall_ahead_ms_ = 0;  // wall clock minus steady clock
    std::int64_t next_watch_ms_ = 0, last_busy_ms_ = 0;
    std::int64_t next_unserved_ms_ = 0;
    std::int64_t next_staleness_ms_ = 0, next_trim_ms_ = 0, next_retention_ms_ = 0;  // steady
    bool skip_staleness_ = false;
    std::optional<PruneJob> prune_;
    std::int64_t shrink_left_ms_ = 0;  // how long the file may still be made smaller; 0: it is not
    Guarded<std::string> trouble_text_;
    bool in_trouble_ = false, for_good_ = false;
    std::atomic<bool> lost_ = false;  // for_good_, for other threads
    std::int64_t retry_at_ms_ = 0;
    bool threaded_ = false;  // constant once others know the writer
    bool stopped_ = false;
    std::size_t unrecorded_ = 0;  // results that stop() could not write
    NamedThread thread_;
};

}  // namespace tasker::host
