#pragma once
// TaskerRuntime on the engine in this process: asks go to the writer thread, polls are served from memory.

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "host/engine/read_pool.hpp"
#include "host/engine/store_writer.hpp"
#include "host/runtime/engine_session.hpp"

namespace tasker::host {

class EmbeddedRuntime final : public EngineSession {
  public:
    EmbeddedRuntime(std::shared_ptr<StoreWriter> writer, std::shared_ptr<Session> session,
                    std::shared_ptr<const ReadPool> readers);
    ~EmbeddedRuntime() override;

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
    std::size_t stop() override;

    std::vector<HeldClaim> held() const override;
    void adopt(std::vector<HeldClaim> listed, std::function<void(std::vector<Uuid>)> done) override;
    bool matches(const Uuid& event_id, std::uint32_t fence) const override;
    std::vector<DeliveredStep> deliver(std::size_t limit) override;
    void start(std::span<const Uuid> events) override;
    void return_undelivered() override;
    void save(const Uuid& event_id, Checkpoint checkpoint,
              std::function<void(const CheckpointAnswer&)> done) override;
    void end(std::function<void(std::size_t)> done) override;
    void lose(std::string why, FlightReports reports, std::function<void(std::size_t)> done) override;
    void leave() override;

  private:
    void conclude(SessionOp op, std::function<void(std::size_t)> done);
    CompletionVerdict verdict_on_unclaimed(const Uuid& event_id) const;

    const std::shared_ptr<StoreWriter> writer_;
    const std::shared_ptr<Session> session_;
    const std::shared_ptr<const ReadPool> readers_;
    std::atomic<bool> stopped_{false};
};

}  // namespace tasker::host
