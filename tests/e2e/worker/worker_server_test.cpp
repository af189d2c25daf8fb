#include <doctest/doctest.h>

#include <atomic>
#include <deque>
#include <mutex>
#include <string>
#include <vector>

#include "host/core/named_thread.hpp"
#include "host/process/worker_command.hpp"
#include "tests/support/manual_clock.hpp"
#include "tests/unit/worker/worker_fixture.hpp"

using namespace tasker::host;
using namespace tasker::host::testing;

namespace {
class FakeSignals final : public SignalSource {
  public:
    explicit FakeSignals(const Clock& clock) : clock_(clock), wakeup_(clock) {}
    void send(ServerSignal signal) {
        queue_.with([&](auto& queue) { queue.push_back(signal); });
        wakeup_.wake();
    }
    std::optional<ServerSignal> next(std::int64_t due_ms) override {
        if (auto signal = take()) return signal;
        wakeup_.wait_until(due_ms, {});
        return take();
    }
    void wake() override { wakeup_.wake(); }

  private:
    std::optional<ServerSignal> take() {
        return queue_.with([](auto& queue) -> std::optional<ServerSignal> {
            if (queue.empty()) return std::nullopt;
            const ServerSignal signal = queue.front();
            queue.pop_front();
            return signal;
        });
    }
    const Clock& clock_;
    Guarded<std::deque<ServerSignal>> queue_;
    Wakeup wakeup_;
};

// A server over a runtime in memory, run on a thread beside the test.
struct Server {
    Server() {
        config.config.state_dir = folder / "state";
        config.config.namespaces = {"demo"};
        config.config.environment = "test";
        config.config.threads = 2;
        config.config.drain_timeout_ms = 3000;
        config.config.cancel_grace_ms = 1000;
        options.log = Logger(sink);
        options.clock = &clock;
        options.signals = &signals;
        options.open_engine = open_fake(runtime);
        options.discover = [this](const Config&, const Logger&) {
            Discovered found;
            add_greeter(found.plugins.registry);
            found.plugins.registry.register_handler("hang", [this](const StepEvent&, CallControl&) {
                ++hanging;
                eventually(20s, [this] { return let_go.load(); });
                --hanging;
                return Succeeded{};
            });
            found.templates.catalog = TemplateCatalog({chain_template("demo", "hello", {"greet"})});
            return found;
        };
        options.exit_now = [this](ExitCode wanted) {
            killed = static_cast<int>(wanted);
            let_go = true;
        };
    }
    ~Server() {
        let_go = true;
        if (thread.joinable()) signals.send(ServerSignal::Terminate);
    }
    void start() {
        thread = NamedThread("server", [this](const std::stop_token&) {
            code = static_cast<int>(run_worker(config, options));
            over = true;
        });
    }
    bool ready() {
        return eventually(10s, [this] { return sink->contains("Worker ready and processing tasks"); });
    }
    bool ends() {
        return eventually(10s, [this] { return over.load(); });
    }
    std::size_t position(const std::string& message) {
        const auto records = sink->records();
        for (std::size_t i = 0; i < records.size(); ++i) {
            if (records[i].message == message) return i;
        }
        FAIL("not logged: " << message);
        return 0;
    }
    int count(const std::string& part) {
        int found = 0;
        for (const LogRecord& record : sink->records()) {
            if (record.message.find(part) != std::string::npos) ++found;
        }
        return found;
    }

    TempDir folder;
    ManualClock clock;
    FakeSignals signals{clock};
    std::shared_ptr<CaptureSink> sink = std::make_shared<CaptureSink>();
    std::shared_ptr<FakeRuntime> runtime = std::make_shared<FakeRuntime>();
    LoadedConfig config;
    WorkerCommandOptions options;
    std::atomic<int> hanging = 0;
    std::atomic<bool> let_go = false, over = false;
    std::atomic<int> code = -1, killed = -1;
    NamedThread thread;
};
}  // namespace

TEST_CASE("Worker server: starts, says so in the seed's words and order, and ends with 0 on SIGTERM") {
    Server server;
    server.start();
    REQUIRE(server.ready());
    server.signals.send(ServerSignal::Terminate);
    REQUIRE(server.ends());
    CHECK(server.code == 0);
    const std::vector<std::string> order{"Starting C++ Worker Bootstrap System",
                                         "Environment: test",
                                         "Database URL: Not set",
                                         "Template Path: Not set",
                                         "Web Bind Address: Not set",
                                         "Config Path: Not set",
                                         "Configuration:",
                                         "  C++ will initialize native foundation via FFI",
                                         "  Worker will process tasks by calling C++ handlers",
                                         "Initializing C++ Worker Bootstrap...",
                                         "Discovering C++ handlers...",
                                         "Handler registry initialized: 2 handlers registered",
                                         "Registered handlers: greet, hang",
                                         "Handler discovery complete: 2 handlers registered",
                                         "Starting C++ event dispatch system...",
                                         "  EventBridge: Started",
                                         "  StepExecutionSubscriber: Started (worker_id=cpp-worker)",
                                         "  EventPoller: Started (10ms polling interval)",
                                         "C++ event dispatch system ready",
                                         "C++ worker system started successfully",
                                         "Worker ready and processing tasks",
                                         "Received SIGTERM signal, initiating shutdown...",
                                         "Starting shutdown sequence...",
                                         "  Stopping EventPoller...",
                                         "  EventPoller stopped",
                                         "  Stopping StepExecutionSubscriber...",
                                         "  StepExecutionSubscriber stopped",
                                         "  Stopping EventBridge...",
                                         "  EventBridge stopped",
                                         "  Transitioning to graceful shutdown...",
                                         "  Stopping native worker...",
                                         "  native worker stopped",
                                         "C++ worker shutdown completed successfully",
                                         "C++ Worker Server terminated gracefully"};
    for (std::size_t i = 1; i < order.size(); ++i) {
        CAPTURE(order[i]);
        CHECK(server.position(order[i - 1]) < server.position(order[i]));
    }
}

TEST_CASE(
    "Worker server: the service manager is told ready, reloading and stopping, each once and in this order") {
    Server server;
    Guarded<std::vector<std::string>> told;
    server.options.notify.tell = [&](std::string_view text) {
        told.with([&](auto& all) { all.emplace_back(text.substr(0, text.find('\n'))); });
        return true;
    };
    const auto messages = [&] { return told.with([](auto& all) { return all; }); };
    server.start();
    REQUIRE(eventually(10s, [&] { return messages().size() == 1; }));
    CHECK(server.sink->contains("Worker ready and processing tasks"));
    server.signals.send(ServerSignal::Hangup);
    REQUIRE(eventually(10s, [&] { return messages().size() == 3; }));
    server.signals.send(ServerSignal::Terminate);
    REQUIRE(server.ends());
    CHECK(messages() == std::vector<std::string>{"READY=1", "RELOADING=1", "READY=1", "STOPPING=1"});
}

TEST_CASE("Worker server: the watchdog is fed while the main loop turns, also while it drains") {
    Server server;
    std::atomic<int> alive = 0;
    server.config.config.drain_timeout_ms = 3'600'000;
    server.options.notify.watchdog_ms = 4000;
    server.options.notify.tell = [&](std::string_view text) {
        if (text == "WATCHDOG=1\n") ++alive;
        return true;
    };
    server.start();
    REQUIRE(server.ready());
    const auto fed = [&](int times) {
        const int before = alive;
        return eventually(20s, [&] {
            server.clock.advance(500);
            return alive >= before + times;
        });
    };
    CHECK(fed(3));
    server.runtime->offer(make_event("hang", 1));
    REQUIRE(eventually(10s, [&] { return server.hanging == 1; }));
    server.signals.send(ServerSignal::Terminate);
    REQUIRE(eventually(10s, [&] { return server.sink->contains("  Stopping StepExecutionSubscriber..."); }));
    CHECK(fed(2));
    server.let_go = true;
    REQUIRE(server.ends());
    CHECK(server.code == 0);
}

TEST_CASE("Worker server: a start that fails tells the service manager why, and never that it is ready") {
    Server server;
    Guarded<std::string> told;
    server.options.notify.tell = [&](std::string_view text) {
        told.with([&](auto& all) { all += text; });
        return true;
    };
    server.options.open_engine = [](const EngineOptions&, const Clock&, Random&,
                                    const Logger&) -> std::unique_ptr<Engine> {
        throw BootstrapError("the store cannot be opened");
    };
    server.start();
    REQUIRE(server.ends());
    CHECK(server.code == 3);
    const std::string all = told.with([](auto& text) { return text; });
    CHECK(all.find("STATUS=") == 0);
    CHECK(all.find("the store cannot be opened") != std::string::npos);
    CHECK(all.find("READY=1") == std::string::npos);
}

TEST_CASE("Worker server: SIGINT ends it too, after the running step finished") {
    Server server;
    server.start();
    REQUIRE(server.ready());
    server.runtime->offer(make_event("hang", 1));
    REQUIRE(eventually(5s, [&] { return server.hanging == 1; }));
    server.signals.send(ServerSignal::Interrupt);
    REQUIRE(eventually(5s, [&] { return server.sink->contains("  Stopping StepExecutionSubscriber..."); }));
    server.let_go = true;
    REQUIRE(server.ends());
    CHECK(server.code == 0);
    CHECK(server.runtime->completions().size() == 1);
}

TEST_CASE("Worker server: a step that does not finish while draining is handed back, exit 6") {
    Server server;
    server.start();
    REQUIRE(server.ready());
    server.runtime->offer(make_event("hang", 1));
    REQUIRE(eventually(5s, [&] { return server.hanging == 1; }));
    server.signals.send(ServerSignal::Terminate);
    REQUIRE(eventually(10s, [&] {
        server.clock.advance(100);
        return server.killed == 6;
    }));
    REQUIRE(server.ends());
    CHECK(server.code == 6);
    CHECK(server.runtime->releases().size() == 1);
    CHECK(server.runtime->stopped());
}

TEST_CASE("Worker server: a second signal ends it at once with 6 although a handler hangs") {
    Server server;
    server.config.config.drain_timeout_ms = 1'000'000'000;
    server.start();
    REQUIRE(server.ready());
    server.runtime->offer(make_event("hang", 1));
    REQUIRE(eventually(5s, [&] { return server.hanging == 1; }));
    server.signals.send(ServerSignal::Terminate);
    REQUIRE(eventually(5s, [&] { return server.sink->contains("  Stopping StepExecutionSubscriber..."); }));
    CHECK_FALSE(server.over.load());
    server.signals.send(ServerSignal::Interrupt);
    REQUIRE(server.ends());
    CHECK(server.killed == 6);
    CHECK(server.code == 6);
    CHECK(server.runtime->releases().size() == 1);
}

TEST_CASE("Worker server: a signal while discovery runs ends it with 0 and nothing is started") {
    Server server;
    std::atomic<bool> discovering = false;
    std::atomic<bool> go_on = false;
    server.options.discover = [&](const Config&, const Logger&) {
        discovering = true;
        eventually(10s, [&] { return go_on.load(); });
        return Discovered{};
    };
    server.start();
    REQUIRE(eventually(5s, [&] { return discovering.load(); }));
    server.signals.send(ServerSignal::Terminate);
    REQUIRE(eventually(5s, [&] { return server.sink->contains("initiating shutdown"); }));
    go_on = true;
    REQUIRE(server.ends());
    CHECK(server.code == 0);
    CHECK_FALSE(server.sink->contains("Starting C++ event dispatch system..."));
}

TEST_CASE("Worker server: discovery that hangs cannot hold a signal back") {
    Server server;
    std::atomic<bool> discovering = false;
    server.options.discover = [&](const Config&, const Logger&) {
        discovering = true;
        eventually(10s, [&] { return server.let_go.load(); });
        return Discovered{};
    };
    server.start();
    REQUIRE(eventually(5s, [&] { return discovering.load(); }));
    server.signals.send(ServerSignal::Terminate);
    REQUIRE(eventually(10s, [&] {
        server.clock.advance(100);
        return server.killed == 0;
    }));
    REQUIRE(server.ends());
}

TEST_CASE("Worker server: the health check runs at iteration 60, OK at DEBUG and UNHEALTHY at WARN") {
    Server server;
    server.start();
    REQUIRE(server.ready());
    REQUIRE(eventually(20s, [&] {
        server.clock.advance(1000);
        return server.sink->contains("Health check #1: OK");
    }));
    CHECK(server.clock.steady_ms() >= 1'000'000 + 60'000);
    server.runtime->set_status({"unavailable", 1, 0, 0, "disk full"});
    CHECK(eventually(20s, [&] {
        server.clock.advance(1000);
        return server.sink->contains("Health check #2: UNHEALTHY - disk full");
    }));
}

TEST_CASE(
    "Worker server: SIGUSR1 reports the status as JSON, a storm of them is coalesced, SIGHUP reads "
    "templates") {
    Server server;
    server.start();
    REQUIRE(server.ready());
    server.signals.send(ServerSignal::Status);
    REQUIRE(eventually(5s, [&] { return server.sink->contains("Worker Status: {\"running\":true"); }));
    for (int i = 0; i < 1000; ++i) server.signals.send(ServerSignal::Status);
    server.signals.send(ServerSignal::Hangup);
    REQUIRE(eventually(5s, [&] { return server.sink->contains("Templates read again: "); }));
    CHECK(server.count("Worker Status: ") == 1);
    server.clock.advance(100);
    CHECK(eventually(5s, [&] { return server.count("Worker Status: ") == 2; }));
    CHECK_FALSE(server.over.load());
}

TEST_CASE("Worker server: a bootstrap that fails is exit 3, with the password masked") {
    Server server;
    server.config.config.database_url = "postgresql://u:s3cr3t@h/d";
    server.start();
    REQUIRE(server.ends());
    CHECK(server.code == 3);
    CHECK(server.sink->contains("Failed to bootstrap worker: "));
    CHECK(server.sink->contains("Database URL: [REDACTED]"));
    CHECK_FALSE(server.sink->contains("s3cr3t"));
}

TEST_CASE("Worker server: a store that another worker holds is exit 3") {
    Server server;
    BootstrapConfig other;
    other.state_dir = (server.folder / "state").string();
    other.open_engine = open_fake(std::make_shared<FakeRuntime>());
    const auto holder = bootstrap_worker(std::move(other), HandlerRegistry{});
    REQUIRE(holder.result.success);
    server.start();
    REQUIRE(server.ends());
    CHECK(server.code == 3);
    CHECK(server.sink->contains("already running"));
}

TEST_CASE("Worker server: a refused store is exit 7, an unexpected error during the start 4") {
    Server refused;
    refused.options.open_engine = [](const auto&, const auto&, auto&,
                                     const auto&) -> std::unique_ptr<Engine> {
        throw StoreRefused("the store is damaged");
    };
    refused.start();
    REQUIRE(refused.ends());
    CHECK(refused.code == 7);

    Server unexpected;
    unexpected.options.discover = [](const Config&, const Logger&) -> Discovered {
        throw std::runtime_error("odd");
    };
    unexpected.start();
    REQUIRE(unexpected.ends());
    CHECK(unexpected.code == 4);
    CHECK(unexpected.sink->contains("Unexpected error during startup: odd"));
}

TEST_CASE("Worker server: an error while stopping is exit 1, and the API is stopped all the same") {
    Server server;
    std::atomic<int> api = 0;
    server.options.start_api = [&](Worker&, const std::vector<PluginReport>&) { ++api; };
    server.options.stop_api = [&] { --api; };
    server.start();
    REQUIRE(server.ready());
    CHECK(api == 1);
    server.runtime->fail_stop();
    server.signals.send(ServerSignal::Terminate);
    REQUIRE(server.ends());
    CHECK(server.code == 1);
    CHECK(api == 0);
    CHECK(server.sink->contains("Error during shutdown: flush failed"));
}

TEST_CASE("Worker server: an API that cannot listen is exit 3") {
    Server server;
    server.options.start_api = [](Worker&, const std::vector<PluginReport>&) {
        throw BootstrapError("path too long");
    };
    server.start();
    REQUIRE(server.ends());
    CHECK(server.code == 3);
    CHECK_FALSE(server.sink->contains("Worker ready"));
}

TEST_CASE("Worker server: callables that nobody offers and namespaces without templates are named") {
    Server server;
    server.config.config.namespaces = {"demo", "empty"};
    server.options.discover = [](const Config&, const Logger&) {
        Discovered found;
        add_greeter(found.plugins.registry);
        found.templates.catalog = TemplateCatalog({chain_template("demo", "hello", {"gret"})});
        return found;
    };
    server.start();
    REQUIRE(server.ready());
    CHECK(server.sink->contains("Namespace 'empty' has no templates; namespaces with templates: demo"));
    CHECK(server.sink->contains("gret"));
}
