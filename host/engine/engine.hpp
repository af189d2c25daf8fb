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
#include "host/logging/logger.hpp"
#include "host/model/template_catalog.hpp"
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
    bool create = true;                 // false: a missing file is an error (store verbs)
};

struct SessionOptions {
    std::string worker_id;
    std::vector<std::string> namespaces;
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
    virtual TaskClient& tasks() = 0;
    // A worker's session. The engine must outlive it.
    virtual std::unique_ptr<TaskerRuntime> attach(SessionOptions options) = 0;

    virtual StoreInfo info() = 0;
    // Integrity and invariants; one line for each fault found, none when the store is sound.
    virtual std::vector<std::string> check() = 0;
    // A consistent copy while running (SQLite's backup API). Throws Error when the target exists or cannot be written.
    virtual void backup(const std::filesystem::path& target) = 0;
    // Flushes, checkpoints, closes. Idempotent; called by the destructor. Throws StoreUnavailable, after all is closed, when
    // results could not be recorded.
    virtual void stop() = 0;
    // Why the store cannot be written at the moment (disk full, I/O error); empty when it can.
    virtual std::string trouble() const = 0;
};

}  // namespace tasker::host
