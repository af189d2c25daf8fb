#pragma once
// A supervisor with real processes that behave as a case wants. Its clock only moves when told.

#include <doctest/doctest.h>
#include <signal.h>

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "host/supervisor/supervisor.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/manual_clock.hpp"
#include "tests/support/temp_dir.hpp"

namespace tasker::host::testing {

inline constexpr std::chrono::seconds kLimit{30};

struct SupervisorFixture {
    TempDir dir;
    ManualClock clock;
    SeededRandom random{20261126};
    std::string engine = "good";
    std::map<Generation, std::string> plans;  // good where nothing is said
    std::vector<WorkerLaunch> launched;
    std::map<Generation, std::string> outcomes;
    SlotOptions slot;
    std::size_t max_open_files = 0;
    std::uint64_t max_memory_bytes = 0;
    std::unique_ptr<Supervisor> supervisor;

    void start(const std::vector<std::string>& namespaces = {"ns"}) {
        make();
        for (const std::string& name : namespaces) supervisor->serve(name);
        supervisor->start();
    }
    void make() {
        SupervisorOptions options;
        options.engine = {TASKER_FAKE_CHILD, {engine}};
        options.worker = [this](const WorkerLaunch& launch) {
            launched.push_back(launch);
            const auto plan = plans.find(launch.generation);
            return ChildProgram{TASKER_FAKE_CHILD, {plan == plans.end() ? "good" : plan->second}};
        };
        options.generations = dir / "generations";
        options.slot = slot;
        options.max_open_files = max_open_files;
        options.max_memory_bytes = max_memory_bytes;
        supervisor = std::make_unique<Supervisor>(std::move(options), clock, random, Logger());
    }
    bool reaches(const std::function<bool()>& condition) {
        return eventually(kLimit, [&] {
            supervisor->turn();
            return condition();
        });
    }
    SlotReport report() { return supervisor->report().at(0); }
    bool reaches(SlotState state, Generation current) {
        return reaches([&] {
            const SlotReport now = report();
            return now.state == state &&
                   (current == 0 || (now.current && now.current->generation == current));
        });
    }
    // Serves generation 1, which has stood its probation.
    void settle() {
        start();
        REQUIRE(reaches(SlotState::Active, 1));
        clock.advance(slot.probation_ms);
        REQUIRE(reaches([&] { return report().last_good == 1; }));
    }
    void restart(Generation expected) {
        REQUIRE(supervisor->restart("ns", "test", [this, expected](bool committed, const std::string& why) {
            outcomes[expected] = committed ? "committed" : why;
        }));
    }
    std::string outcome(Generation generation) {
        return outcomes.contains(generation) ? outcomes.at(generation) : "";
    }
};

}  // namespace tasker::host::testing
