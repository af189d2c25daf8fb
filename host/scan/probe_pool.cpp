#include "host/scan/probe_pool.hpp"

#include <poll.h>

#include <algorithm>
#include <deque>
#include <list>
#include <memory>
#include <utility>

#include "host/core/wakeup.hpp"
#include "host/scan/probe_process.hpp"
#include "host/scan/probe_report.hpp"

namespace tasker::host {

namespace {
// The kernel ends a killed process at once, unless it hangs in the kernel itself.
constexpr std::int64_t kKillMs = 10'000;

struct Job {
    std::size_t index = 0;
    bool second = false;  // with twice the time
};

struct Running {
    Job job;
    std::string nonce;
    std::int64_t due_ms = 0, limit_ms = 0;
    std::unique_ptr<ProbeProcess> process;
};

class Run {
  public:
    Run(const ProbeOptions& options, const Clock& clock, Random& random,
        const std::vector<std::filesystem::path>& files, const OnVerdict& on_verdict)
        : options_(options),
          clock_(clock),
          random_(random),
          files_(files),
          on_verdict_(on_verdict),
          end_ms_(clock.steady_ms() + options.budget_ms) {
        for (std::size_t i = 0; i < files.size(); ++i) waiting_.push_back({i, false});
    }

    void turn() {
        fill();
        wait();
        look_at_deadlines();
        std::list<Running> ended;
        for (auto at = running_.begin(); at != running_.end();) {
            const auto next = std::next(at);
            if (at->process->ended()) ended.splice(ended.end(), running_, at);
            at = next;
        }
        for (Running& one : ended) settle(one);
    }
    bool done() const { return waiting_.empty() && running_.empty(); }

  private:
    void fill() {
        while (running_.size() < std::max<std::size_t>(1, options_.at_once) && !waiting_.empty()) {
            const Job job = waiting_.front();
            waiting_.pop_front();
            const std::int64_t now = clock_.steady_ms();
            if (now >= end_ms_) {
                on_verdict_(job.index, {VerdictKind::Unknown,
                                        "there was no time left to probe it; the next scan goes on with it",
                                        {},
                                        {}});
                continue;
            }
            const std::int64_t limit = options_.deadline_ms * (job.second ? 2 : 1);
            std::string nonce = random_.hex(kProbeNonceBytes);
            auto process = std::make_unique<ProbeProcess>(options_.program, options_.environment,
                                                          files_[job.index], nonce);
            running_.push_back({job, std::move(nonce), now + limit, limit, std::move(process)});
        }
    }

    void wait() {
        std::vector<pollfd> wanted;
        std::int64_t due = kNever;
        for (const Running& one : running_) {
            if (one.process->ended()) due = 0;
            for (const pollfd& fd : one.process->wanted()) wanted.push_back(fd);
            due = std::min(due, one.due_ms);
        }
        if (running_.empty()) return;
        const std::int64_t ms = std::clamp<std::int64_t>(due - clock_.steady_ms(), 0, 60'000);
        if (::poll(wanted.data(), wanted.size(), static_cast<int>(ms)) <= 0) return;
        std::size_t at = 0;
        for (Running& one : running_) {
            if (!one.process->ended()) one.process->take(&wanted[at]);
            at += 3;
        }
    }

    void look_at_deadlines() {
        const std::int64_t now = clock_.steady_ms();
        for (Running& one : running_) {
            if (one.process->ended() || now < one.due_ms) continue;
            if (one.process->killed()) {
                one.process->give_up();
            } else {
                one.process->kill_for(one.limit_ms);
                one.due_ms = now + kKillMs;
            }
        }
    }

    void settle(const Running& one) {
        Verdict verdict = judge(one.process->ending(), one.nonce);
        if (verdict.kind == VerdictKind::Hung && !one.job.second) {
            waiting_.push_front({one.job.index, true});
        } else {
            on_verdict_(one.job.index, std::move(verdict));
        }
    }

    const ProbeOptions& options_;
    const Clock& clock_;
    Random& random_;
    const std::vector<std::filesystem::path>& files_;
    const OnVerdict& on_verdict_;
    const std::int64_t end_ms_;
    std::deque<Job> waiting_;
    std::list<Running> running_;
};
}  // namespace

ProbePool::ProbePool(ProbeOptions options, const Clock& clock, Random& random)
    : options_(std::move(options)), clock_(clock), random_(random) {}

void ProbePool::run(const std::vector<std::filesystem::path>& files, const OnVerdict& on_verdict) {
    Run run(options_, clock_, random_, files, on_verdict);
    while (!run.done()) run.turn();
}

}  // namespace tasker::host
