#include <doctest/doctest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "tests/unit/worker/worker_fixture.hpp"

using namespace tasker::host;
using namespace tasker::host::testing;

TEST_CASE("Bootstrap: bootstrap, status, a step processed, stop, not running") {
    const TempDir folder;
    BootstrapConfig config = config_in(folder);
    config.templates = TemplateCatalog({chain_template("demo", "hello", {"greet", "greet"})});
    HandlerRegistry registry;
    add_greeter(registry);
    auto [worker, result] = bootstrap_worker(std::move(config), std::move(registry));
    REQUIRE(result.success);
    CHECK(result.status == "started");
    CHECK(result.worker_id == "cpp-worker");
    CHECK(Uuid::parse(result.handle_id).has_value());
    CHECK(is_worker_running(*worker));

    const auto submitted = worker->tasks().create(request_for("demo", "hello"));
    REQUIRE(std::holds_alternative<Uuid>(submitted));
    const Uuid task = std::get<Uuid>(submitted);
    CHECK(eventually(10s, [&] { return worker->tasks().get(task)->state == TaskState::Complete; }));

    const WorkerStatus status = worker_status(*worker);
    CHECK(status.running);
    CHECK(status.worker_core_status == "running");
    CHECK(status.environment == "test");
    CHECK(status.supported_namespaces == std::vector<std::string>{"demo"});
    CHECK(status.steps_succeeded == 2);
    CHECK(status.handlers == 1);
    CHECK(status.templates == 1);
    CHECK(status.plugins == 0);
    CHECK(status.slots > 0);
    CHECK_FALSE(status.error.has_value());

    stop_worker(*worker);
    CHECK_FALSE(is_worker_running(*worker));
    CHECK(worker_status(*worker).worker_core_status == "stopped");
    CHECK(worker_status(*worker).error == "the worker is stopped");
}

TEST_CASE("Bootstrap: the seed's defaults") {
    const BootstrapConfig config;
    CHECK(config.namespace_name == "default");
    CHECK(config.log_level == "info");
    CHECK_FALSE(config.worker_id.has_value());
}

TEST_CASE("Bootstrap: a second worker on the same store is already running, also in this process") {
    const TempDir folder;
    auto first = bootstrap_worker(config_in(folder), HandlerRegistry{});
    REQUIRE(first.result.success);
    auto second = bootstrap_worker(config_in(folder), HandlerRegistry{});
    CHECK_FALSE(second.result.success);
    CHECK(second.result.status == "already_running");
    REQUIRE(second.result.error_message.has_value());
    CHECK(second.result.error_message->find(std::to_string(getpid())) != std::string::npos);
    CHECK_FALSE(is_worker_running(*second.worker));
    CHECK(is_worker_running(*first.worker));
    stop_worker(*first.worker);
    auto third = bootstrap_worker(config_in(folder), HandlerRegistry{});
    CHECK(third.result.success);
}

TEST_CASE("Bootstrap: two workers with two stores run side by side") {
    const TempDir one;
    const TempDir two;
    const auto first = bootstrap_worker(config_in(one), HandlerRegistry{});
    const auto second = bootstrap_worker(config_in(two), HandlerRegistry{});
    CHECK(first.result.success);
    CHECK(second.result.success);
    CHECK(first.result.handle_id != second.result.handle_id);
}

TEST_CASE("Bootstrap: stopping is safe twice and on a worker that never ran; a transition throws there") {
    const TempDir folder;
    auto running = bootstrap_worker(config_in(folder), HandlerRegistry{});
    CHECK_NOTHROW(transition_to_graceful_shutdown(*running.worker));
    CHECK(worker_status(*running.worker).worker_core_status == "draining");
    CHECK(stop_worker(*running.worker) == "Worker cpp-worker stopped");
    CHECK(stop_worker(*running.worker) == "Worker is not running");
    CHECK_THROWS_AS(transition_to_graceful_shutdown(*running.worker), Error);

    BootstrapConfig bad = config_in(folder);
    bad.database_url = "postgresql://db";
    auto failed = bootstrap_worker(std::move(bad), HandlerRegistry{});
    CHECK(stop_worker(*failed.worker) == "Worker is not running");
    CHECK_THROWS_AS(transition_to_graceful_shutdown(*failed.worker), Error);
    CHECK_THROWS_AS(failed.worker->runtime(), Error);
}

TEST_CASE("Bootstrap: a PostgreSQL URL is refused with its password masked") {
    const TempDir folder;
    BootstrapConfig config = config_in(folder);
    config.database_url = "postgresql://tasker:s3cr3t@db.example/tasker";
    const auto [worker, result] = bootstrap_worker(std::move(config), HandlerRegistry{});
    CHECK_FALSE(result.success);
    CHECK(result.status == "failed");
    REQUIRE(result.error_message.has_value());
    CHECK(result.error_message->find("PostgreSQL") != std::string::npos);
    CHECK(result.error_message->find("db.example") != std::string::npos);
    CHECK(result.error_message->find("s3cr3t") == std::string::npos);
    CHECK(worker_status(*worker).error == result.error_message);
}

TEST_CASE("Bootstrap: a state directory that cannot be made fails and names it") {
    const TempDir folder;
    folder.write("file", "in the way");
    BootstrapConfig config = config_in(folder);
    config.state_dir = (folder / "file").string() + "/state";
    const auto [worker, result] = bootstrap_worker(std::move(config), HandlerRegistry{});
    CHECK(result.status == "failed");
    CHECK(result.message.find("file/state") != std::string::npos);
}

TEST_CASE("Bootstrap: a store that is not ours is refused, untouched, and its lock is free again") {
    const TempDir folder;
    folder.write("state/tasker.db", std::string(8192, 'x'));
    CHECK_THROWS_AS(bootstrap_worker(config_in(folder), HandlerRegistry{}), StoreRefused);
    std::ifstream file(folder / "state/tasker.db");
    const std::string content((std::istreambuf_iterator<char>(file)), {});
    CHECK(content == std::string(8192, 'x'));
    CHECK_THROWS_AS(bootstrap_worker(config_in(folder), HandlerRegistry{}), StoreRefused);
}

TEST_CASE("Bootstrap: callables that no handler offers are in the status, of the served namespaces only") {
    const TempDir folder;
    BootstrapConfig config = config_in(folder);
    config.templates = TemplateCatalog({chain_template("demo", "hello", {"greet", "pay.charge"}),
                                        chain_template("other", "x", {"elsewhere"})});
    HandlerRegistry registry;
    add_greeter(registry);
    const auto [worker, result] = bootstrap_worker(std::move(config), std::move(registry));
    CHECK(worker_status(*worker).missing_callables == std::vector<std::string>{"pay.charge"});
}

TEST_CASE("Bootstrap: several namespaces, a worker id, and the store of a sqlite URL") {
    const TempDir folder;
    BootstrapConfig config = config_in(folder);
    config.namespaces = {"a", "b"};
    config.worker_id = "w7";
    config.database_url = "sqlite:///" + (folder / "elsewhere/my.db").string().substr(1);
    const auto [worker, result] = bootstrap_worker(std::move(config), HandlerRegistry{});
    REQUIRE(result.success);
    CHECK(result.worker_id == "w7");
    CHECK(worker_status(*worker).supported_namespaces == std::vector<std::string>{"a", "b"});
    CHECK(std::filesystem::exists(folder / "elsewhere/my.db"));
}

TEST_CASE("Bootstrap: log_level cuts the log off, an unknown one is refused") {
    const TempDir folder;
    const auto sink = std::make_shared<CaptureSink>();
    BootstrapConfig config = config_in(folder);
    config.log = Logger(sink);
    config.log_level = "error";
    const auto [worker, result] = bootstrap_worker(std::move(config), HandlerRegistry{});
    REQUIRE(result.success);
    CHECK_FALSE(worker->config().log.enabled(LogLevel::Warn));
    CHECK(worker->config().log.enabled(LogLevel::Error));

    const TempDir other;
    BootstrapConfig wrong = config_in(other);
    wrong.log_level = "loud";
    const auto refused = bootstrap_worker(std::move(wrong), HandlerRegistry{});
    CHECK(refused.result.status == "failed");
    CHECK(refused.result.message.find("'loud'") != std::string::npos);
}

TEST_CASE("worker_status: what is missing follows the templates that are read again") {
    const TempDir folder;
    BootstrapConfig config = config_in(folder);
    config.templates = TemplateCatalog({chain_template("demo", "hello", {"gret"})});
    HandlerRegistry registry;
    add_greeter(registry);
    const auto [worker, result] = bootstrap_worker(std::move(config), std::move(registry));
    CHECK(worker_status(*worker).missing_handlers ==
          std::vector<std::string>{"no plugin offers 'gret', did you mean 'greet'?"});
    worker->engine().set_catalog(std::make_shared<const TemplateCatalog>(
        std::vector{chain_template("demo", "hello", {"greet"}), chain_template("demo", "more", {"greet"})}));
    CHECK(worker_status(*worker).missing_callables.empty());
    CHECK(worker_status(*worker).templates == 2);
}
