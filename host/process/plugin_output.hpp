#pragma once
// What plugins print. They share this process's standard output and error, which belong to its documents and its log:
// while this object lives, descriptors 1 and 2 are pipes, and each line that comes out of them becomes a log record of
// the component `plugin_output`. The host itself writes to copies that it made before (command_runner.cpp).

#include <array>
#include <optional>

#include "host/core/file_identity.hpp"
#include "host/core/named_thread.hpp"
#include "host/core/owned_fd.hpp"
#include "host/logging/logger.hpp"
#include "host/process/crash_watch.hpp"

namespace tasker::host {

// One at a time in a process; made before plugins are loaded, on the main thread. Lines above the rate are dropped and
// counted; who prints never waits for whoever reads the log.
class PluginOutput {
  public:
    // Throws BootstrapError when no descriptor is left.
    PluginOutput(Logger log, LogLevel level);
    // Gives the descriptors back and logs what is still in the pipes.
    ~PluginOutput();
    PluginOutput(const PluginOutput&) = delete;
    PluginOutput& operator=(const PluginOutput&) = delete;

  private:
    void read_all(const std::stop_token& stop);
    // A plugin has closed what is not its own.
    bool pipes_lost() const;

    const Logger log_;
    const LogLevel level_;
    OwnedFd stop_;
    std::array<OwnedFd, 2> pipes_;  // the ends to read from: standard output, standard error
    std::array<OwnedFd, 2> saved_;  // what stood at 1 and 2
    std::array<std::optional<FileIdentity>, 2> pipe_files_, saved_files_;
    std::optional<CrashWatch> crashes_;
    NamedThread reader_;
};

}  // namespace tasker::host
