#pragma once
// TaskerRuntime on an engine in another process, over a unix socket (README.md here). One thread, "tw-link", connects,
// reads and writes; a lost connection is made again with the list of what is held, results stay here until they are
// acknowledged. While there is no engine handlers go on, and nothing new comes. Thread-safe.

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "host/core/clock.hpp"
#include "host/core/named_thread.hpp"
#include "host/logging/logger.hpp"
#include "host/runtime/engine_session.hpp"
#include "host/runtime/link/link_connection.hpp"
#include "host/runtime/link/messages.hpp"
#include "host/runtime/recorded_events.hpp"
#include "host/runtime/runtime.hpp"

namespace tasker::host {

struct EngineClientOptions {
    std::filesystem::path socket;
    std::string worker_id;
    std::vector<std::string> namespaces;
    Uuid session_uuid;            // fresh for each client; not nil
    std::int64_t generation = 0;  // of this process
    std::string token;            // from whoever started this process
    // How long a call that needs the engine (a checkpoint, the stop) waits for one that went away.
    std::int64_t patience_ms = 5000;
};

class EngineClient final : public TaskerRuntime {
  public:
    // Connects in the background, again and again until stop(). Throws BootstrapError when the system gives no thread,
    // ConfigError for a path that no socket can have.
    EngineClient(EngineClientOptions options, const Clock& clock, Logger log);
    ~EngineClient() override;

    // Until the engine has taken the session in, at most `timeout_ms`. False when it has not; status() says why.
    bool wait_attached(std::int64_t timeout_ms);
    // Templates for new submissions, as canonical JSON (TaskTemplate::definition_json), now and whenever an engine is
    // attached anew.
    void offer_templates(std::vector<std::string> definitions);
    // What people may ask the engine about this worker, opaque here; the newest, now and whenever an engine is attached.
    void tell_facts(std::vector<std::string> facts);

    // A pause (no slots) is waited for: the engine has taken it when this returns, if there is one.
    void set_capacity(Capacity capacity) override;
    void on_activity(std::function<void()> wake) override;
    std::vector<StepEvent> poll_step_events(std::size_t limit) override;
    std::vector<Revocation> take_revocations() override;
    void complete_step_event(const Uuid& event_id, StepExecutionResult result,
                             std::function<void(CompletionVerdict)> done) override;
    bool heartbeat(const Uuid& event_id) override;
    bool save_checkpoint(const Uuid& event_id, const Checkpoint& checkpoint) override;
    void yield_step_event(const Uuid& event_id, Checkpoint checkpoint,
                          std::function<void(CompletionVerdict)> done) override;
    void release_step_event(const Uuid& event_id, std::string reason) override;
    StarvationReport check_starvation_warnings() override;
    std::size_t cleanup_timeouts() override;
    RuntimeStatus status() const override;
    void transition_to_graceful_shutdown() override;
    // Results that the engine did not acknowledge within the patience are lost with this process; their steps run again.
    std::size_t stop() override;

  private:
    using Done = std::function<void(CompletionVerdict)>;
    struct Claim {
        Uuid step_uuid;
        std::uint32_t fence = 0;
        bool started = false;
        bool answered = false;  // a result is on its way
        std::int64_t since_ms = 0;
    };
    // Sent, and not acknowledged yet.
    struct Kept {
        FrameType type = FrameType::Result;
        Uuid event_id;
        std::string frames;
        Done done;
        bool first = true;    // no other result of the claim went before
        bool resent = false;  // over a second connection
    };
    struct Told {
        Done done;
        CompletionVerdict verdict = CompletionVerdict::Superseded;
    };

    FrameHead head(FrameType type, const Uuid& event_id = {}, std::uint32_t fence = 0,
                   std::uint64_t request = 0) const;
    void ring();
    void send_answer(FrameType type, const Uuid& event_id, std::string_view payload, Done done,
                     std::unique_lock<std::mutex>& lock);
    void append_drain();
    std::optional<CheckpointAnswer> wait_answer(std::unique_lock<std::mutex>& lock, std::uint64_t request);
    bool engine_is_away(std::int64_t now) const;
    std::size_t wait_stopped(std::unique_lock<std::mutex>& lock, std::uint64_t request);

    // link_thread.cpp, on the thread
    void run(const std::stop_token& stop);
    void connect();
    void wait_for_something(const std::stop_token& stop);
    void read();
    bool handle(const LinkMessage& message);
    void welcome(const WelcomeMessage& welcome);
    void take_template(TemplateMessage message);
    void take_step(const LinkMessage& message);
    void publish_steps();
    void take_revoked(const std::vector<Revocation>& revocations);
    void take_verdicts(const std::vector<Verdict>& verdicts);
    void answer_waiter(std::uint64_t request, CheckpointAnswer answer);
    void detach(const std::string& why, std::int64_t retry_ms);
    void write();
    void tell();
    void wake() const;
    std::string hello();

    const EngineClientOptions options_;
    const Clock& clock_;
    const Logger log_;
    OwnedFd doorbell_;  // an eventfd

    mutable std::mutex mutex_;
    std::condition_variable changed_;
    bool rung_ = false;
    bool attached_ = false, draining_ = false, stopping_ = false, ended_ = false;
    std::int64_t away_since_ms_;
    std::string away_why_ = "the engine was not reached yet";
    RuntimeStatus engine_status_;
    std::function<void()> wake_;
    Capacity capacity_;
    bool capacity_set_ = false;
    std::vector<std::string> catalog_, facts_;
    std::deque<StepEvent> pending_;
    std::unordered_map<Uuid, Claim> claims_;
    std::vector<Revocation> revocations_;
    std::map<std::uint64_t, Kept> kept_;  // by request
    // Callers that wait for an answer to a request of theirs.
    std::map<std::uint64_t, std::optional<CheckpointAnswer>> waiters_;
    std::optional<std::size_t> stopped_;  // what the engine said to STOP
    std::uint64_t next_request_ = 1;
    std::string out_;
    std::vector<Told> told_;  // verdicts to be told by the thread
    RecordedEvents recorded_;

    std::thread::id thread_id_;  // of the thread, once it runs

    // Of the thread alone.
    std::optional<LinkConnection> link_;
    bool welcomed_ = false;
    std::int64_t retry_at_ms_ = 0, retry_ms_ = 0;
    bool away_logged_ = false;
    std::unordered_map<std::uint32_t, std::shared_ptr<const TaskTemplate>> templates_;
    std::vector<DeliveredStep> steps_;  // read and not published yet
    NamedThread thread_;
};

}  // namespace tasker::host
