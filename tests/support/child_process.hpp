#pragma once
// A program run by a test: its streams are collected, it can be signalled, and it never outlives the test.
// Not thread-safe; every wait has a deadline and reads both streams meanwhile, so a talkative child never blocks.

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <filesystem>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace tasker::host::testing {

// A descriptor that is closed when it goes.
class OwnedFd {
  public:
    OwnedFd() = default;
    explicit OwnedFd(int fd) : fd_(fd) {}
    OwnedFd(OwnedFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    OwnedFd& operator=(OwnedFd&& other) noexcept {
        if (this != &other) {
            reset();
            fd_ = std::exchange(other.fd_, -1);
        }
        return *this;
    }
    ~OwnedFd() { reset(); }
    int get() const { return fd_; }
    bool open() const { return fd_ >= 0; }
    void reset() {
        if (fd_ >= 0) close(std::exchange(fd_, -1));
    }

  private:
    int fd_ = -1;
};

struct ChildOptions {
    std::vector<std::string> argv;  // argv[0] is a path, or a name to look up in PATH
    std::vector<std::string> env;   // the whole environment, NAME=value
    std::filesystem::path cwd;      // empty: the caller's
    std::string stdin_text;         // at most a pipe's worth (64 KiB)
    bool stdout_closed = false;     // the reading end of its stdout is closed at once
};

struct ExitStatus {
    int code = -1;  // -1: it died of `signal`
    int signal = 0;
    friend bool operator==(const ExitStatus&, const ExitStatus&) = default;
};

class ChildProcess {
  public:
    using Millis = std::chrono::milliseconds;

    explicit ChildProcess(const ChildOptions& options) {
        auto [in_read, in_write] = make_pipe();
        auto [out_read, out_write] = make_pipe();
        auto [err_read, err_write] = make_pipe();
        write_all(in_write.get(), options.stdin_text);
        spawn(options, in_read.get(), out_write.get(), err_write.get());
        pidfd_ = OwnedFd(static_cast<int>(syscall(SYS_pidfd_open, pid_, 0)));
        if (!pidfd_.open()) throw std::system_error(errno, std::generic_category(), "pidfd_open");
        if (options.stdout_closed) out_read.reset();
        out_.fd = std::move(out_read);
        err_.fd = std::move(err_read);
    }
    ~ChildProcess() {
        if (status_) return;
        static_cast<void>(::kill(-pid_, SIGKILL));
        static_cast<void>(waitpid(pid_, nullptr, 0));
    }
    ChildProcess(const ChildProcess&) = delete;
    ChildProcess& operator=(const ChildProcess&) = delete;

    pid_t pid() const { return pid_; }
    bool running() {
        pump(Millis{0});
        return !status_;
    }
    // To the process itself, not to its children. Nothing when it has ended.
    void signal(int number) {
        if (!status_) static_cast<void>(::kill(pid_, number));
    }
    // How it ended; nothing when it still runs at the deadline.
    std::optional<ExitStatus> wait(Millis limit) {
        static_cast<void>(pump_until(
            limit, [this] { return status_.has_value() && !out_.fd.open() && !err_.fd.open(); },
            // Grandchildren may hold the streams open.
            [this] { return status_.has_value(); }));
        return status_;
    }
    ExitStatus kill_and_wait() {
        static_cast<void>(::kill(-pid_, SIGKILL));
        return wait(Millis{20'000}).value_or(ExitStatus{});
    }

    const std::string& out() const { return out_.text; }
    const std::string& err() const { return err_.text; }
    // Waits until a stream contains the text. False at the deadline, or when it ended without.
    bool wait_for_err(std::string_view text, Millis limit) { return wait_for(err_, text, limit); }
    bool wait_for_out(std::string_view text, Millis limit) { return wait_for(out_, text, limit); }
    // How much it wrote, also when more than is kept (the first 16 MiB).
    std::size_t out_bytes() const { return out_.bytes; }
    std::size_t err_bytes() const { return err_.bytes; }

  private:
    struct Stream {
        OwnedFd fd;
        std::string text;
        std::size_t bytes = 0;
    };
    static constexpr std::size_t kKept = std::size_t{16} << 20U;

    static std::pair<OwnedFd, OwnedFd> make_pipe() {
        std::array<int, 2> ends{};
        if (pipe2(ends.data(), O_CLOEXEC) != 0)
            throw std::system_error(errno, std::generic_category(), "pipe2");
        return {OwnedFd(ends[0]), OwnedFd(ends[1])};
    }
    static void write_all(int fd, std::string_view text) {
        while (!text.empty()) {
            const ssize_t written = write(fd, text.data(), text.size());
            if (written <= 0) throw std::system_error(errno, std::generic_category(), "write to stdin");
            text.remove_prefix(static_cast<std::size_t>(written));
        }
    }
    static std::vector<char*> pointers(const std::vector<std::string>& texts) {
        std::vector<char*> result;
        for (const std::string& text : texts) result.push_back(const_cast<char*>(text.c_str()));
        result.push_back(nullptr);
        return result;
    }

    void spawn(const ChildOptions& options, int in, int out, int err) {
        posix_spawn_file_actions_t actions;
        posix_spawnattr_t attributes;
        posix_spawn_file_actions_init(&actions);
        posix_spawnattr_init(&attributes);
        posix_spawn_file_actions_adddup2(&actions, in, 0);
        posix_spawn_file_actions_adddup2(&actions, out, 1);
        posix_spawn_file_actions_adddup2(&actions, err, 2);
        if (!options.cwd.empty()) posix_spawn_file_actions_addchdir_np(&actions, options.cwd.c_str());
        // A group of its own, so that nothing it starts survives the test; default signal handling.
        sigset_t none, all;
        sigemptyset(&none);
        sigfillset(&all);
        posix_spawnattr_setsigmask(&attributes, &none);
        posix_spawnattr_setsigdefault(&attributes, &all);
        posix_spawnattr_setpgroup(&attributes, 0);
        posix_spawnattr_setflags(&attributes,
                                 POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
        auto argv = pointers(options.argv);
        auto env = pointers(options.env);
        const int error = posix_spawnp(&pid_, argv[0], &actions, &attributes, argv.data(), env.data());
        posix_spawnattr_destroy(&attributes);
        posix_spawn_file_actions_destroy(&actions);
        if (error != 0)
            throw std::system_error(error, std::generic_category(), "cannot start " + options.argv.at(0));
    }

    static void read_some(Stream& stream) {
        std::array<char, 65536> buffer;
        const ssize_t got = read(stream.fd.get(), buffer.data(), buffer.size());
        if (got < 0 && errno == EINTR) return;
        if (got <= 0) {
            stream.fd.reset();
            return;
        }
        const auto size = static_cast<std::size_t>(got);
        stream.bytes += size;
        if (stream.text.size() < kKept) stream.text.append(buffer.data(), size);
    }

    // Reads what there is and reaps the child; waits at most that long for either.
    void pump(Millis limit) {
        // poll() ignores negative descriptors.
        std::array<pollfd, 3> fds{{{out_.fd.get(), POLLIN, 0},
                                   {err_.fd.get(), POLLIN, 0},
                                   {status_ ? -1 : pidfd_.get(), POLLIN, 0}}};
        if (::poll(fds.data(), fds.size(), static_cast<int>(limit.count())) <= 0) return;
        if (fds[0].revents != 0) read_some(out_);
        if (fds[1].revents != 0) read_some(err_);
        if (fds[2].revents != 0) {
            int raw = 0;
            if (waitpid(pid_, &raw, WNOHANG) == pid_) {
                status_ = WIFEXITED(raw) ? ExitStatus{WEXITSTATUS(raw), 0} : ExitStatus{-1, WTERMSIG(raw)};
            }
        }
    }

    template <class Done, class Enough>
    bool pump_until(Millis limit, Done&& done, Enough&& enough) {
        const auto deadline = std::chrono::steady_clock::now() + limit;
        auto grace = deadline;
        while (!done()) {
            const auto now = std::chrono::steady_clock::now();
            if (enough() && grace == deadline) grace = std::min(deadline, now + Millis{500});
            if (now >= grace) return enough();
            pump(std::min(Millis{100}, std::chrono::duration_cast<Millis>(grace - now) + Millis{1}));
        }
        return true;
    }
    bool wait_for(Stream& stream, std::string_view text, Millis limit) {
        const auto found = [&] { return stream.text.find(text) != std::string::npos; };
        static_cast<void>(pump_until(
            limit, [&] { return found() || (status_ && !stream.fd.open()); }, [] { return false; }));
        return found();
    }

    pid_t pid_ = -1;
    OwnedFd pidfd_;
    Stream out_, err_;
    std::optional<ExitStatus> status_;
};

// Runs to its end; kills it at the deadline (code -1, signal SIGKILL).
struct Finished {
    ExitStatus status;
    std::string out, err;
};
inline Finished run_child(const ChildOptions& options, std::chrono::milliseconds limit) {
    ChildProcess child(options);
    auto status = child.wait(limit);
    if (!status) status = child.kill_and_wait();
    return {*status, child.out(), child.err()};
}

}  // namespace tasker::host::testing
