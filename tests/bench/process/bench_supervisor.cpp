// `run` and its processes: `bench_restart` (100 hot restarts under load: how long nothing is claimed), `bench_recovery`
// (200 killed workers: until their steps run again) and `bench_supervised` (memory and CPU of a supervisor with nothing to
// do). One program under three names. Prints one JSON line; asserts nothing.

#include <poll.h>
#include <signal.h>
#include <sqlite3.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "tests/chaos/host_client.hpp"
#include "tests/support/child_process.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/temp_dir.hpp"

namespace {
using namespace std::chrono_literals;
using nlohmann::json;
using tasker::chaos::HostClient;
using tasker::host::testing::ChildOptions;
using tasker::host::testing::ChildProcess;
using tasker::host::testing::eventually;
using tasker::host::testing::TempDir;

std::int64_t wall_ms() {
    return std::chrono::duration_cast<std::chrono::milliseconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
}

// Measuring takes time: the load of a while, the idle of a while.
void wait_ms(int ms) { static_cast<void>(::poll(nullptr, 0, ms)); }

// The value below which `share` of all values lie.
std::int64_t percentile(std::vector<std::int64_t> values, double share) {
    if (values.empty()) return 0;
    std::sort(values.begin(), values.end());
    const auto at = static_cast<std::size_t>(share * static_cast<double>(values.size() - 1) + 0.5);
    return values[std::min(at, values.size() - 1)];
}

class Bench {
  public:
    Bench() {
        std::string text =
            "name: bench\nnamespace_name: bench\nversion: \"1.0.0\"\nidentity_strategy: "
            "always_unique\nsteps:\n";
        for (int step = 0; step < 4; ++step) {
            text += "  - name: step_" + std::to_string(step) + "\n    handler:\n      callable: bench.step_" +
                    std::to_string(step) + "\n";
            if (step > 0) text += "    dependencies: [step_" + std::to_string(step - 1) + "]\n";
        }
        std::filesystem::create_directories(folder_ / "templates");
        std::filesystem::create_directories(folder_ / "state");
        std::filesystem::permissions(folder_ / "state", std::filesystem::perms::owner_all);
        folder_.write("templates/bench.yaml", text);
        host_ = std::make_unique<ChildProcess>(command({"run"}));
        if (!eventually(30s, [&] { return worker().value("state", "") == "active" && client_.connect(); }))
            throw std::runtime_error("the host did not start: " + host_->err());
    }

    ChildOptions command(std::vector<std::string> arguments) const {
        ChildOptions child;
        child.argv = {TASKER_BENCH_BINARY};
        child.argv.insert(child.argv.end(), arguments.begin(), arguments.end());
        child.env = {"PATH=/usr/bin:/bin",
                     "HOME=" + folder_.path().string(),
                     "TASKER_STATE_DIR=" + (folder_ / "state").string(),
                     "TASKER_TEMPLATE_PATH=" + (folder_ / "templates").string(),
                     "TASKER_PLUGIN_PATH=" TASKER_BENCH_PLUGINS,
                     "RUST_LOG=warn"};
        child.cwd = folder_.path();
        return child;
    }
    json asked(const std::vector<std::string>& arguments) const {
        ChildProcess child(command(arguments));
        child.wait(60s);
        const json document = json::parse(child.out(), nullptr, false);
        return document.is_object() ? document : json::object();
    }
    json worker() const {
        const json all = asked({"worker", "list", "--json"});
        const auto found = all.find("workers");
        return found == all.end() || found->empty() ? json::object() : found->front();
    }
    pid_t worker_pid() const {
        const json one = worker();
        return one.contains("current") && one["current"].is_object() ? one["current"].value("pid", 0) : 0;
    }
    pid_t pid() const { return host_->pid(); }

    // About 500 tasks of four steps a second, until stop().
    void load() {
        loader_ = std::thread([this] {
            HostClient client(folder_ / "state/api.sock");
            while (!stopped_) {
                if (!client.connect()) {
                    wait_ms(5);
                    continue;
                }
                const auto answer = client.request(
                    "POST", "/v1/tasks",
                    R"({"name":"bench","namespace":"bench","version":"1.0.0","context":{},"initiator":"b","source_system":"b","reason":"b"})");
                if (answer && answer->status / 100 == 2) ++accepted_;
                wait_ms(1);
            }
        });
    }
    // Ends the load, lets everything finish, and stops the host.
    bool finish() {
        stopped_ = true;
        if (loader_.joinable()) loader_.join();
        const bool done = eventually(60s, [&] {
            if (!client_.connect()) return false;
            const auto open = client_.request("GET", "/v1/tasks?status=open&per_page=1", "");
            const json document = open ? json::parse(open->body, nullptr, false) : json();
            return document.is_object() && document["pagination"].value("total_count", -1) == 0;
        });
        host_->signal(SIGTERM);
        host_->wait(60s);
        return done;
    }
    std::int64_t accepted() const { return accepted_; }

    // Rows of integers.
    std::vector<std::vector<std::int64_t>> rows(const std::string& sql) const {
        sqlite3* store = nullptr;
        sqlite3_open_v2((folder_ / "state/tasker.db").c_str(), &store, SQLITE_OPEN_READONLY, nullptr);
        sqlite3_stmt* statement = nullptr;
        std::vector<std::vector<std::int64_t>> out;
        if (sqlite3_prepare_v2(store, sql.c_str(), -1, &statement, nullptr) == SQLITE_OK) {
            while (sqlite3_step(statement) == SQLITE_ROW) {
                auto& row = out.emplace_back();
                for (int i = 0; i < sqlite3_column_count(statement); ++i)
                    row.push_back(sqlite3_column_int64(statement, i));
            }
        }
        sqlite3_finalize(statement);
        sqlite3_close(store);
        return out;
    }

  private:
    TempDir folder_;
    std::unique_ptr<ChildProcess> host_;
    HostClient client_{folder_ / "state/api.sock"};
    std::thread loader_;
    std::atomic<bool> stopped_{false};
    std::atomic<std::int64_t> accepted_{0};
};

// Of each restart the longest time without a claim, while there was always work.
int restart() {
    constexpr int kRestarts = 100;
    Bench bench;
    bench.load();
    std::vector<std::pair<std::int64_t, std::int64_t>> windows;
    int committed = 0;
    for (int i = 0; i < kRestarts; ++i) {
        const std::int64_t begin = wall_ms();
        committed +=
            bench.asked({"worker", "restart", "bench", "--wait", "--json"}).value("state", "") == "committed";
        windows.emplace_back(begin, wall_ms());
    }
    const bool done = bench.finish();
    const auto claims =
        bench.rows("SELECT claimed_ms FROM attempt WHERE claimed_ms IS NOT NULL ORDER BY claimed_ms");
    std::vector<std::int64_t> gaps;
    for (const auto& [begin, end] : windows) {
        std::int64_t last = begin, longest = 0;
        for (const auto& claim : claims) {
            if (claim[0] < begin) continue;
            longest = std::max(longest, std::min(claim[0], end) - last);
            last = claim[0];
            if (last >= end) break;
        }
        gaps.push_back(longest);
    }
    const auto steps = bench.rows("SELECT count(*), sum(state = 6) FROM step").at(0);
    const auto twice = bench.rows("SELECT count(*) FROM attempt WHERE event IN (1, 2, 3, 12, 13)").at(0)[0];
    std::printf(
        R"({"bench":"restart","restarts":%d,"committed":%d,"claim_gap_ms_p50":%ld,"claim_gap_ms_p95":%ld,"claim_gap_ms_max":%ld,"steps":%ld,"unfinished":%ld,"failed_or_lost":%ld})"
        "\n",
        kRestarts, committed, percentile(gaps, 0.5), percentile(gaps, 0.95), percentile(gaps, 1.0), steps[0],
        done ? 0L : steps[0] - steps[1], twice);
    return done && committed == kRestarts ? 0 : 1;
}

// From the kill of a worker until the last step that it ran or held is claimed again.
int recovery() {
    constexpr std::size_t kKills = 200;
    Bench bench;
    bench.load();
    std::mt19937_64 random(20261127);
    std::vector<std::int64_t> kills;
    while (kills.size() < kKills) {
        const pid_t pid = bench.worker_pid();
        if (pid <= 0) continue;
        wait_ms(static_cast<int>(random() % 200));
        kills.push_back(wall_ms());
        ::kill(pid, SIGKILL);
        eventually(30s, [&] {
            const pid_t now = bench.worker_pid();
            return now > 0 && now != pid;
        });
    }
    const bool done = bench.finish();
    // Each lost claim with the next one of its step.
    const auto lost = bench.rows(
        "SELECT a.recorded_ms, (SELECT min(b.claimed_ms) FROM attempt b WHERE b.attempt_id > a.attempt_id "
        "AND "
        "b.attempt_id >> 22 = a.attempt_id >> 22) FROM attempt a WHERE a.event IN (3, 12)");
    std::map<std::int64_t, std::int64_t> slowest;  // by kill
    for (const auto& row : lost) {
        const auto next = std::upper_bound(kills.begin(), kills.end(), row[0]);
        if (next == kills.begin() || row[1] == 0) continue;
        const std::int64_t kill = *(next - 1);
        slowest[kill] = std::max(slowest[kill], row[1] - kill);
    }
    std::vector<std::int64_t> times;
    for (const auto& [kill, ms] : slowest) times.push_back(ms);
    std::printf(
        R"({"bench":"recovery","kills":%zu,"with_lost_claims":%zu,"claimed_again_ms_p50":%ld,"claimed_again_ms_p99":%ld,"claimed_again_ms_max":%ld,"finished":%s})"
        "\n",
        kills.size(), times.size(), percentile(times, 0.5), percentile(times, 0.99), percentile(times, 1.0),
        done ? "true" : "false");
    return done ? 0 : 1;
}

double cpu_seconds(pid_t pid) {
    std::ifstream in("/proc/" + std::to_string(pid) + "/stat");
    std::string text((std::istreambuf_iterator<char>(in)), {});
    text = text.substr(std::min(text.size(), text.rfind(')') + 2));
    unsigned long user = 0, system = 0;
    std::sscanf(text.c_str(), "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system);
    return static_cast<double>(user + system) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

int idle() {
    constexpr int kForMs = 20'000;
    Bench bench;
    wait_ms(2000);  // the start has its own costs
    const double before = cpu_seconds(bench.pid());
    wait_ms(kForMs);
    const double used = cpu_seconds(bench.pid()) - before;
    std::ifstream in("/proc/" + std::to_string(bench.pid()) + "/smaps_rollup");
    double rss_kb = 0, own_kb = 0;
    for (std::string line; std::getline(in, line);) {
        double kb = 0;
        if (std::sscanf(line.c_str(), "Rss: %lf", &kb) == 1) rss_kb = kb;
        if (std::sscanf(line.c_str(), "Private_Dirty: %lf", &kb) == 1) own_kb = kb;
    }
    bench.finish();
    std::printf(R"({"bench":"supervised","rss_mb":%.1f,"own_mb":%.1f,"idle_cpu_percent":%.3f})"
                "\n",
                rss_kb / 1024, own_kb / 1024, 100.0 * used * 1000.0 / kForMs);
    return 0;
}
}  // namespace

int main(int, char** argv) {
    const std::string name = std::filesystem::path(argv[0]).filename().string();
    try {
        if (name == "bench_restart") return restart();
        if (name == "bench_recovery") return recovery();
        return idle();
    } catch (const std::exception& error) {
        std::fprintf(stderr, "%s: %s\n", name.c_str(), error.what());
        return 1;
    }
}
