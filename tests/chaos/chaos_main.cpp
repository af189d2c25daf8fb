// Kills a loaded host again and again, lets the survivor finish, and has the checker judge what is left.
//
//   chaos_sigkill --host PATH --plugins FOLDER [--supervised] [--kills N] [--seed N] [--keep]
//
// The host is a lone worker, or a supervisor with its engine and worker: then one of the three is killed each time.
//
// Prints the seed first and one JSON line at the end. Exit code 0: nothing lost, nothing recorded twice. The evidence
// is kept when something is wrong.

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "tests/chaos/checker.hpp"
#include "tests/chaos/graph.hpp"
#include "tests/chaos/host_client.hpp"
#include "tests/support/child_process.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/temp_dir.hpp"

namespace {

using namespace std::chrono_literals;
using namespace tasker::chaos;
using tasker::host::testing::ChildOptions;
using tasker::host::testing::ChildProcess;
using tasker::host::testing::eventually;
using tasker::host::testing::ExitStatus;
using tasker::host::testing::TempDir;
using Clock = std::chrono::steady_clock;
using Millis = std::chrono::milliseconds;

struct Options {
    std::string host, plugins;
    int kills = 300;
    unsigned long seed = std::random_device{}();
    bool keep = false;
    bool supervised = false;
};

class Campaign {
  public:
    explicit Campaign(Options options) : options_(std::move(options)), random_(options_.seed) {
        folder_.write("templates/chaos.yaml", template_yaml());
        for (const char* part : {"templates", "state"}) std::filesystem::create_directories(folder_ / part);
        for (const char* part : {"templates", "state"}) {
            std::filesystem::permissions(folder_ / part, std::filesystem::perms::owner_all);
        }
    }

    int run() {
        std::cout << "seed " << options_.seed << std::endl;
        const auto begin = Clock::now();
        while (kills_ < options_.kills) options_.supervised ? one_death() : one_life();
        if (supervisor_) pass_on();
        const double killing = std::chrono::duration<double>(Clock::now() - begin).count();
        finish();
        const Verdict verdict = check({store(), ledger(), submissions_, kills_, kSlots});
        for (const std::string& fault : verdict.faults) faults_.push_back(fault);
        report(verdict, killing);
        return faults_.empty() ? 0 : 1;
    }

  private:
    static constexpr int kSlots = 8 + 32;   // threads and prefetch
    static constexpr int kOpenTasks = 400;  // enough that the worker is never idle, few enough to finish soon

    std::filesystem::path store() const { return folder_ / "state/tasker.db"; }
    std::filesystem::path ledger() const { return folder_ / "ledger"; }
    std::uint64_t below(std::uint64_t bound) { return random_() % bound; }

    ChildOptions host(std::vector<std::string> arguments) const {
        ChildOptions child;
        child.argv = {options_.host};
        child.argv.insert(child.argv.end(), arguments.begin(), arguments.end());
        child.env = {"PATH=/usr/bin:/bin",
                     "HOME=" + folder_.path().string(),
                     "TASKER_STATE_DIR=" + (folder_ / "state").string(),
                     "TASKER_TEMPLATE_PATH=" + (folder_ / "templates").string(),
                     "TASKER_PLUGIN_PATH=" + options_.plugins,
                     "TASKER_CHAOS_LEDGER=" + ledger().string(),
                     "RUST_LOG=warn"};
        child.cwd = folder_.path();
        return child;
    }
    std::unique_ptr<ChildProcess> start_worker() const {
        return std::make_unique<ChildProcess>(
            host({"worker", "--namespace", "chaos", "--threads", "8", "--prefetch", "32"}));
    }

    std::unique_ptr<ChildProcess> start_supervisor() const {
        return std::make_unique<ChildProcess>(
            host({"run", "--namespace", "chaos", "--threads", "8", "--prefetch", "32"}));
    }

    // A supervisor lives on unless it is the one; a new one starts beside what its dead predecessor has left.
    void one_death() {
        if (!supervisor_) supervisor_ = start_supervisor();
        if (!eventually(60s, [&] { return client_.connect() || !supervisor_->running(); }) ||
            !supervisor_->running()) {
            faults_.push_back("start: the supervisor did not come up: " + tail(supervisor_->err()));
            kills_ = options_.kills;
            return;
        }
        load_until(*supervisor_, Clock::now() + Millis{below(120)});
        if (const auto ended = supervisor_->wait(Millis{0})) {
            faults_.push_back("start: the supervisor ended by itself with " + std::to_string(ended->code) +
                              ": " + tail(supervisor_->err()));
            kills_ = options_.kills;
            return;
        }
        const std::uint64_t dice = below(20);
        if (dice == 0) {
            static_cast<void>(supervisor_->kill_and_wait());
            supervisor_.reset();
        } else {
            const auto victims = children(supervisor_->pid(), dice < 6 ? "engine-process" : "worker-process");
            if (victims.empty()) return;  // it is being started again
            ::kill(victims[below(victims.size())], SIGKILL);
        }
        ++kills_;
    }

    // A stop in peace, so that the last worker is a lone one and everything is handed over.
    void pass_on() {
        supervisor_->signal(SIGTERM);
        const auto status = supervisor_->wait(90s);
        if (!status || (*status != ExitStatus{0, 0} && *status != ExitStatus{6, 0}))
            faults_.push_back("finish: the supervisor ended with " +
                              std::to_string(status ? status->code : -1) + ": " + tail(supervisor_->err()));
        supervisor_.reset();
    }

    // Processes that this one started, by the verb that they were started with.
    static std::vector<pid_t> children(pid_t parent, const std::string& verb) {
        std::vector<pid_t> found;
        const std::string folder = "/proc/" + std::to_string(parent) + "/task/" + std::to_string(parent);
        std::ifstream list(folder + "/children");
        for (pid_t pid = 0; list >> pid;) {
            // Of a process that ends meanwhile there is nothing to read, and an iterator would throw.
            std::ifstream file("/proc/" + std::to_string(pid) + "/cmdline", std::ios::binary);
            std::string line;
            std::getline(file, line, '\n');
            if (line.find(verb) != std::string::npos) found.push_back(pid);
        }
        return found;
    }

    static std::string tail(const std::string& text) {
        return text.size() > 3000 ? text.substr(text.size() - 3000) : text;
    }

    // Some die while they start, most while they work.
    void one_life() {
        if (below(20) == 0) submit_by_command_line();
        const auto worker = start_worker();
        if (below(8) == 0) {
            static_cast<void>(worker->wait(Millis{below(60)}));
        } else if (!eventually(30s, [&] { return client_.connect() || !worker->running(); }) ||
                   !worker->running()) {
            faults_.push_back("start: the worker did not come up: " + worker->err().substr(0, 2000));
        } else {
            load_until(*worker, Clock::now() + Millis{below(160)});
        }
        if (const auto ended = worker->wait(Millis{0})) {
            faults_.push_back("start: the worker ended by itself with " + std::to_string(ended->code) + ": " +
                              worker->err().substr(0, 2000));
        }
        static_cast<void>(worker->kill_and_wait());
        ++kills_;
        if (!faults_.empty()) kills_ = options_.kills;  // the rest of the campaign would only hide it
    }

    // Submits until `end`. Half of the time the host dies behind a request whose answer nobody reads.
    void load_until(ChildProcess& worker, Clock::time_point end) {
        const Answer open = client_.request("GET", "/v1/tasks?status=open&per_page=1", "").value_or(Answer{});
        const auto document = nlohmann::json::parse(open.body, nullptr, false);
        int room = kOpenTasks;
        if (document.is_object() && document.contains("pagination")) {
            room -= document["pagination"].value("total_count", 0);
        }
        while (Clock::now() < end && room-- > 0 && submit()) {
        }
        if (below(2) == 0) {
            const std::string key = next_key();
            submissions_.maybe.push_back(key);
            client_.send_only("POST", "/v1/tasks", body(key));
            static_cast<void>(worker.wait(Millis{below(4)}));
        } else if (Clock::now() < end) {
            static_cast<void>(worker.wait(std::chrono::duration_cast<Millis>(end - Clock::now())));
        }
    }

    std::string next_key() { return "k" + std::to_string(++keys_); }

    static std::string body(const std::string& key) {
        return R"({"name":"chaos","namespace":"chaos","version":"1.0.0","context":{"key":")" + key +
               R"("},"initiator":"chaos","source_system":"chaos","reason":"chaos"})";
    }

    // False when nobody answers.
    bool submit() {
        const std::string key = next_key();
        const auto answer = client_.request("POST", "/v1/tasks", body(key));
        if (!answer) {
            submissions_.maybe.push_back(key);
            return false;
        }
        const auto document = nlohmann::json::parse(answer->body, nullptr, false);
        if (answer->status / 100 == 2 && document.is_object() && document.contains("task_uuid")) {
            submissions_.accepted[key] = document["task_uuid"].get<std::string>();
        } else {
            faults_.push_back("submit: status " + std::to_string(answer->status) + ": " +
                              answer->body.substr(0, 500));
        }
        return true;
    }

    // While no host runs: the command writes to the store itself, and is killed now and then, too.
    void submit_by_command_line() {
        std::string lines;
        std::vector<std::string> keys;
        for (int i = 0; i < 10; ++i) {
            keys.push_back(next_key());
            lines += body(keys.back()) + '\n';
        }
        const auto file = folder_.write("batch.jsonl", lines);
        ChildProcess command(host({"task", "create", "--batch", file.string(), "--json"}));
        const bool killed = below(2) == 0;
        if (killed) static_cast<void>(command.wait(Millis{below(60)}));
        const auto status = killed ? command.kill_and_wait() : command.wait(60s).value_or(ExitStatus{});
        std::vector<std::string> acknowledged(keys.size());
        std::istringstream out(command.out());
        for (std::string line; std::getline(out, line);) {
            const auto document = nlohmann::json::parse(line, nullptr, false);
            if (!document.is_object() || !document.contains("task_uuid")) continue;
            const auto number = document.value("line", std::size_t{0});
            if (number >= 1 && number <= keys.size())
                acknowledged[number - 1] = document["task_uuid"].get<std::string>();
        }
        for (std::size_t i = 0; i < keys.size(); ++i) {
            if (acknowledged[i].empty()) {
                submissions_.maybe.push_back(keys[i]);
            } else {
                submissions_.accepted[keys[i]] = acknowledged[i];
            }
        }
        if (!killed && status != ExitStatus{0, 0}) {
            faults_.push_back("submit: task create --batch ended with " + std::to_string(status.code) + ": " +
                              command.err().substr(0, 1000));
        }
    }

    void finish() {
        const auto worker = start_worker();
        const bool done = eventually(180s, [&] {
            if (!worker->running()) return true;
            if (!client_.connect()) return false;
            const auto open = client_.request("GET", "/v1/tasks?status=open&per_page=1", "");
            if (!open) return false;
            const auto document = nlohmann::json::parse(open->body, nullptr, false);
            return document.is_object() && document.contains("pagination") &&
                   document["pagination"].value("total_count", -1) == 0;
        });
        if (!done) faults_.push_back("finish: tasks are still open after three minutes");
        worker->signal(SIGTERM);
        const auto status = worker->wait(60s);
        if (status != ExitStatus{0, 0}) {
            faults_.push_back("finish: the last worker ended with " +
                              std::to_string(status ? status->code : -1) + ": " +
                              worker->err().substr(0, 2000));
        }
        if (std::filesystem::exists(folder_ / "state/api.sock"))
            faults_.push_back("leftover: the socket is still there");
        ChildProcess own_check(host({"store", "check", "--json"}));
        if (own_check.wait(60s) != ExitStatus{0, 0})
            faults_.push_back("check: the host's own check says " + own_check.out().substr(0, 2000));
        const auto log = store().string() + "-wal";
        if (std::filesystem::exists(log) && std::filesystem::file_size(log) > 0) {
            faults_.push_back("leftover: the store's log was not folded into it");
        }
        if (::kill(-worker->pid(), 0) == 0)
            faults_.push_back("leftover: a process of the last worker still runs");
    }

    void report(const Verdict& verdict, double killing) {
        nlohmann::ordered_json line{
            {"chaos", options_.supervised ? "sigkill_supervised" : "sigkill"},
            {"seed", options_.seed},
            {"kills", kills_},
            {"kills_per_s", std::round(10.0 * kills_ / std::max(killing, 0.001)) / 10.0},
            {"accepted", submissions_.accepted.size()},
            {"maybe", submissions_.maybe.size()},
            {"tasks", verdict.tasks},
            {"steps", verdict.steps},
            {"runs", verdict.runs},
            {"extra_runs", verdict.extra_runs},
            {"lost_claims", verdict.lost_claims},
            {"retries", verdict.retries},
            {"faults", faults_.size()}};
        for (std::size_t i = 0; i < std::min<std::size_t>(faults_.size(), 50); ++i)
            std::cerr << faults_[i] << '\n';
        if (options_.keep || !faults_.empty()) {
            const auto kept =
                std::filesystem::temp_directory_path() / ("tasker-chaos-" + std::to_string(options_.seed));
            std::filesystem::remove_all(kept);
            std::filesystem::copy(folder_.path(), kept, std::filesystem::copy_options::recursive);
            line["kept"] = kept.string();
            std::cerr << "again: chaos_sigkill " << (options_.supervised ? "--supervised " : "") << "--seed "
                      << options_.seed << " --kills " << options_.kills << '\n';
        }
        std::cout << line.dump() << std::endl;
    }

    const Options options_;
    std::mt19937_64 random_;
    TempDir folder_;
    HostClient client_{folder_ / "state/api.sock"};
    Submissions submissions_;
    std::vector<std::string> faults_;
    std::unique_ptr<ChildProcess> supervisor_;
    int kills_ = 0;
    int keys_ = 0;
};

Options parse(int argc, char** argv) {
    Options options;
    for (int i = 1; i < argc; ++i) {
        const std::string name = argv[i];
        const std::string value = i + 1 < argc ? argv[i + 1] : "";
        if (name == "--keep") {
            options.keep = true;
            continue;
        }
        if (name == "--supervised") {
            options.supervised = true;
            continue;
        }
        if (name == "--host") options.host = std::filesystem::absolute(value).string();
        if (name == "--plugins") options.plugins = std::filesystem::absolute(value).string();
        if (name == "--kills") options.kills = std::stoi(value);
        if (name == "--seed") options.seed = std::stoul(value);
        ++i;
    }
    return options;
}

}  // namespace

int main(int argc, char** argv) {
    const Options options = parse(argc, argv);
    if (options.host.empty() || options.plugins.empty()) {
        std::cerr << "usage: chaos_sigkill --host PATH --plugins FOLDER [--supervised] [--kills N] [--seed "
                     "N] [--keep]\n";
        return 2;
    }
    try {
        return Campaign(options).run();
    } catch (const std::exception& error) {
        std::cerr << "chaos_sigkill: " << error.what() << '\n';
        return 1;
    }
}
