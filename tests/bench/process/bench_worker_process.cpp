// The worker as a process: `bench_start` (20 plugins in a warm cache, 50 templates, time to ready) and `bench_idle`
// (CPU and memory of a worker with nothing to do). Prints one JSON line each; asserts nothing.

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

namespace {

double ms_since(Clock::time_point start) {
    return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

// A worker over the bench's plugins and templates; ended with SIGTERM and waited for.
class WorkerProcess {
  public:
    explicit WorkerProcess(const fs::path& home) : started_(Clock::now()) {
        std::array<int, 2> pipe_ends{};
        if (pipe2(pipe_ends.data(), O_CLOEXEC) != 0) std::abort();
        log_ = pipe_ends[0];
        posix_spawn_file_actions_t actions;
        posix_spawn_file_actions_init(&actions);
        posix_spawn_file_actions_adddup2(&actions, pipe_ends[1], 2);
        const std::string state = "TASKER_STATE_DIR=" + (home / "state").string();
        const std::string templates = "TASKER_TEMPLATE_PATH=" + (home / "templates").string();
        const std::string plugins = "TASKER_PLUGIN_PATH=" TASKER_BENCH_PLUGINS;
        const std::string path =
            std::string("PATH=") + (getenv("PATH") != nullptr ? getenv("PATH") : "/usr/bin");
        std::vector<std::string> words{TASKER_BENCH_BINARY, "worker", "--all-namespaces"};
        std::vector<char*> argv;
        for (auto& word : words) argv.push_back(word.data());
        argv.push_back(nullptr);
        std::array<std::string, 4> variables{state, templates, plugins, path};
        std::vector<char*> environment;
        for (auto& variable : variables) environment.push_back(variable.data());
        environment.push_back(nullptr);
        if (posix_spawn(&pid_, words[0].c_str(), &actions, nullptr, argv.data(), environment.data()) != 0)
            std::abort();
        posix_spawn_file_actions_destroy(&actions);
        close(pipe_ends[1]);
    }
    WorkerProcess(const WorkerProcess&) = delete;
    WorkerProcess& operator=(const WorkerProcess&) = delete;
    ~WorkerProcess() {
        kill(pid_, SIGTERM);
        read_until("");
        int status = 0;
        waitpid(pid_, &status, 0);
        close(log_);
    }

    // Milliseconds from spawn to the ready line; negative when the worker ended first.
    double wait_ready() { return read_until("Worker ready and processing tasks") ? ms_since(started_) : -1; }
    // Reads what it logs for a while, so that a full pipe never holds it up.
    void drain_log_for(std::chrono::milliseconds span) {
        const auto end = Clock::now() + span;
        while (Clock::now() < end) {
            pollfd ready{log_, POLLIN, 0};
            const auto left =
                std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now()).count();
            if (::poll(&ready, 1, static_cast<int>(std::max<long>(left, 0))) > 0 && !read_some()) return;
        }
    }
    pid_t pid() const { return pid_; }
    const std::string& log() const { return text_; }

  private:
    bool read_some() {
        std::array<char, 4096> chunk{};
        const ssize_t got = read(log_, chunk.data(), chunk.size());
        if (got <= 0) return false;
        text_.append(chunk.data(), static_cast<std::size_t>(got));
        return true;
    }
    bool read_until(const std::string& line) {
        do {
            if (!line.empty() && text_.find(line) != std::string::npos) return true;
        } while (read_some());
        return false;
    }

    Clock::time_point started_;
    pid_t pid_ = 0;
    int log_ = -1;
    std::string text_;
};

fs::path make_home() {
    std::string pattern = (fs::temp_directory_path() / "tasker-bench-XXXXXX").string();
    const fs::path home = mkdtemp(pattern.data());
    fs::create_directories(home / "templates");
    for (int i = 0; i < 50; ++i) {
        std::ofstream out(home / "templates" / ("bench_" + std::to_string(i) + ".yaml"));
        out << "name: bench_" << i << "\nnamespace_name: bench\nversion: \"1.0.0\"\nsteps:\n";
        for (int step = 0; step < 4; ++step) {
            out << "  - name: step_" << step << "\n    handler:\n      callable: bench.step_"
                << (i + step) % 20 << "\n";
            if (step > 0) out << "    dependencies: [step_" << step - 1 << "]\n";
        }
    }
    return home;
}

// User and system time of a process, in seconds.
double cpu_seconds(pid_t pid) {
    std::ifstream in("/proc/" + std::to_string(pid) + "/stat");
    std::string text((std::istreambuf_iterator<char>(in)), {});
    text = text.substr(std::min(text.size(), text.rfind(')') + 2));
    unsigned long user = 0;
    unsigned long system = 0;
    std::sscanf(text.c_str(), "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system);
    return static_cast<double>(user + system) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

double rss_mb(pid_t pid) {
    std::ifstream in("/proc/" + std::to_string(pid) + "/statm");
    long size = 0;
    long resident = 0;
    in >> size >> resident;
    return static_cast<double>(resident) * static_cast<double>(sysconf(_SC_PAGESIZE)) / 1e6;
}

int bench_start(const fs::path& home) {
    std::vector<double> runs;
    for (int i = 0; i < 11; ++i) {
        WorkerProcess worker(home);
        const double ms = worker.wait_ready();
        if (ms < 0) {
            std::fprintf(stderr, "the worker did not start:\n%s\n", worker.log().c_str());
            return 1;
        }
        if (i > 0) runs.push_back(ms);  // the first fills the plugin cache
    }
    std::sort(runs.begin(), runs.end());
    std::printf(
        "{\"bench\":\"start\",\"plugins\":20,\"templates\":50,\"ready_p50_ms\":%.1f,\"ready_max_ms\":%.1f,"
        "\"runs\":%zu}\n",
        runs[runs.size() / 2], runs.back(), runs.size());
    return 0;
}

int bench_idle(const fs::path& home, int seconds) {
    WorkerProcess worker(home);
    if (worker.wait_ready() < 0) {
        std::fprintf(stderr, "the worker did not start:\n%s\n", worker.log().c_str());
        return 1;
    }
    worker.drain_log_for(std::chrono::seconds{2});
    const double before = cpu_seconds(worker.pid());
    const auto start = Clock::now();
    worker.drain_log_for(std::chrono::seconds{seconds});
    const double used = cpu_seconds(worker.pid()) - before;
    std::printf("{\"bench\":\"idle\",\"seconds\":%d,\"cpu_percent\":%.2f,\"rss_mb\":%.1f}\n", seconds,
                used * 1e5 / ms_since(start), rss_mb(worker.pid()));
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    const std::string name = fs::path(argv[0]).filename();
    const fs::path home = make_home();
    const int status =
        name == "bench_idle" ? bench_idle(home, argc > 1 ? std::atoi(argv[1]) : 20) : bench_start(home);
    std::error_code ignored;
    fs::remove_all(home, ignored);
    return status;
}
