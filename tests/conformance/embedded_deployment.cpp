#include "tests/conformance/embedded_deployment.hpp"

#include <utility>

namespace tasker::host::conformance {

EmbeddedDeployment::EmbeddedDeployment(const DeploymentOptions& options) {
    options_.store = store();
    options_.default_step_timeout_ms = options.default_step_timeout_ms;
    options_.fail_missing_handler = options.fail_missing_handler;
    // The store's behaviour under a power cut is not this suite's subject, and the disk is slow.
    options_.durability = Durability::Process;
    open();
}

EmbeddedDeployment::~EmbeddedDeployment() = default;

void EmbeddedDeployment::set_templates(std::vector<TaskTemplate> templates) {
    templates_ = std::move(templates);
    engine_->set_catalog(std::make_shared<const TemplateCatalog>(templates_));
}

std::unique_ptr<TaskerRuntime> EmbeddedDeployment::attach(const std::string& worker_id) {
    return engine_->attach({worker_id, {"conformance"}});
}

void EmbeddedDeployment::shut_down() {
    engine_->stop();
    engine_.reset();
}

void EmbeddedDeployment::open() {
    engine_ = Engine::open(options_, clock_, random_, Logger(log_));
    if (!templates_.empty()) set_templates(templates_);
}

void EmbeddedDeployment::restart() {
    shut_down();
    open();
}

std::unique_ptr<Deployment> make_deployment(const DeploymentOptions& options) {
    return std::make_unique<EmbeddedDeployment>(options);
}

}  // namespace tasker::host::conformance
