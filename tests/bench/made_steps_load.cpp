#include "tests/bench/made_steps_load.hpp"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <functional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include "host/engine/engine.hpp"
#include "tests/bench/statement_trace.hpp"
#include "tests/conformance/template_text.hpp"

namespace tasker::host::bench {

namespace {
namespace fs = std::filesystem;
using SteadyClock = std::chrono::steady_clock;
using conformance::Step;
constexpr unsigned kSlots = 240;

double ms_since(SteadyClock::time_point start) {
    return std::chrono::duration<double, std::milli>(SteadyClock::now() - start).count();
}

double median(std::vector<double> values) {
    std::ranges::sort(values);
    return values[values.size() / 2];
}

// A store and a worker that answers every step with what `answer` says.
class Driver {
  public:
    using Answer = std::function<std::string(const StepEvent&)>;

    Driver(const fs::path& dir, std::vector<TaskTemplate> templates)
        : dir_(dir / ("bench-made-" + std::to_string(getpid()))) {
        fs::remove_all(dir_);
        fs::create_directories(dir_);
        EngineOptions options;
        options.store = dir_ / "tasker.db";
        engine_ = Engine::open(options, clock_, random_, Logger{});
        engine_->set_catalog(std::make_shared<const TemplateCatalog>(std::move(templates)));
        runtime_ = engine_->attach({"bench", {conformance::kNamespace}});
        capacity(kSlots);
    }
    ~Driver() {
        runtime_.reset();
        engine_.reset();
        fs::remove_all(dir_);
    }
    Driver(const Driver&) = delete;
    Driver& operator=(const Driver&) = delete;

    void capacity(unsigned slots) {
        runtime_->set_capacity({slots, {{conformance::kNamespace, conformance::kCallable, "", slots}}});
    }
    void submit(const std::string& name, int count = 1) {
        std::vector<TaskRequest> requests(static_cast<std::size_t>(count));
        for (TaskRequest& request : requests) {
            request.name = name;
            request.namespace_name = conformance::kNamespace;
            request.version = "1.0.0";
            request.initiator = "bench";
        }
        for (const SubmitOutcome& outcome : engine_->tasks().create_batch(requests)) {
            if (const auto* refused = std::get_if<Refused>(&outcome))
                throw std::runtime_error(refused->message);
        }
    }
    StepEvent take() {
        for (;;) {
            auto events = runtime_->poll_step_events(1);
            if (!events.empty()) return std::move(events.front());
            std::this_thread::yield();
        }
    }
    void answer(const StepEvent& event, std::string result) {
        StepExecutionResult done;
        done.step_uuid = event.step_uuid;
        done.task_uuid = event.task_uuid;
        done.success = true;
        done.status = "completed";
        done.result_json = std::move(result);
        done.worker_id = "bench";
        runtime_->complete_step_event(event.event_id, std::move(done),
                                      [this](CompletionVerdict) { ++done_; });
    }
    void run(std::int64_t steps, const Answer& answer_of) { run_to(done_ + steps, answer_of); }
    // Returns when that many steps were recorded since the start.
    void run_to(std::int64_t until, const Answer& answer_of) {
        while (done_ < until) {
            const auto events = runtime_->poll_step_events(kSlots);
            for (const StepEvent& event : events) answer(event, answer_of(event));
            if (events.empty()) std::this_thread::yield();
        }
    }
    void wait_until(std::int64_t done) const {
        while (done_ < done) std::this_thread::yield();
    }

  private:
    fs::path dir_;
    SystemClock clock_;
    SystemRandom random_;
    std::unique_ptr<Engine> engine_;
    std::unique_ptr<TaskerRuntime> runtime_;
    std::atomic<std::int64_t> done_{0};
};

std::string nothing(const StepEvent&) {
    return R"({"ok":true,"count":12345,"note":"sixty four bytes of an answer"})";
}

std::string batches(int count) {
    std::vector<std::string> ids;
    for (int i = 0; i < count; ++i) ids.push_back(std::to_string(100'000 + i));
    return conformance::create_batches("W", ids);
}

// `layers` of `width` steps, each below four of the layer before.
TaskTemplate layered(int layers, int width) {
    std::vector<Step> steps;
    const auto name = [](int layer, int at) {
        return "s" + std::to_string(layer) + "_" + std::to_string(at);
    };
    for (int layer = 0; layer < layers; ++layer) {
        for (int at = 0; at < width; ++at) {
            Step step{name(layer, at)};
            for (int parent = 0; parent < 4 && layer > 0; ++parent)
                step.dependencies.push_back(name(layer - 1, (at * 7 + parent * 13) % width));
            steps.push_back(std::move(step));
        }
    }
    return conformance::graph("layered", steps);
}

// One step, then a thousand, then one.
TaskTemplate fan(int width) {
    std::vector<Step> steps{{"first"}};
    Step last{"last"};
    for (int i = 0; i < width; ++i) {
        steps.push_back({"s" + std::to_string(i), {"first"}});
        last.dependencies.push_back(steps.back().name);
    }
    steps.push_back(std::move(last));
    return conformance::graph("fan", steps);
}

double commits_of(const fs::path& dir, const TaskTemplate& definition, const Driver::Answer& answer,
                  int steps) {
    constexpr int kTasks = 100;
    Driver driver(dir, {definition});
    driver.submit(definition.name);
    driver.run(steps, answer);
    StatementTrace::start_recording();
    for (int i = 0; i < kTasks; ++i) {
        driver.submit(definition.name);
        driver.run(steps, answer);
    }
    StatementTrace::stop_recording();
    const auto commits = static_cast<double>(StatementTrace::recorded_commits());
    StatementTrace::forget();
    return commits / kTasks;
}
}  // namespace

void measure_batch_expand(const MadeStepsOptions& options) {
    const auto definition = conformance::graph("batch", {conformance::batchable("cut", "W"),
                                                         conformance::batch_worker("W", {"cut"}),
                                                         conformance::convergence("sum", {"W"}),
                                                         {"report", {"sum"}}});
    std::vector<double> expand, drain, sum, other;
    for (int round = 0; round < options.rounds; ++round) {
        Driver driver(options.dir, {definition, conformance::graph("other", {{"other"}})});
        driver.submit("batch");
        const StepEvent cut = driver.take();
        driver.capacity(0);
        auto start = SteadyClock::now();
        driver.answer(cut, batches(options.workers));
        driver.wait_until(1);
        expand.push_back(ms_since(start));
        driver.capacity(kSlots);
        // Another task, submitted behind ten thousand ready steps.
        start = SteadyClock::now();
        driver.submit("other");
        double other_ms = 0;
        driver.run_to(1 + options.workers / 2, [&](const StepEvent& event) {
            if (event.task_sequence_step.workflow_step.name == "other") other_ms = ms_since(start);
            return nothing(event);
        });
        driver.run_to(1 + options.workers, nothing);
        drain.push_back((options.workers + 1) / ms_since(start) * 1000);
        other.push_back(other_ms);
        start = SteadyClock::now();
        const std::int64_t end = 1 + options.workers + 1 + 2;
        driver.run_to(end, nothing);
        sum.push_back(ms_since(start));
    }
    std::printf(
        "{\"bench\":\"engine_batch_expand\",\"workers\":%d,\"rounds\":%d,\"expand_ms\":%.1f,"
        "\"drain_steps_per_s\":%.0f,\"aggregator_ms\":%.1f,\"other_task_ms\":%.1f}\n",
        options.workers, options.rounds, median(expand), median(drain), median(sum), median(other));
    std::fflush(stdout);
}

void measure_wide_dag(const MadeStepsOptions& options) {
    constexpr int kTasks = 10;
    std::vector<double> linear, deep, wide;
    const auto rate = [&](const TaskTemplate& definition, int tasks) {
        Driver driver(options.dir, {definition});
        driver.submit(definition.name, 1);
        driver.run(static_cast<std::int64_t>(definition.steps.size()), nothing);
        // Submission is another figure: it would count for four steps as much as for a thousand.
        driver.capacity(0);
        driver.submit(definition.name, tasks);
        const auto start = SteadyClock::now();
        driver.capacity(kSlots);
        const auto steps = static_cast<std::int64_t>(definition.steps.size()) * tasks;
        driver.run(steps, nothing);
        return static_cast<double>(steps) / ms_since(start) * 1000;
    };
    for (int round = 0; round < options.rounds; ++round) {
        linear.push_back(rate(conformance::linear4(), kTasks * 250));
        deep.push_back(rate(layered(10, 100), kTasks));
        wide.push_back(rate(fan(998), kTasks));
    }
    std::printf(
        "{\"bench\":\"engine_wide_dag\",\"steps\":1000,\"tasks\":%d,\"rounds\":%d,\"linear_steps_per_s\":%."
        "0f,"
        "\"layered_steps_per_s\":%.0f,\"fan_steps_per_s\":%.0f,\"layered_ratio\":%.3f,\"fan_ratio\":%.3f}\n",
        kTasks, options.rounds, median(linear), median(deep), median(wide), median(deep) / median(linear),
        median(wide) / median(linear));
    std::fflush(stdout);
}

void measure_decision(const MadeStepsOptions& options) {
    const auto plain = conformance::graph(
        "plain",
        {{"check"}, {"route", {"check"}}, {"small", {"route"}}, {"join", {"small"}}, {"mail", {"join"}}});
    const auto decide = [](const StepEvent& event) {
        const bool route = event.task_sequence_step.workflow_step.name == "route";
        return route ? conformance::create_steps({"small"}) : nothing(event);
    };
    const double without = commits_of(options.dir, plain, nothing, 5);
    const double with = commits_of(options.dir, conformance::approval(), decide, 5);
    std::printf(
        "{\"bench\":\"engine_decision\",\"commits_without\":%.2f,\"commits_with\":%.2f,"
        "\"transactions_added\":%.2f}\n",
        without, with, with - without);
    std::fflush(stdout);
}

}  // namespace tasker::host::bench
