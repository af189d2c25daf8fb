#include "host/core/spawn.hpp"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

namespace tasker::host {

std::vector<char*> null_ended(std::vector<std::string>& texts) {
    std::vector<char*> out;
    for (std::string& text : texts) out.push_back(text.data());
    out.push_back(nullptr);
    return out;
}

OwnedFd above(OwnedFd descriptor, int floor) {
    if (!descriptor || descriptor.get() > floor) return descriptor;
    return OwnedFd(::fcntl(descriptor.get(), F_DUPFD_CLOEXEC, floor + 1));
}

SpawnPlan::SpawnPlan() {
    ::posix_spawn_file_actions_init(&actions_);
    ::posix_spawnattr_init(&attributes_);
    ::posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    ::posix_spawnattr_setsigmask(&attributes_, &none);
    ::posix_spawnattr_setsigdefault(&attributes_, &all);
    ::posix_spawnattr_setpgroup(&attributes_, 0);
    ::posix_spawnattr_setflags(&attributes_,
                               POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
}

SpawnPlan::~SpawnPlan() {
    ::posix_spawnattr_destroy(&attributes_);
    ::posix_spawn_file_actions_destroy(&actions_);
}

void SpawnPlan::give(int descriptor, int number) {
    ::posix_spawn_file_actions_adddup2(&actions_, descriptor, number);
}

void SpawnPlan::close_from(int number) { ::posix_spawn_file_actions_addclosefrom_np(&actions_, number); }

void SpawnPlan::work_in(const std::filesystem::path& folder) {
    ::posix_spawn_file_actions_addchdir_np(&actions_, folder.c_str());
}

int SpawnPlan::start(pid_t& pid, std::vector<std::string> arguments,
                     std::vector<std::string> environment) const {
    const std::string program = arguments.front();
    return ::posix_spawn(&pid, program.c_str(), &actions_, &attributes_, null_ended(arguments).data(),
                         null_ended(environment).data());
}

}  // namespace tasker::host
