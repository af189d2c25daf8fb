// What pruning a million finished tasks costs, and what whoever works meanwhile feels of it: one JSON line.
// usage: bench_prune [--tasks N] [--steps N] [--dir FOLDER]

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

#include "host/core/named_thread.hpp"
#include "host/core/wakeup.hpp"
#include "host/engine/engine.hpp"
#include "host/engine/sqlite.hpp"
#include "host/engine/store_file.hpp"
#include "tests/bench/load_shapes.hpp"

namespace tasker::host::bench {

namespace fs = std::filesystem;
using SteadyClock = std::chrono::steady_clock;

namespace {
constexpr std::int64_t kDay = 86'400'000;

struct Options {
    std::int64_t tasks = 1'000'000;
    int steps = 4;
    fs::path dir = fs::temp_directory_path();
};

double ms_since(SteadyClock::time_point start) {
    return std::chrono::duration<double, std::milli>(SteadyClock::now() - start).count();
}

// An engine with a worker that is driven by hand.
class Host {
  public:
    Host(const fs::path& store, int steps) {
        EngineOptions options;
        options.store = store;
        engine = Engine::open(options, clock_, random_, Logger());
        engine->set_catalog(std::make_shared<const TemplateCatalog>(
            std::vector<TaskTemplate>{chain("finished", steps), chain("probe", 1)}));
        runtime_ = engine->attach({"bench", {"bench"}});
        runtime_->on_activity([this] { wakeup_.wake(); });
        runtime_->set_capacity({8, {{"bench", "bench.noop", "", 8}}});
    }
    // Submits a task and runs it to its end. How long that took.
    double run(const std::string& name, int steps) {
        TaskRequest request;
        request.name = name;
        request.namespace_name = "bench";
        request.version = "1.0.0";
        request.context_json = R"({"order":)" + std::to_string(++submitted_) + R"(,"customer":"someone"})";
        request.initiator = request.source_system = request.reason = "bench";
        const auto start = SteadyClock::now();
        if (std::holds_alternative<Refused>(engine->tasks().create(request)))
            throw std::runtime_error("refused");
        for (int done = 0; done < steps;) {
            const auto events = runtime_->poll_step_events(8);
            for (const StepEvent& event : events) complete(event);
            done += static_cast<int>(events.size());
            if (events.empty()) wakeup_.wait_until(clock_.steady_ms() + 1000, {});
        }
        while (answered_ < completed_) wakeup_.wait_until(clock_.steady_ms() + 1000, {});
        return ms_since(start);
    }

    std::unique_ptr<Engine> engine;

  private:
    void complete(const StepEvent& event) {
        StepExecutionResult result;
        result.step_uuid = event.step_uuid;
        result.task_uuid = event.task_uuid;
        result.success = true;
        result.status = "completed";
        result.worker_id = "bench";
        result.result_json = R"({"total":12.5,"lines":[1,2,3]})";
        ++completed_;
        runtime_->complete_step_event(event.event_id, result, [this](CompletionVerdict) {
            ++answered_;
            wakeup_.wake();
        });
    }

    SystemClock clock_;
    SystemRandom random_;
    Wakeup wakeup_{clock_};
    std::int64_t submitted_ = 0;
    std::atomic<int> completed_ = 0, answered_ = 0;
    std::unique_ptr<TaskerRuntime> runtime_;
};

// Makes many copies of the one finished task, a hundred days old.
void multiply(const fs::path& store, std::int64_t tasks) {
    SqlConnection db(store, SqlConnection::Mode::ReadWrite);
    db.exec("PRAGMA synchronous = OFF");
    const std::string n = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < " +
                          std::to_string(tasks - 1) + ") ";
    const std::string steps = std::to_string(db.integer("SELECT count(*) FROM step"));
    const std::string old = std::to_string(100 * kDay);
    db.exec("BEGIN");
    db.exec("UPDATE task SET state_ms = state_ms - " + old + ", created_ms = created_ms - " + old);
    const std::string task = "(SELECT min(task_id) FROM task)";
    db.exec(
        "INSERT INTO task(task_id, template_id, first_step, state, state_ms, created_ms, priority, "
        "identity_prefix, identity) " +
        n + "SELECT task_id + i, template_id, first_step + i * " + steps +
        ", state, state_ms, created_ms, priority, random(), randomblob(32) FROM n, task WHERE task_id = " +
        task);
    db.exec("INSERT INTO task_doc(task_id, context, initiator, source_system, reason) " + n +
            "SELECT task_id + i, context, initiator, source_system, reason FROM n, task_doc");
    db.exec(
        "INSERT INTO step(step_id, task_id, idx, state, lane, neg_prio, parents_left, attempts, fence, "
        "last_attempt_ms, processed_ms) " +
        n + "SELECT step_id + i * " + steps +
        ", task_id + i, idx, state, lane, neg_prio, parents_left, attempts, fence, last_attempt_ms, "
        "processed_ms "
        "FROM n, step ORDER BY 1");
    db.exec(
        "INSERT INTO attempt(attempt_id, event, number, from_state, to_state, claimed_ms, recorded_ms, "
        "execution_ms, worker_id, envelope) " +
        n + "SELECT attempt_id + ((i * " + steps +
        ") << 22), event, number, from_state, to_state, claimed_ms, recorded_ms, execution_ms, worker_id, "
        "envelope "
        "FROM n, attempt ORDER BY 1");
    db.exec("DELETE FROM task_identity");
    db.exec(
        "INSERT INTO task_identity(prefix, task_id) SELECT identity_prefix, task_id FROM task WHERE identity "
        "IS NOT NULL ORDER BY 1");
    db.exec(
        "INSERT INTO meta(k, v) SELECT 'identities_upto', max(task_id) FROM task WHERE true ON CONFLICT(k) "
        "DO UPDATE SET v = excluded.v");
    db.exec("COMMIT");
    db.exec("PRAGMA wal_checkpoint(TRUNCATE)");
    // A store that has lived for months is on the disk.
    const int file = open(store.c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0 || fsync(file) != 0) throw std::runtime_error("cannot sync the store");
    close(file);
}

Options parse(int argc, char** argv) {
    Options options;
    for (int i = 1; i + 1 < argc; i += 2) {
        const std::string flag = argv[i], value = argv[i + 1];
        if (flag == "--tasks") {
            options.tasks = std::max(2, std::stoi(value));
        } else if (flag == "--steps") {
            options.steps = std::clamp(std::stoi(value), 1, 100);
        } else if (flag == "--dir") {
            options.dir = value;
        } else {
            throw std::runtime_error("unknown option " + flag);
        }
    }
    return options;
}
}  // namespace

int main_of(int argc, char** argv) {
    const Options options = parse(argc, argv);
    const fs::path dir = options.dir / ("bench-prune-" + std::to_string(getpid()));
    fs::create_directories(dir);
    const fs::path store = dir / "tasker.db";
    { static_cast<void>(Host(store, options.steps).run("finished", options.steps)); }
    multiply(store, options.tasks);
    const auto size = static_cast<double>(fs::file_size(store)) / 1e6;
    {
        Host host(store, options.steps);
        std::vector<double> before, during;
        for (int i = 0; i < 200; ++i) before.push_back(host.run("probe", 1));
        std::atomic<bool> done = false;
        PruneReport report;
        double took = 0;
        NamedThread pruner("bench-prune", [&](const std::stop_token&) {
            const auto start = SteadyClock::now();
            report = host.engine->prune({});
            took = ms_since(start);
            done = true;
        });
        while (!done) during.push_back(host.run("probe", 1));
        pruner.join();
        std::printf(
            "{\"bench\":\"engine_prune\",\"tasks\":%lld,\"steps\":%lld,\"store_mb\":%.0f,\"seconds\":%.2f,"
            "\"tasks_per_s\":%.0f,\"task_ms_p50_before\":%.2f,\"task_ms_p50\":%.2f,\"task_ms_p99\":%.2f,"
            "\"task_ms_max\":%.2f,\"probes\":%zu,\"pages\":%lld,\"free_pages\":%lld}\n",
            static_cast<long long>(report.complete_tasks), static_cast<long long>(report.steps), size,
            took / 1e3, static_cast<double>(report.complete_tasks) / took * 1e3, quantile(before, 0.5),
            quantile(during, 0.5), quantile(during, 0.99), quantile(during, 1), during.size(),
            static_cast<long long>(report.pages), static_cast<long long>(report.free_pages));
    }
    fs::remove_all(dir);
    return 0;
}

}  // namespace tasker::host::bench

int main(int argc, char** argv) {
    try {
        return tasker::host::bench::main_of(argc, argv);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "bench_prune: %s\n", error.what());
        return 1;
    }
}
