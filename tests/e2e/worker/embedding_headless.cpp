// A program that embeds a worker: its own handler, its own template, no server. Prints what the seed's second example
// prints, and the task's final state. Usage: embedding_headless STATE_DIR
#include <chrono>
#include <condition_variable>
#include <iostream>
#include <mutex>
#include <string>
#include <variant>

#include <tasker/host.hpp>

namespace {
constexpr const char* kTemplate = R"(
name: greeting
namespace_name: my_namespace
version: 1.0.0
steps:
  - name: greet
    handler:
      callable: my_handler
)";

// Waits until the task has ended, at most ten seconds.
tasker::host::TaskState settled_state(tasker::TaskClient& tasks, const tasker::host::Uuid& task) {
    std::mutex mutex;
    std::condition_variable never;
    std::unique_lock lock(mutex);
    auto state = tasks.get(task)->state;
    for (int i = 0; i < 1000 && !tasker::host::is_terminal(state); ++i) {
        never.wait_for(lock, std::chrono::milliseconds{10});
        state = tasks.get(task)->state;
    }
    return state;
}
}  // namespace

int main(int argc, char** argv) {
    if (argc != 2) return 2;
    // Register custom handlers
    tasker::HandlerRegistry registry;
    registry.register_handler("my_handler", [](const tasker::StepEvent&, tasker::host::CallControl& control) {
        tasker::log_debug(control.logger(), "Greeting");
        return tasker::host::Succeeded{R"({"greeting":"hello"})", "{}"};
    });

    // Bootstrap worker
    tasker::BootstrapConfig config;
    config.namespace_name = "my_namespace";
    config.log_level = "debug";
    config.state_dir = argv[1];
    config.templates = tasker::host::parse_template(kTemplate, "greeting.yaml", {}).catalog;
    auto [worker, result] = tasker::bootstrap_worker(std::move(config), std::move(registry));
    if (!result.success) {
        std::cerr << result.message << '\n';
        return 3;
    }
    std::cout << "Worker started: " << result.worker_id << '\n';

    tasker::TaskRequest request;
    request.name = "greeting";
    request.namespace_name = "my_namespace";
    request.version = "1.0.0";
    request.initiator = request.source_system = request.reason = "example";
    const auto submitted = worker->tasks().create(request);
    if (const auto* refused = std::get_if<tasker::host::Refused>(&submitted)) {
        std::cerr << refused->message << '\n';
        return 1;
    }
    const auto state = settled_state(worker->tasks(), std::get<tasker::host::Uuid>(submitted));
    std::cout << "Task: " << tasker::host::name(state) << '\n';

    // Check status
    std::cout << "Worker running: " << std::boolalpha << tasker::worker_status(*worker).running << '\n';

    std::cout << "Shutting down..." << '\n';
    tasker::stop_worker(*worker);
    std::cout << "Worker running: " << tasker::is_worker_running(*worker) << '\n';
    return state == tasker::host::TaskState::Complete ? 0 : 1;
}
