// What a handler's call costs: directly through C++, and through the C ABI into a plugin that answers with 64 bytes.
// And what the flight recorder adds to it: an entry that is written and taken back. The last line is JSON; Google
// Benchmark's own options work (--benchmark_min_time=...).

#include <benchmark/benchmark.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "host/core/flight_recorder.hpp"
#include "tests/bench/executor_load.hpp"
#include "tests/bench/noop_worker.hpp"
#include "tests/bench/sample_event.hpp"

namespace tasker::host::bench {

namespace {
constexpr std::int64_t kExecutorSteps = 300'000;

class NoControl final : public CallControl {
  public:
    StopReason stop_requested() const override { return StopReason::None; }
    std::int64_t remaining_ms() const override { return std::numeric_limits<std::int64_t>::max(); }
    std::int64_t deadline_unix_ms() const override { return 0; }
    bool heartbeat(std::uint64_t, std::uint64_t) override { return true; }
    bool save_checkpoint(const Checkpoint&) override { return true; }
    const Logger& logger() const override { return log_; }

  private:
    Logger log_;
};

class DirectHandler final : public HandlerInstance {
  public:
    StepOutcome call(const StepEvent&, CallControl&) override {
        Succeeded done;
        done.result_json = R"({"ok":true,"note":"result of sixty-four bytes in all, as usual"})";
        return done;
    }
};

void call_many(benchmark::State& state, HandlerInstance& handler) {
    SystemClock clock;
    SystemRandom random;
    UuidGenerator uuids(clock, random);
    const StepEvent event = sample_event(uuids, sample_template());
    NoControl control;
    for ([[maybe_unused]] auto round : state) {
        StepOutcome outcome = handler.call(event, control);
        benchmark::DoNotOptimize(outcome);
    }
}

void record_many(benchmark::State& state, const std::filesystem::path& file) {
    SystemClock clock;
    SystemRandom random;
    UuidGenerator uuids(clock, random);
    const StepEvent event = sample_event(uuids, sample_template());
    FlightRecorderOptions options;
    options.file = file;
    FlightSeat seat(std::make_shared<FlightRecorder>(options));
    for ([[maybe_unused]] auto round : state) {
        seat.begin({"bench", event.callable(), event.task_sequence_step.workflow_step.name, event.task_uuid,
                    event.step_uuid, 1, event.claimed_ms});
        seat.phase(FlightPhase::Events);
        seat.end();
    }
}

// The usual table, and each benchmark's time in nanoseconds.
class Collect final : public benchmark::ConsoleReporter {
  public:
    Collect() : ConsoleReporter(OO_None) {}  // without colours, which would stand before the JSON line
    void ReportRuns(const std::vector<Run>& runs) override {
        for (const Run& run : runs) ns_[run.benchmark_name()] = run.GetAdjustedCPUTime();
        ConsoleReporter::ReportRuns(runs);
    }
    double ns(const std::string& name) const {
        const auto found = ns_.find(name);
        return found == ns_.end() ? 0 : found->second;
    }

  private:
    std::map<std::string, double> ns_;
};

int run(int argc, char** argv) {
    const std::filesystem::path cache =
        std::filesystem::temp_directory_path() / ("bench-plugin-call-" + std::to_string(getpid()));
    const HandlerRegistry registry = noop_handlers(cache);
    const auto plugin = registry.resolve(kNoopCallable)->create(0);
    DirectHandler direct;
    benchmark::RegisterBenchmark("direct", [&](benchmark::State& state) { call_many(state, direct); });
    benchmark::RegisterBenchmark("plugin", [&](benchmark::State& state) { call_many(state, *plugin); });
    benchmark::RegisterBenchmark(
        "recorder", [&](benchmark::State& state) { record_many(state, cache / "flight" / "recorder"); });
    benchmark::Initialize(&argc, argv);
    if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
    Collect reporter;
    benchmark::RunSpecifiedBenchmarks(&reporter);
    const double executor_us = executor_us_per_step(registry, kExecutorSteps);
    std::printf(
        "{\"bench\":\"plugin_call\",\"direct_ns\":%.1f,\"abi_ns\":%.1f,\"crossing_ns\":%.1f,"
        "\"recorder_ns\":%.1f,"
        "\"executor_us_per_step\":%.2f}\n",
        reporter.ns("direct"), reporter.ns("plugin"), reporter.ns("plugin") - reporter.ns("direct"),
        reporter.ns("recorder"), executor_us);
    std::filesystem::remove_all(cache);
    return 0;
}
}  // namespace

}  // namespace tasker::host::bench

int main(int argc, char** argv) {
    try {
        return tasker::host::bench::run(argc, argv);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "bench_plugin_call: %s\n", error.what());
        return 1;
    }
}
