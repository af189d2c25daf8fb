#include <doctest/doctest.h>

#include <mutex>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/unit/worker/worker_fixture.hpp"

using namespace tasker::host;
using namespace tasker::host::testing;

TEST_CASE("stop_worker: drains, then transitions, then stops the runtime") {
    const TempDir folder;
    auto runtime = std::make_shared<FakeRuntime>();
    std::vector<std::string> order;
    runtime->on_call([&](const std::string& call) { order.push_back(call); });
    BootstrapConfig config = config_in(folder);
    config.open_engine = open_fake(runtime);
    HandlerRegistry registry;
    add_greeter(registry);
    auto [worker, result] = bootstrap_worker(std::move(config), std::move(registry));
    REQUIRE(result.success);
    const auto stopped =
        worker->bridge().poller_stopped.subscribe([&] { order.push_back("poller_stopped"); });
    runtime->offer(make_event("greet", 1));
    REQUIRE(eventually(5s, [&] { return runtime->completions().size() == 1; }));
    stop_worker(*worker);
    CHECK(order == std::vector<std::string>{"poller_stopped", "transition_to_graceful_shutdown", "stop"});
    CHECK(runtime->capacities().back().slots == 0);
}

TEST_CASE("stop_worker: an error comes out after everything else was stopped all the same") {
    const TempDir folder;
    auto runtime = std::make_shared<FakeRuntime>();
    BootstrapConfig config = config_in(folder);
    config.open_engine = open_fake(runtime);
    auto [worker, result] = bootstrap_worker(std::move(config), HandlerRegistry{});
    runtime->fail_stop();
    CHECK_THROWS_AS(stop_worker(*worker), std::runtime_error);
    CHECK_FALSE(is_worker_running(*worker));
    // The store is free again.
    BootstrapConfig again = config_in(folder);
    again.open_engine = open_fake(std::make_shared<FakeRuntime>());
    CHECK(bootstrap_worker(std::move(again), HandlerRegistry{}).result.success);
}

TEST_CASE("Worker: without the event system nothing runs until the caller starts it") {
    const TempDir folder;
    auto runtime = std::make_shared<FakeRuntime>();
    BootstrapConfig config = config_in(folder);
    config.open_engine = open_fake(runtime);
    config.start_event_system = false;
    HandlerRegistry registry;
    add_greeter(registry);
    auto [worker, result] = bootstrap_worker(std::move(config), std::move(registry));
    REQUIRE(result.success);
    CHECK(runtime->capacities().empty());
    runtime->offer(make_event("greet", 1));
    CHECK(runtime->polls() == 0);
    worker->event_system().start();
    CHECK(eventually(5s, [&] { return runtime->completions().size() == 1; }));
}

TEST_CASE("worker_status: what the runtime complains about is in the status") {
    const TempDir folder;
    auto runtime = std::make_shared<FakeRuntime>();
    runtime->set_status({"unavailable", 2, 1, 0, "disk full"});
    BootstrapConfig config = config_in(folder);
    config.open_engine = open_fake(runtime);
    auto [worker, result] = bootstrap_worker(std::move(config), HandlerRegistry{});
    const WorkerStatus status = worker_status(*worker);
    CHECK(status.worker_core_status == "unavailable");
    CHECK(status.error == "disk full");
    CHECK(status.database_pool_size == 2);
    CHECK(status.database_pool_idle == 1);
    CHECK_FALSE(status.web_api_enabled);
    worker->set_web_api_enabled(true);
    CHECK(worker_status(*worker).web_api_enabled);
}
