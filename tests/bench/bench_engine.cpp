// Figures of the embedded engine: one JSON line for each durability, then one for each number of open tasks, then
// batches, wide graphs and decisions (made_steps_load.hpp).
// With --socket only: the drain in process and over the engine's socket, in turns.
// usage: bench_engine [--socket] [--tasks N] [--threads N] [--rounds N] [--sweep-max N] [--dir FOLDER]

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

#include "host/engine/engine.hpp"
#include "tests/bench/load_shapes.hpp"
#include "tests/bench/made_steps_load.hpp"
#include "tests/bench/noop_worker.hpp"
#include "tests/bench/statement_trace.hpp"

namespace tasker::host::bench {

namespace fs = std::filesystem;
using SteadyClock = std::chrono::steady_clock;

namespace {
constexpr std::size_t kSubmitBatch = 2000;
constexpr int kSweepSample = 5000;

struct Options {
    int tasks = 20'000;
    int sweep_max = 1'000'000;
    int rounds = 5;
    bool socket = false;
    unsigned threads = 48;  // with their prefetch 240 slots: a commit should carry about 128 results
    fs::path dir = fs::temp_directory_path();
};

double seconds_since(SteadyClock::time_point start) {
    return std::chrono::duration<double>(SteadyClock::now() - start).count();
}

double cpu_seconds() {
    struct rusage usage {};
    getrusage(RUSAGE_SELF, &usage);
    const auto seconds = [](const timeval& value) {
        return static_cast<double>(value.tv_sec) + static_cast<double>(value.tv_usec) / 1e6;
    };
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

double rss_mb() {
    std::ifstream file("/proc/self/statm");
    double size = 0, resident = 0;
    file >> size >> resident;
    return resident * static_cast<double>(sysconf(_SC_PAGESIZE)) / 1e6;
}

// One durable append of four log frames, the median.
double fdatasync_ms(const fs::path& dir) {
    const fs::path file = dir / "fdatasync.probe";
    const int fd = open(file.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0) throw std::runtime_error("cannot write " + file.string());
    const std::string frames(4 * 4120, 'x');
    std::vector<double> took;
    for (int i = 0; i < 200; ++i) {
        const auto start = SteadyClock::now();
        if (write(fd, frames.data(), frames.size()) < 0 || fdatasync(fd) != 0)
            throw std::runtime_error("cannot sync");
        took.push_back(seconds_since(start) * 1e3);
    }
    close(fd);
    fs::remove(file);
    return quantile(took, 0.5);
}

// A fresh store with its worker, which claims nothing yet.
class Store {
  public:
    Store(const Options& options, Durability durability,
          NoopWorker::Engines engines = NoopWorker::Engines::InProcess)
        : dir_(options.dir / ("bench-engine-" + std::to_string(getpid()))) {
        fs::remove_all(dir_);
        fs::create_directories(dir_);
        worker_ = std::make_unique<NoopWorker>(
            dir_, durability,
            TemplateCatalog(std::vector<TaskTemplate>{chain("linear", 4), chain("single", 1)}),
            options.threads, engines);
    }
    ~Store() {
        worker_.reset();
        fs::remove_all(dir_);
    }
    Store(const Store&) = delete;
    Store& operator=(const Store&) = delete;

    Engine& engine() { return worker_->engine(); }
    NoopWorker& worker() { return *worker_; }
    fs::path file(const std::string& name) const { return dir_ / name; }
    void submit(const std::string& name, int count) {
        std::vector<TaskRequest> batch;
        for (int i = 0; i < count; ++i) {
            TaskRequest request;
            request.name = name;
            request.namespace_name = "bench";
            request.version = "1.0.0";
            request.context_json =
                R"({"order":)" + std::to_string(++submitted_) + R"(,"customer":"someone"})";
            request.initiator = "bench";
            batch.push_back(std::move(request));
            if (batch.size() < kSubmitBatch && i + 1 < count) continue;
            for (const SubmitOutcome& outcome : engine().tasks().create_batch(batch)) {
                if (const auto* refused = std::get_if<Refused>(&outcome))
                    throw std::runtime_error(refused->message);
            }
            batch.clear();
        }
    }

  private:
    fs::path dir_;
    std::unique_ptr<NoopWorker> worker_;
    std::int64_t submitted_ = 0;
};

struct Figures {
    double p50 = 0, p99 = 0, steps_per_s = 0, twin_steps_per_s = 0, singles_per_s = 0, cpu = 0,
           mean_batch = 0;
    unsigned slots = 0;
};

void measure_latency(const Options& options, Durability durability, Figures& figures) {
    Store store(options, durability);
    store.worker().resume();
    std::vector<double> took;
    const int count = std::clamp(options.tasks / 10, 50, 1000);
    for (int i = 0; i < count; ++i) {
        const auto start = SteadyClock::now();
        store.submit("linear", 1);
        store.worker().wait_for(4 * (i + 1));
        took.push_back(seconds_since(start) * 1e3);
    }
    figures.p50 = quantile(took, 0.5);
    figures.p99 = quantile(took, 0.99);
}

void measure_drain(const Options& options, Durability durability, Figures& figures,
                   NoopWorker::Engines engines = NoopWorker::Engines::InProcess) {
    Store store(options, durability, engines);
    store.submit("linear", options.tasks);
    const double cpu = cpu_seconds();
    const auto start = SteadyClock::now();
    store.worker().resume();
    store.worker().wait_for(std::int64_t{4} * options.tasks);
    figures.steps_per_s = 4.0 * options.tasks / seconds_since(start);
    figures.cpu = (cpu_seconds() - cpu) / (4.0 * options.tasks) * 1000;
    figures.slots = store.worker().slots();
}

// One more drain, recorded, and the store as it was before.
class Twin {
  public:
    Twin(const Options& options, Durability durability)
        : options_(options),
          durability_(durability),
          begin_(options.dir / ("bench-twin-" + std::to_string(getpid()) + ".db")) {
        Store store(options, durability);
        store.submit("linear", options.tasks);
        store.engine().backup(begin_);
        StatementTrace::start_recording();
        store.worker().resume();
        store.worker().wait_for(std::int64_t{4} * options.tasks);
        store.worker().pause();
        StatementTrace::stop_recording();
    }
    ~Twin() {
        StatementTrace::forget();
        fs::remove(begin_);
    }
    Twin(const Twin&) = delete;
    Twin& operator=(const Twin&) = delete;

    void measure(Figures& figures) const {
        const fs::path copy = begin_.string() + ".run";
        fs::copy_file(begin_, copy, fs::copy_options::overwrite_existing);
        const Replay replay = StatementTrace::replay(copy, durability_ == Durability::Full);
        for (const char* suffix : {"", "-wal", "-shm"}) fs::remove(copy.string() + suffix);
        figures.twin_steps_per_s = 4.0 * options_.tasks / replay.seconds;
        figures.mean_batch =
            4.0 * options_.tasks / static_cast<double>(std::max<std::int64_t>(replay.commits, 1));
    }

  private:
    const Options& options_;
    const Durability durability_;
    const fs::path begin_;
};

void measure_singles(const Options& options, Durability durability, Figures& figures) {
    Store store(options, durability);
    store.worker().resume();
    const auto start = SteadyClock::now();
    store.submit("single", options.tasks);
    store.worker().wait_for(options.tasks);
    figures.singles_per_s = options.tasks / seconds_since(start);
}

// The median of a figure over the rounds.
template <class Of>
double median(const std::vector<Figures>& rounds, Of&& of) {
    std::vector<double> values;
    for (const Figures& round : rounds) values.push_back(of(round));
    return quantile(std::move(values), 0.5);
}

// Engine and twin in turns, so that both see the same weather; each figure is the median of its rounds, the ratio that of
// the ratios within a round.
void run(const Options& options, Durability durability) {
    Figures latency, first;
    measure_latency(options, durability, latency);
    measure_drain(options, durability, first);  // before anything is recorded, whose memory would count
    const double rss = rss_mb();
    std::vector<Figures> rounds(static_cast<std::size_t>(options.rounds));
    {
        const Twin twin(options, durability);
        for (Figures& round : rounds) {
            measure_drain(options, durability, round);
            twin.measure(round);
            measure_singles(options, durability, round);
        }
    }
    std::printf(
        "{\"bench\":\"engine\",\"durability\":\"%s\",\"tasks\":%d,\"rounds\":%zu,\"slots\":%u,\"mean_batch\":"
        "%.1f,"
        "\"latency_p50_ms\":%.3f,\"latency_p99_ms\":%.3f,\"fdatasync_ms\":%.3f,\"steps_per_s\":%.0f,"
        "\"sqlite_steps_per_s\":%.0f,\"ratio\":%.3f,\"single_step_tasks_per_s\":%.0f,"
        "\"cpu_s_per_1000_steps\":%.4f,\"rss_mb\":%.1f}\n",
        durability == Durability::Full ? "full" : "process", options.tasks, rounds.size(),
        rounds.front().slots, rounds.front().mean_batch, latency.p50, latency.p99, fdatasync_ms(options.dir),
        median(rounds, [](const Figures& one) { return one.steps_per_s; }),
        median(rounds, [](const Figures& one) { return one.twin_steps_per_s; }),
        median(rounds, [](const Figures& one) { return one.steps_per_s / one.twin_steps_per_s; }),
        median(rounds, [](const Figures& one) { return one.singles_per_s; }),
        median(rounds, [](const Figures& one) { return one.cpu; }), rss);
    std::fflush(stdout);
}

void run_socket(const Options& options, Durability durability) {
    std::vector<Figures> here(static_cast<std::size_t>(options.rounds)), there(here.size());
    std::vector<double> ratios;
    for (std::size_t i = 0; i < here.size(); ++i) {
        measure_drain(options, durability, here[i]);
        measure_drain(options, durability, there[i], NoopWorker::Engines::OverSocket);
        ratios.push_back(there[i].steps_per_s / here[i].steps_per_s);
    }
    const auto speed = [](const Figures& one) { return one.steps_per_s; };
    const auto cpu = [](const Figures& one) { return one.cpu; };
    std::printf(
        "{\"bench\":\"engine_socket\",\"durability\":\"%s\",\"tasks\":%d,\"rounds\":%zu,\"slots\":%u,"
        "\"steps_per_s\":%.0f,\"in_process_steps_per_s\":%.0f,\"ratio\":%.3f,"
        "\"cpu_s_per_1000_steps\":%.4f,\"in_process_cpu_s_per_1000_steps\":%.4f}\n",
        durability == Durability::Full ? "full" : "process", options.tasks, here.size(), there.front().slots,
        median(there, speed), median(here, speed), quantile(std::move(ratios), 0.5), median(there, cpu),
        median(here, cpu));
    std::fflush(stdout);
}

// What a step and a submission cost while that many tasks are open. Most of its time goes into making them, so a sample
// is small: the whole sweep has to fit into scripts/bench's minutes.
void sweep(const Options& options) {
    Store store(options, Durability::Full);
    NoopWorker& worker = store.worker();
    int open_tasks = 0;
    for (int wanted = 1000; wanted <= options.sweep_max; wanted *= 10) {
        store.submit("linear", wanted - open_tasks);
        const int sample = std::min(wanted, kSweepSample);
        const std::int64_t before = worker.done();
        const double cpu_before = cpu_seconds();
        const auto start = SteadyClock::now();
        worker.resume();
        worker.wait_for(before + std::int64_t{4} * sample);
        const double took = seconds_since(start);
        const auto steps = static_cast<double>(worker.done() - before);
        const double cpu = cpu_seconds() - cpu_before;
        worker.pause();
        const double submit_cpu_before = cpu_seconds();
        const auto submit_start = SteadyClock::now();
        store.submit("linear", kSweepSample);
        const double submit_took = seconds_since(submit_start);
        const double submit_cpu = cpu_seconds() - submit_cpu_before;
        open_tasks = static_cast<int>(store.engine().info().open_tasks);
        std::printf(
            "{\"bench\":\"engine_open_tasks\",\"open_tasks\":%d,\"step_us\":%.2f,\"step_cpu_us\":%.2f,"
            "\"submit_us\":%.2f,\"submit_cpu_us\":%.2f,\"rss_mb\":%.1f}\n",
            wanted, took / steps * 1e6, cpu / steps * 1e6, submit_took / kSweepSample * 1e6,
            submit_cpu / kSweepSample * 1e6, rss_mb());
        std::fflush(stdout);
    }
}

Options parse(int argc, char** argv) {
    Options options;
    for (int i = 1; i < argc; ++i) {
        const std::string flag = argv[i];
        if (flag == "--socket") {
            options.socket = true;
            continue;
        }
        if (i + 1 >= argc) throw std::runtime_error(flag + " needs a value");
        const std::string value = argv[++i];
        if (flag == "--tasks") {
            options.tasks = std::max(1, std::stoi(value));
        } else if (flag == "--sweep-max") {
            options.sweep_max = std::stoi(value);
        } else if (flag == "--rounds") {
            options.rounds = std::clamp(std::stoi(value), 1, 99);
        } else if (flag == "--threads") {
            options.threads = static_cast<unsigned>(std::clamp(std::stoi(value), 1, 512));
        } else if (flag == "--dir") {
            options.dir = value;
        } else {
            throw std::runtime_error("unknown option " + flag);
        }
    }
    return options;
}
}  // namespace

// Each measurement begins with a fresh process: no heap that another one left.
void in_a_child(const std::function<void()>& measure) {
    const pid_t child = fork();
    if (child < 0) throw std::runtime_error("cannot fork");
    if (child == 0) {
        int code = 0;
        try {
            measure();
        } catch (const std::exception& error) {
            std::fprintf(stderr, "bench_engine: %s\n", error.what());
            code = 1;
        }
        std::fflush(stdout);
        _exit(code);
    }
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (status != 0) throw std::runtime_error("a measurement failed");
}

int main_of(int argc, char** argv) {
    const Options options = parse(argc, argv);
    if (options.socket) {
        in_a_child([&] { run_socket(options, Durability::Full); });
        in_a_child([&] { run_socket(options, Durability::Process); });
        return 0;
    }
    StatementTrace::install();
    in_a_child([&] { run(options, Durability::Full); });
    in_a_child([&] { run(options, Durability::Process); });
    in_a_child([&] { sweep(options); });
    const MadeStepsOptions made{.rounds = options.rounds, .dir = options.dir};
    in_a_child([&] { measure_batch_expand(made); });
    in_a_child([&] { measure_wide_dag(made); });
    in_a_child([&] { measure_decision(made); });
    return 0;
}

}  // namespace tasker::host::bench

int main(int argc, char** argv) {
    try {
        return tasker::host::bench::main_of(argc, argv);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "bench_engine: %s\n", error.what());
        return 1;
    }
}
