#include "host/scan/probe_process.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <memory>
#include <string_view>
#include <utility>

#include "host/core/error.hpp"
#include "host/core/spawn.hpp"
#include "host/scan/probe_report.hpp"

namespace tasker::host {

namespace {
void make_lazy(const OwnedFd& fd) { ::fcntl(fd.get(), F_SETFL, ::fcntl(fd.get(), F_GETFL) | O_NONBLOCK); }

// Reads what there is; at most `most` is kept, the rest counted. True at the end of the stream.
bool drain(int fd, std::string& kept, std::size_t most, std::uint64_t& total) {
    std::array<char, 65536> chunk;
    // A flood must not keep the caller from looking at its deadlines.
    for (int round = 0; round < 16; ++round) {
        const ssize_t got = ::read(fd, chunk.data(), chunk.size());
        if (got < 0 && errno == EINTR) continue;
        if (got < 0 && errno == EAGAIN) return false;
        if (got <= 0) return true;
        const auto size = static_cast<std::size_t>(got);
        total += size;
        kept.append(chunk.data(), std::min(size, most - std::min(most, kept.size())));
    }
    return false;
}
}  // namespace

ProbeProcess::ProbeProcess(const std::filesystem::path& program, const std::vector<std::string>& environment,
                           const std::filesystem::path& file, const std::string& nonce) {
    const std::string fault = start(program, environment, file, nonce);
    if (!fault.empty()) fail(fault);
}

std::string ProbeProcess::start(const std::filesystem::path& program,
                                const std::vector<std::string>& environment,
                                const std::filesystem::path& file, const std::string& nonce) {
    const auto why = [](const std::string& what, int error) { return what + ": " + std::strerror(error); };
    std::array<int, 2> ends{-1, -1};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) return why("pipe2", errno);
    output_ = above(OwnedFd(ends[0]), kProbeReportFd);
    const OwnedFd output = above(OwnedFd(ends[1]), kProbeReportFd);
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0)
        return why("socketpair", errno);
    report_ = above(OwnedFd(ends[0]), kProbeReportFd);
    const OwnedFd report = above(OwnedFd(ends[1]), kProbeReportFd);
    if (!output_ || !output || !report_ || !report) return why("fcntl", errno);
    make_lazy(output_);
    make_lazy(report_);
    // Fits into the socket's buffer. Then the other side reads an end, should it read on.
    if (::send(report_.get(), nonce.data(), nonce.size(), MSG_NOSIGNAL) !=
            static_cast<ssize_t>(nonce.size()) ||
        ::shutdown(report_.get(), SHUT_WR) != 0)
        return why("send", errno);
    SpawnPlan plan;
    plan.give(output.get(), STDOUT_FILENO);
    plan.give(output.get(), STDERR_FILENO);
    plan.give(report.get(), kProbeReportFd);
    plan.close_from(kProbeReportFd + 1);
    plan.work_in("/");
    pid_t pid = -1;
    if (const int error = plan.start(pid, {program.string(), file.string()}, environment); error != 0)
        return why(program.string(), error);
    process_ = OwnedFd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
    if (!process_) {
        const int error = errno;
        ::kill(-pid, SIGKILL);
        ::waitpid(pid, nullptr, 0);
        return why("pidfd_open", error);
    }
    pid_ = pid;
    return {};
}

ProbeProcess::~ProbeProcess() {
    if (pid_ < 0) return;
    ::kill(-pid_, SIGKILL);
    siginfo_t info{};
    ::waitid(static_cast<idtype_t>(P_PIDFD), static_cast<id_t>(process_.get()), &info, WEXITED | WNOHANG);
}

void ProbeProcess::fail(std::string fault) {
    ending_.how = ProbeEnding::How::NotStarted;
    ending_.start_fault = std::move(fault);
    ended_ = true;
}

std::array<pollfd, 3> ProbeProcess::wanted() const {
    return {{{report_.get(), POLLIN, 0}, {output_.get(), POLLIN, 0}, {process_.get(), POLLIN, 0}}};
}

void ProbeProcess::take(const pollfd* found) {
    if (found[0].revents != 0) read_report();
    if (found[1].revents != 0) read_output();
    if (found[2].revents != 0) reap();
}

void ProbeProcess::read_report() {
    std::uint64_t total = 0;
    const std::size_t before = ending_.report.size();
    if (drain(report_.get(), ending_.report, kMostReportBytes, total)) report_.reset();
    ending_.report_cut = ending_.report_cut || total != ending_.report.size() - before;
}

void ProbeProcess::read_output() {
    if (drain(output_.get(), ending_.output, kMostProbeOutput, ending_.output_bytes)) output_.reset();
}

void ProbeProcess::reap() {
    // While its leader is a zombie, the group's number belongs to nobody else.
    ::kill(-pid_, SIGKILL);
    siginfo_t info{};
    if (::waitid(static_cast<idtype_t>(P_PIDFD), static_cast<id_t>(process_.get()), &info, WEXITED) != 0) {
        pid_ = -1;
        return fail(std::string("waitid: ") + std::strerror(errno));
    }
    pid_ = -1;
    // What it wrote before it ended. Others may still hold the streams, so their end is not waited for.
    if (report_) read_report();
    if (output_) read_output();
    if (!killed_) {
        ending_.how = info.si_code == CLD_EXITED ? ProbeEnding::How::Exited : ProbeEnding::How::Killed;
        ending_.code = info.si_status;
    }
    ended_ = true;
}

void ProbeProcess::kill_for(std::int64_t limit_ms) {
    killed_ = true;
    ending_.how = ProbeEnding::How::TimedOut;
    ending_.limit_ms = limit_ms;
    ::kill(-pid_, SIGKILL);
}

void ProbeProcess::give_up() { ended_ = true; }

}  // namespace tasker::host
