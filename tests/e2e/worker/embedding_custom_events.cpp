// A program that handles step events itself: its own bridge and poller over the runtime of a worker whose event system
// is off. Usage: embedding_custom_events STATE_DIR
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <iostream>
#include <mutex>
#include <string>
#include <variant>

#include <tasker/host.hpp>

namespace {
constexpr const char* kTemplate = R"(
name: custom
namespace_name: my_namespace
version: 1.0.0
steps:
  - name: only
    handler:
      callable: handled_by_hand
)";
}  // namespace

int main(int argc, char** argv) {
    if (argc != 2) return 2;
    tasker::BootstrapConfig config;
    config.namespace_name = "my_namespace";
    config.state_dir = argv[1];
    config.templates = tasker::host::parse_template(kTemplate, "custom.yaml", {}).catalog;
    config.start_event_system = false;
    auto [worker, result] = tasker::bootstrap_worker(std::move(config), tasker::HandlerRegistry{});
    if (!result.success) {
        std::cerr << result.message << '\n';
        return 3;
    }

    tasker::EventBridge event_bridge;
    std::mutex mutex;
    std::condition_variable changed;
    bool recorded = false;

    // Custom event handler
    const auto subscription =
        event_bridge.step_execution_received.subscribe([&](const tasker::StepEvent& event) {
            std::cout << "Received step event: " << event.step_uuid.str() << '\n';
            tasker::StepExecutionResult outcome;
            outcome.step_uuid = event.step_uuid;
            outcome.task_uuid = event.task_uuid;
            outcome.success = true;
            outcome.status = "completed";
            outcome.worker_id = "by-hand";
            outcome.correlation_id = event.correlation_id.str();
            worker->runtime().complete_step_event(event.event_id, std::move(outcome),
                                                  [&](tasker::host::CompletionVerdict) {
                                                      const std::scoped_lock lock(mutex);
                                                      recorded = true;
                                                      changed.notify_all();
                                                  });
        });

    tasker::EventPoller poller(worker->runtime(), worker->clock(),
                               tasker::EventPollerConfig{.polling_interval_ms = 10});
    poller.on_step_event(
        [&](const tasker::StepEvent& event) { event_bridge.step_execution_received.publish(event); });
    poller.start();
    // Nothing is claimed before the runtime is told how much may be.
    tasker::host::Capacity capacity;
    capacity.slots = 1;
    capacity.lanes.push_back({"my_namespace", "handled_by_hand", "", 1});
    worker->runtime().set_capacity(std::move(capacity));

    tasker::TaskRequest request;
    request.name = "custom";
    request.namespace_name = "my_namespace";
    request.version = "1.0.0";
    request.initiator = request.source_system = request.reason = "example";
    const auto submitted = worker->tasks().create(request);
    if (!std::holds_alternative<tasker::host::Uuid>(submitted)) return 1;
    bool done = false;
    {
        std::unique_lock lock(mutex);
        done = changed.wait_for(lock, std::chrono::seconds{10}, [&] { return recorded; });
    }

    // Later...
    poller.stop();
    tasker::stop_worker(*worker);
    std::cout << (done ? "Step recorded" : "Step not recorded") << '\n';
    return done ? 0 : 1;
}
