#pragma once
// A worker over the embedded engine in a temporary folder, and an engine in memory for what only a fake can do.

#include <memory>
#include <string>
#include <utility>

#include "host/core/error.hpp"
#include "host/logging/sinks.hpp"
#include "host/worker/worker.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/fake_runtime.hpp"
#include "tests/support/temp_dir.hpp"

namespace tasker::host::testing {

using namespace std::chrono_literals;

// Canonical JSON of a template with one step a callable, each depending on the one before it.
inline TaskTemplate chain_template(const std::string& namespace_name, const std::string& name,
                                   const std::vector<std::string>& callables) {
    std::string steps;
    for (std::size_t i = 0; i < callables.size(); ++i) {
        if (i > 0) steps += ',';
        steps += R"({"name":"step)" + std::to_string(i) + R"(","handler":{"callable":")" + callables[i] +
                 R"(","initialization":{}},"dependencies":[)" +
                 (i > 0 ? "\"step" + std::to_string(i - 1) + "\"" : std::string{}) + "]}";
    }
    return template_from_json(R"({"name":")" + name + R"(","namespace_name":")" + namespace_name +
                              R"(","version":"1.0.0","steps":[)" + steps + "]}");
}

inline TaskRequest request_for(const std::string& namespace_name, const std::string& name,
                               std::string context = "{}") {
    TaskRequest request;
    request.namespace_name = namespace_name;
    request.name = name;
    request.version = "1.0.0";
    request.context_json = std::move(context);
    request.initiator = request.source_system = request.reason = "test";
    return request;
}

// Hands out a FakeRuntime; knows nothing else.
class FakeEngine final : public Engine {
  public:
    explicit FakeEngine(std::shared_ptr<FakeRuntime> runtime) : runtime_(std::move(runtime)) {}
    void set_catalog(std::shared_ptr<const TemplateCatalog> catalog) override {
        catalog_ = std::move(catalog);
    }
    std::shared_ptr<const TemplateCatalog> catalog() const override { return catalog_; }
    TaskClient& tasks() override { throw Error("the fake engine has no tasks"); }
    DlqClient& dlq() override { throw Error("the fake engine has no dead letters"); }
    AnalyticsClient& analytics() override { throw Error("the fake engine has no figures"); }
    EventQueue& events() override { throw Error("the fake engine has no events"); }
    PruneReport prune(const PruneOptions&) override { return {}; }
    std::unique_ptr<TaskerRuntime> attach(SessionOptions options) override;
    StoreInfo info() override { return {}; }
    std::vector<std::string> check() override { return {}; }
    void backup(const std::filesystem::path&) override {}
    void stop() override { stopped = true; }
    std::string trouble() const override { return {}; }
    bool stopped = false;

  private:
    std::shared_ptr<FakeRuntime> runtime_;
    std::shared_ptr<const TemplateCatalog> catalog_;
};

// The test and the worker both hold the runtime.
class SharedRuntime final : public TaskerRuntime {
  public:
    explicit SharedRuntime(std::shared_ptr<FakeRuntime> shared) : it_(std::move(shared)) {}
    void set_capacity(Capacity capacity) override { it_->set_capacity(std::move(capacity)); }
    void on_activity(std::function<void()> wake) override { it_->on_activity(std::move(wake)); }
    std::vector<StepEvent> poll_step_events(std::size_t limit) override {
        return it_->poll_step_events(limit);
    }
    std::vector<Revocation> take_revocations() override { return it_->take_revocations(); }
    void complete_step_event(const Uuid& event_id, StepExecutionResult result,
                             std::function<void(CompletionVerdict)> done) override {
        it_->complete_step_event(event_id, std::move(result), std::move(done));
    }
    bool heartbeat(const Uuid& event_id) override { return it_->heartbeat(event_id); }
    void release_step_event(const Uuid& event_id, std::string reason) override {
        it_->release_step_event(event_id, std::move(reason));
    }
    bool save_checkpoint(const Uuid& event_id, const Checkpoint& checkpoint) override {
        return it_->save_checkpoint(event_id, checkpoint);
    }
    void yield_step_event(const Uuid& event_id, Checkpoint checkpoint,
                          std::function<void(CompletionVerdict)> done) override {
        it_->yield_step_event(event_id, std::move(checkpoint), std::move(done));
    }
    StarvationReport check_starvation_warnings() override { return it_->check_starvation_warnings(); }
    std::size_t cleanup_timeouts() override { return it_->cleanup_timeouts(); }
    RuntimeStatus status() const override { return it_->status(); }
    void transition_to_graceful_shutdown() override { it_->transition_to_graceful_shutdown(); }
    std::size_t stop() override { return it_->stop(); }

  private:
    std::shared_ptr<FakeRuntime> it_;
};

inline std::unique_ptr<TaskerRuntime> FakeEngine::attach(SessionOptions) {
    return std::make_unique<SharedRuntime>(runtime_);
}

inline OpenEngine open_fake(std::shared_ptr<FakeRuntime> runtime) {
    return [runtime = std::move(runtime)](const EngineOptions&, const Clock&, Random&, const Logger&) {
        return std::unique_ptr<Engine>(std::make_unique<FakeEngine>(runtime));
    };
}

inline BootstrapConfig config_in(const TempDir& folder) {
    BootstrapConfig config;
    config.state_dir = (folder / "state").string();
    config.namespace_name = "demo";
    config.environment = "test";
    config.subscriber.threads = 2;
    config.subscriber.drain_timeout_ms = 2000;
    return config;
}

inline void add_greeter(HandlerRegistry& registry, const std::string& callable = "greet") {
    registry.register_handler(callable, [](const StepEvent&, CallControl&) {
        return Succeeded{R"({"greeting":"hello"})", "{}"};
    });
}

}  // namespace tasker::host::testing
