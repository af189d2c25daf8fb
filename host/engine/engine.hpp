#pragma once
// The embedded engine: the store, its one writer thread, the orchestration rules, timers and leases. One process opens a
// store at a time; StoreLock says who. Thread-safe after construction.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "host/core/clock.hpp"
#include "host/core/random.hpp"
#include "host/engine/upkeep_options.hpp"
#include "host/logging/logger.hpp"
#include "host/model/template_catalog.hpp"
#include "host/runtime/analytics_client.hpp"
#include "host/runtime/dlq_client.hpp"
#include "host/runtime/engine_session.hpp"
#include "host/runtime/event_queue.hpp"
#include "host/runtime/runtime.hpp"
#include "host/runtime/task_client.hpp"

namespace tasker::host {

enum class Durability : std::uint8_t {
    Full,     // every commit is on the disk before it is answered (synchronous=FULL)
    Process,  // survives a killed process; a power cut may lose the last commits (synchronous=NORMAL)
};

struct EngineOptions {
    std::filesystem::path store;  // the SQLite file; its folder must exist
    Durability durability = Durability::Full;
    std::int64_t default_step_timeout_ms = 300'000;  // for steps without timeout_seconds; 0: none
    std::int64_t max_runtime_ms = 86'400'000;        // how far heartbeats may extend a step
    // The engine fails a hung step by itself at its deadline + this, whatever the worker does.
    std::int64_t deadline_backstop_ms = 15'000;
    std::int64_t missing_handler_timeout_ms = 86'400'000;
    bool fail_missing_handler = false;  // claim steps nobody offers and fail them (missing_handler = "fail")
    // After an opening the leases of the store's previous life stay valid that long: a session that lists them has them
    // again (EngineSession::adopt), what nobody listed is taken back then. 0: all is taken back at once, unless workers of
    // that life are still there (a command that looks into the store while the engine of a supervisor is down): once they are
    // gone.
    std::int64_t reattach_window_ms = 0;
    // Where workers keep what they are running (core/flight_recorder.hpp); empty: nobody is blamed for a death.
    std::filesystem::path flight_folder = {};
    bool create = true;  // false: a missing file is an error (store verbs)
    UpkeepOptions upkeep = {};
};

struct SessionOptions {
    std::string worker_id;
    std::vector<std::string> namespaces;
    Uuid session_uuid = {};       // the worker's own name for it; nil: it has none
    std::int64_t generation = 0;  // of the worker's process; 0: it has none
};

struct StoreInfo {
    std::string path;
    int schema_version = 0;
    std::string durability, sqlite_version;
    std::uint64_t bytes = 0, wal_bytes = 0;
    std::int64_t tasks = 0, open_tasks = 0, steps = 0, templates = 0;
    std::int64_t ready_steps = 0, running_steps = 0, waiting_steps = 0;
    std::int64_t oldest_ready_ms = 0;  // how long; 0 when none waits
};

// What waits for a worker in one namespace.
struct QueueDepth {
    std::string namespace_name;
    std::int64_t ready_steps = 0;
    std::int64_t oldest_ms = 0;  // how long the oldest of them waits
};

struct ReaderCount {
    int all = 0, idle = 0;
};

class Engine {
  public:
    // Opens or creates the store, migrates it, takes back what a dead predecessor had claimed.
    // Throws StoreRefused (damaged, newer, foreign: untouched) or BootstrapError (cannot be opened, path and reason).
    static std::unique_ptr<Engine> open(EngineOptions options, const Clock& clock, Random& random,
                                        Logger log);
    virtual ~Engine() = default;

    // The templates new submissions may use. Running tasks keep the definition they were submitted with.
    virtual void set_catalog(std::shared_ptr<const TemplateCatalog> catalog) = 0;
    virtual std::shared_ptr<const TemplateCatalog> catalog() const = 0;
    // What stored tasks run by, which the catalog may have no more. One that cannot be read is left out, with a record in
    // the log.
    virtual std::vector<std::shared_ptr<const TaskTemplate>> pinned_definitions() { return {}; }
    virtual TaskClient& tasks() = 0;
    virtual DlqClient& dlq() = 0;
    virtual AnalyticsClient& analytics() = 0;
    virtual EventQueue& events() = 0;
    // A worker's session. The engine must outlive it.
    virtual std::unique_ptr<TaskerRuntime> attach(SessionOptions options) = 0;

    // The same for a worker in another process. Null: this engine has no such sessions.
    virtual std::unique_ptr<EngineSession> open_session(SessionOptions options) {
        static_cast<void>(options);
        return nullptr;
    }

    virtual StoreInfo info() = 0;
    // Namespaces in which steps are ready, the fullest first. Cheap: reads what is ready and nothing else.
    virtual std::vector<QueueDepth> queues() { return {}; }
    // Connections that readers of the store share.
    virtual ReaderCount readers() const { return {}; }
    // Integrity and invariants; one line for each fault found, none when the store is sound.
    virtual std::vector<std::string> check() = 0;
    // A consistent copy while running (SQLite's backup API). Throws Error when the target exists or cannot be written.
    virtual void backup(const std::filesystem::path& target) = 0;
    // Deletes finished tasks that are old enough, in slices between which the work goes on; returns when all are gone.
    // A task with a pending dead letter entry stays. Throws StoreUnavailable when it could not go on; what was deleted by
    // then stays so.
    virtual PruneReport prune(const PruneOptions& options) = 0;
    // Flushes, checkpoints, closes. Idempotent; called by the destructor. Throws StoreUnavailable, after all is closed, when
    // results could not be recorded.
    virtual void stop() = 0;
    // Why the store cannot be written at the moment (disk full, I/O error); empty when it can.
    virtual std::string trouble() const = 0;
    // The trouble will not pass: the store was damaged or taken away.
    virtual bool lost() const { return false; }
};

}  // namespace tasker::host
