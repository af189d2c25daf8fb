#pragma once
// The parts of the engine put together: writer, readers, the catalog for new submissions.

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "host/engine/embedded_operators.hpp"
#include "host/engine/engine.hpp"
#include "host/engine/read_pool.hpp"
#include "host/engine/store_writer.hpp"

namespace tasker::host {

class EmbeddedEngine final : public Engine, private TaskClient {
  public:
    // Caller: no thread; the store is written by calls that wait for an answer and by drive(), on the caller's thread.
    enum class Driver : std::uint8_t { Thread, Caller };
    EmbeddedEngine(EngineOptions options, const Clock& clock, Random& random, Logger log,
                   Driver driver = Driver::Thread);
    ~EmbeddedEngine() override;

    // Driver::Caller only, see StoreWriter.
    bool drive() { return writer_->drive(); }
    void abandon();

    void set_catalog(std::shared_ptr<const TemplateCatalog> catalog) override;
    std::shared_ptr<const TemplateCatalog> catalog() const override;
    std::vector<std::shared_ptr<const TaskTemplate>> pinned_definitions() override;
    TaskClient& tasks() override { return *this; }
    DlqClient& dlq() override { return *operators_; }
    AnalyticsClient& analytics() override { return *operators_; }
    EventQueue& events() override { return *operators_; }
    PruneReport prune(const PruneOptions& options) override { return operators_->prune(options); }
    std::unique_ptr<TaskerRuntime> attach(SessionOptions options) override;
    std::unique_ptr<EngineSession> open_session(SessionOptions options) override;
    StoreInfo info() override;
    std::vector<QueueDepth> queues() override;
    ReaderCount readers() const override;
    std::vector<std::string> check() override;
    void backup(const std::filesystem::path& target) override;
    void stop() override;
    std::string trouble() const override { return writer_->trouble(); }
    bool lost() const override { return writer_->lost(); }

  private:
    SubmitOutcome create(const TaskRequest& request) override;
    std::optional<Refused> check(const TaskRequest& request) override;
    std::vector<SubmitOutcome> create_batch(std::span<const TaskRequest> requests) override;
    std::optional<TaskView> get(const Uuid& task_uuid) override;
    std::vector<StepAuditRecord> step_audit(const Uuid& task_uuid, const Uuid& step_uuid) override;
    TaskPage list(const TaskFilter& filter) override;
    std::optional<Uuid> find_by_idempotency_key(std::string_view namespace_name, std::string_view name,
                                                std::string_view version, std::string_view key) override;
    std::optional<Refused> act_on_step(const Uuid& task_uuid, const Uuid& step_uuid,
                                       const StepAction& action) override;
    std::optional<Refused> cancel(const Uuid& task_uuid) override;

    template <class Read>
    auto read(Read&& use);

    std::atomic<bool> stopped_ = false;
    const EngineOptions options_;
    const Clock& clock_;
    Logger log_;
    std::shared_ptr<PinnedTemplates> pinned_;
    std::shared_ptr<ReadPool> readers_;
    std::shared_ptr<StoreWriter> writer_;
    std::unique_ptr<EmbeddedOperators> operators_;
    Guarded<std::shared_ptr<const TemplateCatalog>> catalog_;
};

}  // namespace tasker::host
