#pragma once
// The embedded engine as a deployment: a store in a folder of its own, a clock that only moves when told.

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "host/core/random.hpp"
#include "host/engine/engine.hpp"
#include "host/logging/sinks.hpp"
#include "tests/conformance/deployment.hpp"
#include "tests/support/manual_clock.hpp"
#include "tests/support/temp_dir.hpp"

namespace tasker::host::conformance {

class EmbeddedDeployment final : public Deployment {
  public:
    explicit EmbeddedDeployment(const DeploymentOptions& options);
    ~EmbeddedDeployment() override;

    void set_templates(std::vector<TaskTemplate> templates) override;
    TaskClient& client() override { return engine_->tasks(); }
    std::unique_ptr<TaskerRuntime> attach(const std::string& worker_id) override;
    const testing::ManualClock& clock() const override { return clock_; }
    void advance(std::int64_t ms) override { clock_.advance(ms); }

    Engine& engine() { return *engine_; }
    testing::ManualClock& manual_clock() { return clock_; }
    std::filesystem::path store() const { return folder_ / "tasker.db"; }
    CaptureSink& log() { return *log_; }
    // Stops the engine and opens the store again. Sessions must be gone.
    void restart();
    // The two halves of it.
    void shut_down();
    void open();

  private:
    testing::TempDir folder_;
    EngineOptions options_;
    testing::ManualClock clock_;
    SeededRandom random_{20261123};
    std::shared_ptr<CaptureSink> log_ = std::make_shared<CaptureSink>();
    std::vector<TaskTemplate> templates_;
    std::unique_ptr<Engine> engine_;
};

}  // namespace tasker::host::conformance
