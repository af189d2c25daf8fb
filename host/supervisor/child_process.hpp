#pragma once
// A process that this one started, in a process group of its own, with a control channel. One thread.

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "host/core/owned_fd.hpp"
#include "host/supervisor/control_channel.hpp"

namespace tasker::host {

struct ChildProgram {
    std::filesystem::path executable;
    std::vector<std::string> arguments;                // without the program's name
    std::map<std::string, std::string> environment{};  // all of it; nothing is inherited
    int output = -1;                                   // becomes its standard output; -1: this process's
};

// How a child ended.
struct ChildEnd {
    bool exited = false;
    int code = 0;              // of the exit
    int signal = 0;            // that killed it
    std::string text() const;  // "exit code 3", "signal 11 (Segmentation fault)"
};

class ChildProcess {
  public:
    // Signals are neither blocked nor ignored in it; every descriptor but the standard ones and the channel is closed.
    // Throws Error (the program, the reason).
    ChildProcess(const ChildProgram& program, std::uint64_t nonce);
    // A child that another program started in this process before it was replaced by this one. Throws Error.
    ChildProcess(pid_t pid, OwnedFd channel, std::uint64_t nonce);
    // Kills what still runs, and waits for it.
    ~ChildProcess();
    ChildProcess(const ChildProcess&) = delete;
    ChildProcess& operator=(const ChildProcess&) = delete;

    pid_t pid() const { return pid_; }
    // Becomes readable when the process has ended.
    int end_fd() const { return pidfd_.get(); }
    ControlChannel& channel() { return channel_; }
    // Whether its channel survives an exec of this process.
    void keep_over_exec(bool keep) const;
    // To its whole group. Nothing once it has been reaped.
    void signal(int number) const;
    // How it ended; nothing while it runs. What is left of its group is killed then.
    std::optional<ChildEnd> reap();

  private:
    void watch();

    pid_t pid_ = -1;
    OwnedFd pidfd_;
    ControlChannel channel_;
    bool reaped_ = false;
};

// For the child: it is ended when the one that started it is gone. Returns false when it is gone already.
bool end_with_parent(pid_t parent);

}  // namespace tasker::host
