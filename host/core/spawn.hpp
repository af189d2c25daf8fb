#pragma once
// How this program starts others: in a process group of their own, with no signal blocked or ignored, standard input from
// /dev/null, and no descriptor but those that are given.

#include <spawn.h>
#include <sys/types.h>

#include <filesystem>
#include <string>
#include <vector>

#include "host/core/owned_fd.hpp"

namespace tasker::host {

// Pointers to the texts and a null behind them, as exec wants it; valid while they live.
std::vector<char*> null_ended(std::vector<std::string>& texts);

// The descriptor under a number above `floor`, so that giving one of the numbers up to it away closes it for nobody. Empty
// when the system has none left (errno).
OwnedFd above(OwnedFd descriptor, int floor);

class SpawnPlan {
  public:
    SpawnPlan();
    ~SpawnPlan();
    SpawnPlan(const SpawnPlan&) = delete;
    SpawnPlan& operator=(const SpawnPlan&) = delete;

    // In this order. `descriptor` is the child's `number`.
    void give(int descriptor, int number);
    void close_from(int number);
    void work_in(const std::filesystem::path& folder);
    // The first argument is the program. 0, or an errno.
    int start(pid_t& pid, std::vector<std::string> arguments, std::vector<std::string> environment) const;

  private:
    posix_spawn_file_actions_t actions_;
    posix_spawnattr_t attributes_;
};

}  // namespace tasker::host
