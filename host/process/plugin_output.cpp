#include "host/process/plugin_output.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "host/core/clock.hpp"
#include "host/core/error.hpp"
#include "host/core/wakeup.hpp"
#include "host/process/output_lines.hpp"

namespace tasker::host {

namespace {
constexpr int kLookEveryMs = 1000;
constexpr std::array<int, 2> kTargets{STDOUT_FILENO, STDERR_FILENO};
constexpr std::array<const char*, 2> kNames{"stdout", "stderr"};
constexpr int kPipeBytes = 1 << 20;
// How much is still read of a pipe after the end: what a child of a plugin writes on and on is nobody's business.
constexpr std::size_t kLastBytes = std::size_t{2} << 20U;

int checked(int descriptor) {
    if (descriptor >= 0) return descriptor;
    throw BootstrapError(
        std::string{"no pipe can be made for the output of plugins: "} + std::strerror(errno),
        "raise the limit on open files (ulimit -n)");
}

void flush_stdio() {
    std::fflush(stdout);
    std::fflush(stderr);
}

// What the reader knows of the two streams.
class Streams {
  public:
    Streams(const Logger& log, LogLevel level) : log_(log), level_(level) {}

    void feed(std::size_t stream, std::string_view bytes) {
        now_ms_ = clock_.steady_ms();
        cutters_.at(stream).feed(bytes, [&](std::string_view line) { say(stream, line); });
        if (now_ms_ >= budget_.report_due_ms()) report();
    }
    void end() {
        for (std::size_t i = 0; i < cutters_.size(); ++i)
            cutters_.at(i).end([&](std::string_view line) { say(i, line); });
        report();
    }
    // Until the drops are due; -1: there are none.
    int wait_ms() const {
        const std::int64_t due = budget_.report_due_ms();
        if (due == kNever) return kLookEveryMs;
        return static_cast<int>(std::clamp<std::int64_t>(due - clock_.steady_ms(), 0, 1000));
    }
    void report() {
        const std::uint64_t dropped = budget_.reported();
        if (dropped == 0) return;
        log_.warn("Plugin output dropped: more lines than are logged",
                  {{"component", "plugin_output"}, {"dropped", static_cast<std::size_t>(dropped)}});
    }

  private:
    void say(std::size_t stream, std::string_view line) {
        if (line.empty() || !budget_.take(now_ms_)) return;
        log_.log(level_, "Plugin output",
                 {{"component", "plugin_output"}, {"stream", kNames.at(stream)}, {"text", line}});
    }

    const Logger& log_;
    const LogLevel level_;
    const SystemClock clock_;
    LineBudget budget_;
    std::array<LineCutter, 2> cutters_;
    std::int64_t now_ms_ = 0;
};

// False at the end of the stream, and when there is nothing to read at the moment.
bool read_some(int fd, std::size_t stream, std::vector<char>& buffer, Streams& streams, std::size_t& total) {
    ssize_t got = 0;
    do {
        got = ::read(fd, buffer.data(), buffer.size());
    } while (got < 0 && errno == EINTR);
    if (got <= 0) return false;
    total += static_cast<std::size_t>(got);
    streams.feed(stream, {buffer.data(), static_cast<std::size_t>(got)});
    return true;
}
}  // namespace

PluginOutput::PluginOutput(Logger log, LogLevel level) : log_(std::move(log)), level_(level) {
    flush_stdio();
    // A plugin's lines shall come when they are printed, as they would on a terminal.
    std::setvbuf(stdout, nullptr, _IOLBF, 0);
    stop_ = OwnedFd(checked(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)));
    std::array<OwnedFd, 2> ends;
    for (std::size_t i = 0; i < kTargets.size(); ++i) {
        std::array<int, 2> both{};
        checked(::pipe2(both.data(), O_CLOEXEC));
        pipes_.at(i) = OwnedFd(both[0]);
        ends.at(i) = OwnedFd(both[1]);
        ::fcntl(both[0], F_SETFL, O_NONBLOCK);
        ::fcntl(both[1], F_SETPIPE_SZ, kPipeBytes);  // a smaller one does too
        saved_.at(i) = OwnedFd(checked(::fcntl(kTargets.at(i), F_DUPFD_CLOEXEC, STDERR_FILENO + 1)));
        pipe_files_.at(i) = identity_of(pipes_.at(i).get());
        saved_files_.at(i) = identity_of(saved_.at(i).get());
    }
    reader_ = NamedThread("tw-output", [this](const std::stop_token& stop) { read_all(stop); });
    // From here on nothing fails; what a plugin starts inherits the pipes.
    for (std::size_t i = 0; i < kTargets.size(); ++i) ::dup2(ends.at(i).get(), kTargets.at(i));
    crashes_.emplace();
}

PluginOutput::~PluginOutput() {
    crashes_.reset();
    flush_stdio();
    for (std::size_t i = 0; i < kTargets.size(); ++i) {
        if (identity_of(saved_.at(i).get()) == saved_files_.at(i)) ::dup2(saved_.at(i).get(), kTargets.at(i));
    }
    reader_.request_stop();
    const std::uint64_t one = 1;
    static_cast<void>(!::write(stop_.get(), &one, sizeof one));
    if (reader_.joinable()) reader_.join();
}

bool PluginOutput::pipes_lost() const {
    return identity_of(pipes_[0].get()) != pipe_files_[0] || identity_of(pipes_[1].get()) != pipe_files_[1];
}

void PluginOutput::read_all(const std::stop_token& stop) {
    Streams streams(log_, level_);
    std::vector<char> buffer(65536);
    std::size_t total = 0;
    std::array<pollfd, 3> fds{
        {{pipes_[0].get(), POLLIN, 0}, {pipes_[1].get(), POLLIN, 0}, {stop_.get(), POLLIN, 0}}};
    // The doorbell cannot be heard, and others' descriptors must not be read, once a plugin has closed what is not its own.
    while (fds[2].revents == 0 && !stop.stop_requested()) {
        if (::poll(fds.data(), fds.size(), streams.wait_ms()) == 0) streams.report();
        if (pipes_lost()) return streams.end();
        for (std::size_t i = 0; i < pipes_.size(); ++i) {
            if (fds.at(i).revents == 0) continue;
            // Nobody holds the other end any more: it would be readable for ever.
            if (!read_some(fds.at(i).fd, i, buffer, streams, total) && (fds.at(i).revents & POLLIN) == 0)
                fds.at(i).fd = -1;
        }
    }
    total = 0;
    for (std::size_t i = 0; i < pipes_.size(); ++i) {
        while (total < kLastBytes && read_some(pipes_.at(i).get(), i, buffer, streams, total)) continue;
    }
    streams.end();
}

}  // namespace tasker::host
