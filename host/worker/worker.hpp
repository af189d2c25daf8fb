#pragma once
// The embeddable worker: the seed's bootstrap API. It never touches signals, argv, the environment, fork or exec.

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "host/core/clock.hpp"
#include "host/core/random.hpp"
#include "host/engine/engine.hpp"
#include "host/engine/store_lock.hpp"
#include "host/events/domain_event_bus.hpp"
#include "host/events/event_bridge.hpp"
#include "host/events/event_poller.hpp"
#include "host/logging/logger.hpp"
#include "host/model/worker_status.hpp"
#include "host/registry/event_extensions.hpp"
#include "host/registry/handler_registry.hpp"
#include "host/runtime/runtime.hpp"
#include "host/subscriber/step_execution_subscriber.hpp"
#include "host/worker/event_system.hpp"

namespace tasker::host {

// Opens an engine; the embedded one unless a test or an embedder brings another.
using OpenEngine =
    std::function<std::unique_ptr<Engine>(const EngineOptions&, const Clock&, Random&, const Logger&)>;

// The seed's four options first; the rest has defaults that suit a program which embeds a worker.
// Reaches an engine in another process instead. The templates are those of the configuration.
using OpenRuntime = std::function<std::unique_ptr<TaskerRuntime>(const TemplateCatalog& templates,
                                                                 const Clock&, Random&, const Logger&)>;

struct BootstrapConfig {
    std::optional<std::string> worker_id;  // default: cpp-worker
    std::string namespace_name = "default";
    std::vector<std::string> namespaces;     // more than one; empty: namespace_name alone
    std::optional<std::string> config_path;  // the TOML file the caller read, if any; not read here
    std::string log_level = "info";          // trace, debug, info, warn, error: `log` is cut off below it

    std::string environment = "development";
    std::string store;      // the SQLite file; empty: <state_dir>/tasker.db
    std::string state_dir;  // empty: $XDG_STATE_HOME/tasker-host must be given by the caller
    std::string
        flight_folder;         // where a dead worker's flight recorder is looked for; empty: nobody is blamed
    std::string database_url;  // postgresql:// is refused: no such runtime yet
    TemplateCatalog templates;
    Durability durability = Durability::Full;
    std::shared_ptr<const EventExtensions>
        event_extensions;          // publishers and subscribers of domain events; null: none
    SubscriberOptions subscriber;  // threads, concurrency, deadlines
    EventPollerConfig poller;
    std::int64_t default_step_timeout_ms = 300'000;
    std::int64_t max_runtime_ms = 86'400'000;
    std::int64_t missing_handler_timeout_ms = 86'400'000;
    bool fail_missing_handler = false;
    UpkeepOptions upkeep = {};
    bool start_event_system = true;  // false: the caller drives bridge, subscriber, poller itself
    Logger log;
    const Clock* clock = nullptr;  // null: the system's
    Random* random = nullptr;      // null: the system's
    OpenEngine open_engine;        // empty: the embedded engine
    OpenRuntime open_runtime;      // not empty: no engine and no store here, only a runtime
};

// One bootstrapped worker. Its parts are members in start order; the destructor stops it in the seed's order, so every
// reference it gives away ends with it. Thread-safe.
class Worker {
  public:
    ~Worker();
    Worker(const Worker&) = delete;
    Worker& operator=(const Worker&) = delete;

    // Throw Error when the bootstrap did not succeed, or when the engine is in another process.
    Engine& engine() const;
    TaskClient& tasks() const { return engine().tasks(); }
    TaskerRuntime& runtime() const;
    EventSystem& event_system() const;
    EventBridge& bridge() const { return event_system().bridge(); }
    // Domain events of delivery mode fast and broadcast; lives as long as the worker.
    DomainEventBus& domain_events() const { return *domain_events_; }

    bool running() const { return running_.load(); }
    const HandlerRegistry& registry() const { return registry_; }
    const BootstrapConfig& config() const { return config_; }
    const Clock& clock() const { return *config_.clock; }
    const std::string& worker_id() const { return *config_.worker_id; }
    bool has_engine() const { return engine_ != nullptr; }
    // Told by whoever serves the API; shown in the status.
    void set_web_api_enabled(bool enabled) { web_api_enabled_.store(enabled); }

  private:
    friend struct WorkerLifecycle;
    Worker(BootstrapConfig config, HandlerRegistry registry);

    BootstrapConfig config_;  // with every default filled in
    const HandlerRegistry registry_;
    std::unique_ptr<SystemClock> own_clock_;
    std::unique_ptr<SystemRandom> own_random_;
    std::string failure_;  // why the bootstrap failed; written before anybody else sees the worker
    std::int64_t started_ms_ = 0;
    std::atomic<bool> running_ = false, web_api_enabled_ = false;
    std::mutex control_;  // stop and transition exclude each other
    // After everything that publishes has stopped: what the last results bring is still delivered.
    std::shared_ptr<DomainEventBus> domain_events_;  // never null
    std::optional<StoreLock> lock_;
    std::unique_ptr<Engine> engine_;
    std::unique_ptr<TaskerRuntime> runtime_;
    std::unique_ptr<EventSystem> event_system_;
};

struct Bootstrapped {
    std::unique_ptr<Worker> worker;  // never null; not running when result.success is false
    BootstrapResult result;
};

// Opens the store and starts the engine, the runtime and (unless told otherwise) the event system. A store that another
// worker of this machine holds gives success=false, status "already_running". Never throws for such outcomes; throws
// StoreRefused for a store that must not be touched.
Bootstrapped bootstrap_worker(BootstrapConfig config, HandlerRegistry registry);

// Stops everything in the seed's order. Safe on a stopped worker. Returns a sentence for the log. Throws the first error
// that came up, after everything was stopped all the same.
std::string stop_worker(Worker& worker);
WorkerStatus worker_status(const Worker& worker);
// By handler, for metrics; empty while the worker is not running.
std::vector<HandlerCounts> handler_counts(const Worker& worker);
// No new claims; running steps go on. Throws Error when the worker is not running.
std::string transition_to_graceful_shutdown(Worker& worker);
bool is_worker_running(const Worker& worker);

}  // namespace tasker::host
