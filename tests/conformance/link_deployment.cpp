// The embedded engine as workers of other processes see it: every session is a client on the engine's unix socket. One
// clock, which only moves when told.

#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "host/core/random.hpp"
#include "host/engine/engine.hpp"
#include "host/engine/link_server.hpp"
#include "host/runtime/link/engine_client.hpp"
#include "tests/conformance/deployment.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/manual_clock.hpp"
#include "tests/support/temp_dir.hpp"

namespace tasker::host::conformance {

namespace {
class LinkDeployment final : public Deployment {
  public:
    explicit LinkDeployment(const DeploymentOptions& options) {
        EngineOptions engine;
        engine.store = folder_ / "tasker.db";
        engine.default_step_timeout_ms = options.default_step_timeout_ms;
        engine.fail_missing_handler = options.fail_missing_handler;
        engine.durability = Durability::Process;  // a power cut is not this suite's subject
        engine_ = Engine::open(engine, clock_, random_, Logger());
        LinkOptions link;
        link.socket = folder_ / "engine.sock";
        server_ = std::make_unique<LinkServer>(*engine_, link, clock_, Logger());
    }

    void set_templates(std::vector<TaskTemplate> templates) override {
        engine_->set_catalog(std::make_shared<const TemplateCatalog>(std::move(templates)));
    }
    TaskClient& client() override { return engine_->tasks(); }
    std::unique_ptr<TaskerRuntime> attach(const std::string& worker_id) override {
        EngineClientOptions options;
        options.socket = folder_ / "engine.sock";
        options.worker_id = worker_id;
        options.namespaces = {"conformance"};
        options.session_uuid = uuids_.next();
        auto client = std::make_unique<EngineClient>(options, clock_, Logger());
        // The clock stands still meanwhile.
        if (!testing::eventually(std::chrono::seconds{10}, [&] { return client->wait_attached(0); }))
            throw Error("not attached: " + client->status().error);
        return client;
    }
    const Clock& clock() const override { return clock_; }
    void advance(std::int64_t ms) override { clock_.advance(ms); }

  private:
    testing::TempDir folder_;
    testing::ManualClock clock_;
    SeededRandom random_{20261126};
    UuidGenerator uuids_{clock_, random_};
    std::unique_ptr<Engine> engine_;
    std::unique_ptr<LinkServer> server_;
};
}  // namespace

std::unique_ptr<Deployment> make_deployment(const DeploymentOptions& options) {
    return std::make_unique<LinkDeployment>(options);
}

}  // namespace tasker::host::conformance
