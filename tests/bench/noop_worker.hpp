#pragma once
// The worker of the engine's benchmark: bootstrapped like any other, with the whole event system and a handler that
// comes out of a plugin. Only its engine is wrapped, to count what was recorded and to pause claiming.

#include <filesystem>
#include <memory>

#include "host/worker/worker.hpp"

namespace tasker::host::bench {

// The handlers of the plugin built beside the benchmarks; loaded once, it stays in the process. Throws Error.
HandlerRegistry noop_handlers(const std::filesystem::path& plugin_cache);
// Ends its step at once with 64 bytes of JSON.
inline constexpr std::string_view kNoopCallable = "bench.noop";

class CountedRuntime;

class NoopWorker {
  public:
    // Opens the store in `folder`; nothing is claimed before resume(). `threads` with four times as many steps ahead.
    // Over the socket: as a worker in another process has its engine, though here the process is the same.
    enum class Engines : std::uint8_t { InProcess, OverSocket };
    NoopWorker(const std::filesystem::path& folder, Durability durability, TemplateCatalog templates,
               unsigned threads, Engines engines = Engines::InProcess);
    ~NoopWorker();
    NoopWorker(const NoopWorker&) = delete;
    NoopWorker& operator=(const NoopWorker&) = delete;

    Engine& engine() { return worker_->engine(); }
    void resume();
    // Returns when everything claimed is recorded.
    void pause();
    // Blocks until that many steps were recorded since the start.
    void wait_for(std::int64_t steps);
    std::int64_t done() const;
    unsigned slots() const;

  private:
    CountedRuntime* runtime_ = nullptr;  // of worker_
    std::unique_ptr<Worker> worker_;
};

}  // namespace tasker::host::bench
