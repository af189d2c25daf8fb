#pragma once
// Looking at a task until it settles.

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "host/process/connection.hpp"
#include "host/process/task_view.hpp"

namespace tasker::host {

// Reads one task again and again. Keeps a connection to a host; holds the store only while it reads, so that a host can
// start meanwhile.
class TaskReader {
  public:
    TaskReader(const Config& config, std::string task_uuid)
        : config_(config), task_uuid_(std::move(task_uuid)) {}
    // The document, with results and dependencies. Survives a restart of the host.
    std::string document();
    bool host_running() const { return host_ != nullptr; }

  private:
    const Config& config_;
    std::string task_uuid_;
    std::unique_ptr<HostAccess> host_;
};

// Milliseconds of --timeout: "30", "30s", "500ms"; nothing when it is absent. Throws CommandFailure (USAGE).
std::optional<std::int64_t> timeout_ms(const Command& command);

struct Followed {
    std::string document;  // the last one that was read
    TaskRow task;
    bool timed_out = false;
};
// `seen` is called with each reading; `pause_ms` waits between two of them and says whether to go on.
Followed follow(const std::function<std::string()>& read, std::optional<std::int64_t> limit_ms,
                const std::function<void(const TaskRow&)>& seen, const std::function<bool(int)>& pause_ms);

// The same for a task of the configured store or host, bounded by --timeout.
Followed follow_task(Command& command, const Config& config, const std::string& uuid,
                     const std::function<void(const TaskRow&)>& seen);

// Shows progress on standard error: a live picture on a terminal, a line for each change otherwise; with --json, a
// line of JSON on standard output for each change when `stream` is set.
class Progress {
  public:
    Progress(Command& command, bool stream);
    void show(const TaskRow& task);

  private:
    void redraw(const TaskRow& task);
    void report_changes(const TaskRow& task);

    Command& command_;
    bool stream_;
    bool live_;
    int lines_ = 0;
    TaskRow last_;
};

// The end of run, wait and watch: the document or the table, and the exit code.
ExitCode finish(Command& command, const Followed& followed);

}  // namespace tasker::host
