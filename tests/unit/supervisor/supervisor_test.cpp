// The life of namespaces, engine and operators' wishes, with processes that behave as each case wants.

#include <doctest/doctest.h>
#include <signal.h>

#include <set>

#include "host/core/error.hpp"
#include "tests/unit/supervisor/supervisor_fixture.hpp"

namespace tasker::host::testing {

TEST_CASE("supervisor: the engine first, then a worker for each namespace; at the end the workers first") {
    SupervisorFixture f;
    f.start({"a", "b"});
    CHECK(f.launched.empty());
    REQUIRE(f.reaches([&] {
        const auto all = f.supervisor->report();
        return all[0].state == SlotState::Active && all[1].state == SlotState::Active;
    }));
    const auto all = f.supervisor->report();
    CHECK(std::set<int>{f.supervisor->engine_pid(), all[0].current->pid, all[1].current->pid, getpid()}
              .size() == 4);
    CHECK(f.launched[0].manifest.empty());
    f.supervisor->stop();
    REQUIRE(f.reaches([&] { return f.supervisor->end() != Supervisor::End::Running; }));
    CHECK(f.supervisor->end() == Supervisor::End::Done);
}

TEST_CASE("supervisor: an engine that refuses its store, or cannot start, ends everything") {
    SupervisorFixture f;
    SUBCASE("refused") { f.engine = "refused"; }
    SUBCASE("dies") { f.engine = "dies"; }
    f.start();
    REQUIRE(f.reaches([&] { return f.supervisor->end() != Supervisor::End::Running; }));
    CHECK(f.supervisor->end() ==
          (f.engine == "dies" ? Supervisor::End::EngineFailed : Supervisor::End::StoreRefused));
    CHECK(f.launched.empty());
}

TEST_CASE("supervisor: an engine that dies is started again, and the workers stay") {
    SupervisorFixture f;
    f.settle();
    const int worker = f.report().current->pid, engine = f.supervisor->engine_pid();
    kill(engine, SIGKILL);
    REQUIRE(f.reaches([&] { return f.supervisor->engine_pid() == 0; }));
    f.clock.advance(100);
    REQUIRE(f.reaches([&] { return f.supervisor->engine_ready(); }));
    CHECK(f.supervisor->engine_pid() != engine);
    CHECK(f.report().current->pid == worker);
}

TEST_CASE("supervisor: a restart replaces the worker, and the waiting one hears of the commit") {
    SupervisorFixture f;
    f.settle();
    f.plans[2] = "busy";
    f.restart(2);
    REQUIRE(f.reaches(SlotState::Active, 2));
    CHECK(f.outcome(2) == "committed");
    CHECK(f.report().last_good == 2);
    CHECK_FALSE(f.supervisor->restart("other", "test"));
}

TEST_CASE("supervisor: a new generation that fails leaves the old process where it was, and says why") {
    SupervisorFixture f;
    f.settle();
    const int old = f.report().current->pid;
    std::string why;
    std::int64_t wait_ms = 0;
    SUBCASE("it cannot start") { f.plans[2] = "dies", why = "no plugin can be loaded (exit code 3)"; }
    SUBCASE("it is never ready") {
        f.plans[2] = "silent", why = "was not ready in time", wait_ms = f.slot.ready_ms;
    }
    SUBCASE("it dies when it is let in") { f.plans[2] = "faints", why = "signal 11"; }
    SUBCASE("it does not answer when it is let in") {
        f.plans[2] = "mute", why = "did not answer ACTIVATE", wait_ms = f.slot.answer_ms;
    }
    SUBCASE("it crashes while it is on probation") { f.plans[2] = "crashes", why = "signal 11"; }
    SUBCASE("it ends by itself, as if all was well") { f.plans[2] = "leaver", why = "exit code 0"; }
    f.restart(2);
    if (wait_ms > 0) {
        const SlotState silent = f.plans[2] == "mute" ? SlotState::Switching : SlotState::Preparing;
        REQUIRE(f.reaches(silent, 1));
        f.clock.advance(wait_ms);
    }
    REQUIRE(f.reaches([&] { return !f.outcome(2).empty(); }));
    CHECK_MESSAGE(f.outcome(2).find(why) != std::string::npos, f.outcome(2));
    REQUIRE(f.reaches(SlotState::Active, 1));
    CHECK(f.report().current->pid == old);
    CHECK(f.report().last_good == 1);
}

TEST_CASE("supervisor: an old worker that does not pause, or does not end, is killed") {
    SupervisorFixture f;
    SUBCASE("pause") { f.plans[1] = "deaf"; }
    SUBCASE("drain") { f.plans[1] = "stubborn"; }
    f.settle();
    f.restart(2);
    if (f.plans[1] == "deaf") {
        REQUIRE(f.reaches(SlotState::Pausing, 1));
        f.clock.advance(f.slot.answer_ms);
        REQUIRE(f.reaches(SlotState::Active, 2));
        f.clock.advance(f.slot.probation_ms);
    } else {
        REQUIRE(f.reaches(SlotState::Probation, 1));
        f.clock.advance(f.slot.probation_ms);
        REQUIRE(f.reaches(SlotState::Draining, 1));
        f.clock.advance(f.slot.soft_drain_ms);
        f.supervisor->turn();
        f.clock.advance(f.slot.hard_drain_ms);
        REQUIRE(f.reaches(SlotState::Active, 2));
    }
    REQUIRE(f.reaches([&] { return f.report().last_good == 2; }));
    CHECK(f.outcome(2) == "committed");
}

TEST_CASE("supervisor: a killed worker is started again with the plugins that it had loaded") {
    SupervisorFixture f;
    f.settle();
    kill(f.report().current->pid, SIGKILL);
    REQUIRE(f.reaches(SlotState::Backoff, 0));
    CHECK(f.report().history.back().find("generation 1 ended with signal 9 (Killed)") != std::string::npos);
    f.clock.advance(f.slot.backoff_ms);
    REQUIRE(f.reaches(SlotState::Active, 1));
    REQUIRE(f.launched.size() == 2);
    const ManifestStore manifests(f.dir / "generations");
    CHECK(f.launched[1].manifest == manifests.path("ns", 1));
    CHECK(manifests.load("ns", 1)->plugins.at(0).file == "a.so");
}

TEST_CASE("supervisor: a worker that crashes again and again is held until somebody says so") {
    SupervisorFixture f;
    f.slot.loop_crashes = 3;
    f.settle();
    for (int i = 0; i < 3; ++i) {
        kill(f.report().current->pid, SIGABRT);
        const SlotState next = i < 2 ? SlotState::Backoff : SlotState::Held;
        REQUIRE(f.reaches(next, 0));
        f.clock.advance(2000);
        if (i < 2) REQUIRE(f.reaches(SlotState::Active, 1));
    }
    CHECK(f.launched.size() == 3);
    CHECK(f.report().history.back().find("is not started again") != std::string::npos);
    REQUIRE(f.supervisor->resume("ns"));
    CHECK(f.reaches(SlotState::Active, 1));
}

TEST_CASE(
    "supervisor: a rollback runs what an older generation had loaded, also after a restart of the "
    "supervisor") {
    SupervisorFixture f;
    f.settle();
    f.plans[2] = "busy";
    f.restart(2);
    REQUIRE(f.reaches(SlotState::Active, 2));
    f.supervisor.reset();
    f.plans[3] = f.plans[4] = "busy";
    f.start();
    REQUIRE(f.reaches(SlotState::Active, 3));  // numbers go on
    CHECK(f.launched.back().manifest.empty());
    REQUIRE(f.supervisor->roll_back("ns", 1));
    REQUIRE(f.reaches(SlotState::Active, 4));
    const ManifestStore manifests(f.dir / "generations");
    CHECK(f.launched.back().manifest == manifests.path("ns", 4));
    CHECK(manifests.load("ns", 4)->why == "rollback to 1");
    CHECK(manifests.load("ns", 4)->plugins == manifests.load("ns", 1)->plugins);
    CHECK_THROWS_AS(f.supervisor->roll_back("ns", 77), Error);
}

TEST_CASE("supervisor: a drained namespace stays so until it is resumed; the others go on") {
    SupervisorFixture f;
    f.start({"a", "b"});
    REQUIRE(f.reaches([&] { return f.supervisor->report()[1].state == SlotState::Active; }));
    REQUIRE(f.reaches(SlotState::Active, 1));
    REQUIRE(f.supervisor->drain("a"));
    REQUIRE(f.reaches(SlotState::Idle, 0));
    f.clock.advance(600'000);
    f.supervisor->turn();
    CHECK(f.report().state == SlotState::Idle);
    CHECK(f.supervisor->report()[1].state == SlotState::Active);
    REQUIRE(f.supervisor->resume("a"));
    CHECK(f.reaches(SlotState::Active, 1));
}

TEST_CASE("supervisor: a second stop waits for nobody, and that is told") {
    SupervisorFixture f;
    f.plans[1] = "stubborn";
    f.settle();
    f.supervisor->stop();
    REQUIRE(f.reaches(SlotState::Stopping, 1));
    f.supervisor->stop();
    REQUIRE(f.reaches([&] { return f.supervisor->end() != Supervisor::End::Running; }));
    CHECK(f.supervisor->end() == Supervisor::End::HandedBack);
}

TEST_CASE("supervisor: a stop kills a generation that only starts, and that hands nothing back") {
    SupervisorFixture f;
    f.settle();
    f.plans[2] = "silent";
    f.restart(2);
    REQUIRE(f.reaches(SlotState::Preparing, 1));
    f.supervisor->stop();
    REQUIRE(f.reaches([&] { return f.supervisor->end() != Supervisor::End::Running; }));
    CHECK(f.supervisor->end() == Supervisor::End::Done);
    CHECK(f.outcome(2) == "the supervisor was stopped");
}

TEST_CASE("supervisor: a worker that is worn out is replaced by one of the same making, once") {
    SupervisorFixture f;
    f.plans[1] = "worn";
    f.start();
    REQUIRE(f.reaches(SlotState::Probation, 0));
    f.clock.advance(f.slot.probation_ms);
    REQUIRE(f.reaches(SlotState::Active, 2));
    CHECK(f.launched.size() == 2);
    const auto made = f.supervisor->newest("ns");
    REQUIRE(made);
    CHECK(made->why == "recycled: 4 handlers hang");
    CHECK(made->plugins == ManifestStore(f.dir / "generations").load("ns", 1)->plugins);
}

TEST_CASE(
    "supervisor: a worker that uses too much is replaced, but not a young one, and not one within its "
    "limits") {
    SupervisorFixture f;
    std::string why;
    SUBCASE("files") { f.plans[1] = "greedy", f.max_open_files = 50, why = "open files, 50 are allowed"; }
    SUBCASE("memory") { f.max_memory_bytes = 1 << 10U, why = "MiB of memory, 0 are allowed"; }
    SUBCASE("neither") { f.max_open_files = 50, f.max_memory_bytes = std::uint64_t{1} << 40U; }
    f.settle();
    f.supervisor->turn();
    CHECK(f.launched.size() == 1);
    f.clock.advance(10'000);
    if (why.empty()) {
        f.supervisor->turn();
        CHECK(f.launched.size() == 1);
        return;
    }
    REQUIRE(f.reaches([&] { return f.launched.size() == 2; }));
    CHECK(f.supervisor->newest("ns")->why.find(why) != std::string::npos);
}

TEST_CASE("supervisor: a program that cannot be started is a failed start, tried again later each time") {
    SupervisorFixture f;
    f.start();
    f.launched.clear();
    SupervisorOptions options;
    options.engine = {TASKER_FAKE_CHILD, {"good"}};
    options.worker = [&](const WorkerLaunch& launch) {
        f.launched.push_back(launch);
        return ChildProgram{"/nowhere/tasker-host", {}};
    };
    options.generations = f.dir / "other";
    f.supervisor = std::make_unique<Supervisor>(std::move(options), f.clock, f.random, Logger());
    f.supervisor->serve("ns");
    f.supervisor->start();
    REQUIRE(f.reaches(SlotState::Backoff, 0));
    CHECK(f.report().history.back().find("cannot start /nowhere/tasker-host") != std::string::npos);
    f.clock.advance(1000);
    CHECK(f.reaches([&] { return f.launched.size() == 2; }));
}

TEST_CASE(
    "supervisor: whoever waits for a generation hears of it when a newer one overtakes it, or all is "
    "stopped") {
    SupervisorFixture f;
    f.settle();
    f.plans[1] = "stubborn";
    f.restart(2);
    REQUIRE(f.reaches(SlotState::Probation, 1));
    f.restart(3);
    f.restart(4);
    CHECK(f.outcome(3).find("a newer generation came") != std::string::npos);
    CHECK(f.outcome(4).empty());
    REQUIRE(f.supervisor->drain("ns"));
    CHECK(f.outcome(2) == "the namespace was stopped");
    CHECK(f.outcome(4) == "the namespace was stopped");
}

TEST_CASE("supervisor: an operator's start of a drained namespace takes up the change that came meanwhile") {
    SupervisorFixture f;
    f.settle();
    REQUIRE(f.supervisor->drain("ns"));
    REQUIRE(f.reaches(SlotState::Idle, 0));
    f.restart(2);
    CHECK(f.report().waiting == 2);
    CHECK(f.report().state == SlotState::Idle);
    REQUIRE(f.supervisor->start_stopped("ns"));
    CHECK(f.reaches(SlotState::Active, 2));
    CHECK_FALSE(f.report().stopped);
}

TEST_CASE(
    "supervisor: changes of several namespaces take turns, so that not all of them run twice at a time") {
    SupervisorFixture f;
    f.start({"a", "b"});
    const auto both = [&](SlotState state) {
        return f.reaches([&] {
            const auto all = f.supervisor->report();
            return all[0].state == state && all[1].state == state;
        });
    };
    REQUIRE(both(SlotState::Active));
    f.clock.advance(f.slot.probation_ms);
    REQUIRE(f.reaches([&] { return f.supervisor->report()[1].last_good == 1; }));
    f.supervisor->restart("a", "test");
    f.supervisor->restart("b", "test");
    REQUIRE(f.reaches(SlotState::Probation, 1));
    CHECK(f.supervisor->report()[1].state == SlotState::Active);
    CHECK(f.supervisor->report()[1].waiting == 2);
    CHECK_FALSE(f.supervisor->report()[1].candidate);
    f.clock.advance(f.slot.probation_ms);
    REQUIRE(f.reaches([&] { return f.supervisor->report()[1].state == SlotState::Probation; }));
    f.clock.advance(f.slot.probation_ms);
    CHECK(f.reaches([&] { return f.supervisor->report()[1].last_good == 2; }));
}

TEST_CASE(
    "supervisor: a pause reaches the worker that runs and the one that takes its place, until it is "
    "resumed") {
    SupervisorFixture f;
    f.plans[1] = f.plans[2] = "holds";
    f.settle();
    REQUIRE(f.supervisor->pause("ns"));
    CHECK(f.report().paused);
    REQUIRE(f.reaches([&] { return f.report().current->accepted == 1; }));
    f.restart(2);
    REQUIRE(f.reaches(SlotState::Probation, 1));
    REQUIRE(f.reaches([&] { return f.report().candidate->accepted == 1; }));
    f.clock.advance(f.slot.probation_ms);
    REQUIRE(f.reaches(SlotState::Active, 2));
    CHECK(f.report().paused);
    REQUIRE(f.supervisor->resume("ns"));
    CHECK_FALSE(f.report().paused);
    CHECK(f.reaches([&] { return f.report().current->accepted == 2; }));
    CHECK_FALSE(f.supervisor->pause("other"));
}

TEST_CASE(
    "supervisor: a worker of which nothing is heard any more is killed, and another one takes its place") {
    SupervisorFixture f;
    f.plans[1] = "frozen";
    f.settle();
    const int old = f.report().current->pid;
    REQUIRE(f.reaches(
        [&] { return f.supervisor->due_ms() == f.clock.steady_ms() - f.slot.probation_ms + 30'000; }));
    f.clock.advance(30'000);
    REQUIRE(f.reaches([&] { return f.report().state == SlotState::Backoff; }));
    std::string history;
    for (const std::string& line : f.report().history) history += line + "\n";
    CHECK_MESSAGE(history.find("is killed: it has said nothing for 30000 ms") != std::string::npos, history);
    f.clock.advance(1000);
    REQUIRE(f.reaches(SlotState::Active, 1));
    CHECK(f.report().current->pid != old);
}

TEST_CASE(
    "supervisor: an engine of which nothing is heard any more is killed and started again; workers stay") {
    SupervisorFixture f;
    f.engine = "frozen-engine";
    f.settle();
    const int engine = f.supervisor->engine_pid(), worker = f.report().current->pid;
    REQUIRE(f.reaches(
        [&] { return f.supervisor->due_ms() == f.clock.steady_ms() - f.slot.probation_ms + 30'000; }));
    f.clock.advance(30'000);
    REQUIRE(f.reaches([&] { return !f.supervisor->engine_ready(); }));
    f.clock.advance(1000);
    REQUIRE(f.reaches([&] { return f.supervisor->engine_ready(); }));
    CHECK(f.supervisor->engine_pid() != engine);
    CHECK(f.report().current->pid == worker);
}

TEST_CASE("supervisor: while an old worker ends slowly, the other namespaces change") {
    SupervisorFixture f;
    f.plans[1] = "stubborn";
    f.start({"ns", "other"});
    const auto state = [&](std::size_t at) { return f.supervisor->report().at(at).state; };
    REQUIRE(f.reaches([&] { return state(0) == SlotState::Active && state(1) == SlotState::Active; }));
    f.clock.advance(f.slot.probation_ms);
    REQUIRE(f.reaches([&] { return f.supervisor->report().at(1).last_good == 1; }));
    f.restart(2);
    REQUIRE(f.reaches([&] { return state(0) == SlotState::Probation; }));
    f.supervisor->restart("other", "test");
    f.supervisor->turn();
    CHECK(state(1) == SlotState::Active);  // one at a time
    f.clock.advance(f.slot.probation_ms);
    REQUIRE(f.reaches([&] { return state(0) == SlotState::Draining; }));
    CHECK(f.reaches([&] { return state(1) == SlotState::Probation; }));
    CHECK(state(0) == SlotState::Draining);
}

TEST_CASE("supervisor: one that never said that it lives, being of an older program, is left alone") {
    SupervisorFixture f;
    f.settle();
    const int old = f.report().current->pid;
    f.clock.advance(1'000'000);
    f.supervisor->turn();
    CHECK(f.report().state == SlotState::Active);
    CHECK(f.report().current->pid == old);
}

TEST_CASE("supervisor: a worker that closed its channel is replaced, and is told to end by a signal") {
    SupervisorFixture f;
    f.plans[1] = "deafened";
    f.start();
    REQUIRE(f.reaches(SlotState::Active, 1));
    // Whose process has died has no channel either.
    CHECK(f.reaches([&] { return f.supervisor->due_ms() == f.clock.steady_ms() + 1000; }));
    CHECK(f.launched.size() == 1);
    f.clock.advance(1000);
    REQUIRE(f.reaches([&] { return f.launched.size() == 2; }));
    REQUIRE(f.reaches(SlotState::Active, 2));
    const auto made = f.supervisor->newest("ns");
    REQUIRE(made);
    CHECK(made->why.find("recycled: it closed the channel") == 0);
    std::string history;
    for (const std::string& line : f.report().history) history += line + "\n";
    CHECK_MESSAGE(history.find("killed") == std::string::npos, history);
}

}  // namespace tasker::host::testing
