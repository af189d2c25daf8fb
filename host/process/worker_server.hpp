#pragma once
// The phases of the server and what the main thread does meanwhile. One run, one object; main thread only.

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "host/process/phase.hpp"
#include "host/process/service_report.hpp"
#include "host/process/worker_command.hpp"

namespace tasker::host {

class WorkerServer {
  public:
    // `options` with every default filled in.
    WorkerServer(const LoadedConfig& config, const WorkerCommandOptions& options);
    ~WorkerServer();

    ExitCode run();

  private:
    ExitCode start_and_serve();
    // On the start thread. Each returns early when a shutdown was requested meanwhile.
    void claim_state();
    void start_up();
    void bootstrap(Discovered found);
    void start_event_system();
    void announce_ready();

    // On the main thread.
    void watch_start();
    ExitCode fail_start(const std::string& why);
    void main_loop();
    ExitCode shut_down();
    void watch_shutdown(Phase& stopping);
    void wait_until(std::int64_t due_ms);
    void handle(ServerSignal signal);
    void stop_api();
    void report_status();
    void report_status_when_due();
    void reload_when_asked();
    std::string described_work() const;
    bool store_is_lost();
    void health_check(std::int64_t number);
    std::int64_t now() const { return options_.clock->steady_ms(); }

    const LoadedConfig& config_;
    const WorkerCommandOptions& options_;
    const Logger& log_;
    SignalSource& signals_;
    ServiceReport service_;
    std::atomic<bool> shutdown_requested_ = false;
    int stop_signals_ = 0;
    std::int64_t status_due_ms_;  // kNever: no status was asked for
    std::int64_t last_status_ms_;
    bool reload_wanted_ = false;
    std::optional<ExitCode> start_failure_;  // written by the start thread, read after it
    std::string failure_;                    // why it ends badly, for the service manager; as start_failure_
    bool api_started_ = false;
    DrainReport drained_;
    bool store_lost_ = false;
    std::optional<StoreLock> state_lock_;     // outlives the worker
    std::atomic<Worker*> visible_ = nullptr;  // worker_ as soon as it may be asked for its status
    std::unique_ptr<Worker> worker_;
    std::unique_ptr<Phase> reload_;  // templates are being read again
};

}  // namespace tasker::host
