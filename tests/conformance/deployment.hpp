#pragma once
// What a runtime must bring along to be run by the conformance suite. Each runtime's test program defines
// make_deployment() once and links the same case files.
//
// Cases named S hold for every runtime; cases named E are about the embedded engine only and live in the files
// embedded_*.cpp. The numbers are those of the behavioural specification.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "host/core/clock.hpp"
#include "host/model/task_template.hpp"
#include "host/runtime/runtime.hpp"
#include "host/runtime/task_client.hpp"

namespace tasker::host::conformance {

class Deployment {
  public:
    virtual ~Deployment() = default;

    // Replaces the templates that new submissions may use.
    virtual void set_templates(std::vector<TaskTemplate> templates) = 0;
    virtual TaskClient& client() = 0;
    // A worker's session. Destroyed before the deployment.
    virtual std::unique_ptr<TaskerRuntime> attach(const std::string& worker_id) = 0;

    // The clock that orchestration and workers share.
    virtual const Clock& clock() const = 0;
    std::int64_t now_ms() const { return clock().unix_ms(); }
    // Lets that much time pass: at once where the clock is ours, by waiting elsewhere.
    virtual void advance(std::int64_t ms) = 0;
};

// A fresh one, empty, with nothing running. `default_step_timeout_ms` is for steps without timeout_seconds.
struct DeploymentOptions {
    std::int64_t default_step_timeout_ms = 300'000;
    bool fail_missing_handler = false;
};
std::unique_ptr<Deployment> make_deployment(const DeploymentOptions& options);

}  // namespace tasker::host::conformance
