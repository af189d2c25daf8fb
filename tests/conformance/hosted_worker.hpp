#pragma once
// A worker as the host assembles it: poller, bridge and subscriber over one runtime, with handlers that are functions.

#include <memory>
#include <string>
#include <utility>

#include "host/events/event_bridge.hpp"
#include "host/events/event_poller.hpp"
#include "host/registry/handler_registry.hpp"
#include "host/subscriber/step_execution_subscriber.hpp"
#include "tests/conformance/deployment.hpp"
#include "tests/conformance/template_text.hpp"

namespace tasker::host::conformance {

class HostedWorker {
  public:
    HostedWorker(Deployment& deployment, HandlerRegistry registry)
        : registry_(std::move(registry)),
          runtime_(deployment.attach("hosted-worker")),
          poller_(*runtime_, deployment.clock()),
          subscriber_(bridge_, registry_, *runtime_, "hosted-worker", options(), Logger{},
                      deployment.clock()) {
        poller_.on_step_event(
            [this](const StepEvent& event) { bridge_.step_execution_received.publish(event); });
        poller_.on_revocation(
            [this](const Revocation& revocation) { subscriber_.on_revocation(revocation); });
        subscriber_.start();
        poller_.start();
    }
    ~HostedWorker() {
        static_cast<void>(poller_.stop());
        static_cast<void>(subscriber_.stop());
        static_cast<void>(runtime_->stop());
    }
    HostedWorker(const HostedWorker&) = delete;
    HostedWorker& operator=(const HostedWorker&) = delete;

    TaskerRuntime& runtime() { return *runtime_; }
    ExecutorStats stats() const { return subscriber_.stats(); }

  private:
    static SubscriberOptions options() {
        SubscriberOptions options;
        options.threads = 2;
        options.prefetch = 4;
        options.namespaces = {kNamespace};
        options.drain_timeout_ms = 0;
        return options;
    }

    HandlerRegistry registry_;
    std::unique_ptr<TaskerRuntime> runtime_;
    EventBridge bridge_;
    EventPoller poller_;
    StepExecutionSubscriber subscriber_;
};

}  // namespace tasker::host::conformance
