#pragma once
// One running tasker-plugin-probe. One thread.

#include <poll.h>
#include <sys/types.h>

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "host/core/owned_fd.hpp"
#include "host/scan/verdict.hpp"

namespace tasker::host {

class ProbeProcess {
  public:
    // Starts it: standard input /dev/null, both outputs in a pipe, descriptor 3 for nonce and report, nothing else; its own
    // process group, no environment but `environment`, working directory "/". When that fails, ended() holds at once.
    ProbeProcess(const std::filesystem::path& program, const std::vector<std::string>& environment,
                 const std::filesystem::path& file, const std::string& nonce);
    // Kills what still runs.
    ~ProbeProcess();
    ProbeProcess(const ProbeProcess&) = delete;
    ProbeProcess& operator=(const ProbeProcess&) = delete;

    // What poll() should wait for: report, output, the process itself.
    std::array<pollfd, 3> wanted() const;
    // Takes what poll() found.
    void take(const pollfd* found);
    // SIGKILL to the whole group; the end comes through wanted(). Its ending is then TimedOut.
    void kill_for(std::int64_t limit_ms);
    bool killed() const { return killed_; }
    // Also without its end: a process that the kernel does not let go.
    void give_up();

    bool ended() const { return ended_; }
    const ProbeEnding& ending() const { return ending_; }

  private:
    // Why not; empty when it runs.
    std::string start(const std::filesystem::path& program, const std::vector<std::string>& environment,
                      const std::filesystem::path& file, const std::string& nonce);
    void fail(std::string fault);
    void reap();
    void read_report();
    void read_output();

    OwnedFd report_, output_, process_;
    pid_t pid_ = -1;
    bool killed_ = false, ended_ = false;
    ProbeEnding ending_;
};

}  // namespace tasker::host
