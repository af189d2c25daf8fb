#include "host/supervisor/child_process.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "host/core/error.hpp"
#include "host/core/spawn.hpp"

namespace tasker::host {

namespace {
std::vector<std::string> lines_of(const std::map<std::string, std::string>& environment) {
    std::vector<std::string> all;
    for (const auto& [name, value] : environment) all.push_back(name + "=" + value);
    return all;
}

}  // namespace

std::string ChildEnd::text() const {
    if (exited) return "exit code " + std::to_string(code);
    const char* what = ::sigdescr_np(signal);
    return "signal " + std::to_string(signal) + (what == nullptr ? "" : std::string(" (") + what + ")");
}

ChildProcess::ChildProcess(const ChildProgram& program, std::uint64_t nonce) {
    auto [ours, theirs] = ControlChannel::make_pair();
    theirs = above(std::move(theirs), kControlFd);
    if (!theirs) throw Error(std::string("no descriptor for a child process: ") + std::strerror(errno));
    SpawnPlan plan;
    if (program.output >= 0) plan.give(program.output, STDOUT_FILENO);
    plan.give(theirs.get(), kControlFd);
    plan.close_from(kControlFd + 1);
    auto environment = program.environment;
    environment[kControlNonce] = std::to_string(nonce);
    std::vector<std::string> arguments = program.arguments;
    arguments.insert(arguments.begin(), program.executable.string());
    const int fault = plan.start(pid_, std::move(arguments), lines_of(environment));
    if (fault != 0) throw Error("cannot start " + program.executable.string() + ": " + std::strerror(fault));
    channel_ = ControlChannel(std::move(ours), nonce);
    watch();
}

ChildProcess::ChildProcess(pid_t pid, OwnedFd channel, std::uint64_t nonce)
    : pid_(pid), channel_(std::move(channel), nonce) {
    keep_over_exec(false);
    watch();
}

void ChildProcess::watch() {
    pidfd_ = OwnedFd(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));
    if (!pidfd_) {
        const std::string why = std::strerror(errno);
        signal(SIGKILL);
        ::waitpid(pid_, nullptr, 0);
        reaped_ = true;
        throw Error("cannot watch a child process: " + why);
    }
    ::fcntl(pidfd_.get(), F_SETFD, FD_CLOEXEC);
}

void ChildProcess::keep_over_exec(bool keep) const { ::fcntl(channel_.fd(), F_SETFD, keep ? 0 : FD_CLOEXEC); }

ChildProcess::~ChildProcess() {
    if (reaped_ || pid_ <= 0) return;
    signal(SIGKILL);
    while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
}

void ChildProcess::signal(int number) const {
    if (!reaped_ && pid_ > 0) ::kill(-pid_, number);
}

std::optional<ChildEnd> ChildProcess::reap() {
    if (reaped_) return std::nullopt;
    // Looked at first and taken then, so that the group's number is still its own while the rest of it is killed.
    siginfo_t info{};
    if (::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == 0)
        return std::nullopt;
    signal(SIGKILL);
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    reaped_ = true;
    ChildEnd end;
    end.exited = WIFEXITED(status);
    if (end.exited) {
        end.code = WEXITSTATUS(status);
    } else {
        end.signal = WTERMSIG(status);
    }
    return end;
}

bool end_with_parent(pid_t parent) {
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);
    return ::getppid() == parent;
}

}  // namespace tasker::host
