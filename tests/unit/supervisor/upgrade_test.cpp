// A supervisor that takes the place of another one in the same process.

#include <doctest/doctest.h>
#include <unistd.h>

#include "tests/unit/supervisor/supervisor_fixture.hpp"

namespace tasker::host::testing {

TEST_CASE("supervisor: another one in the same process takes its children over, and goes on where it was") {
    SupervisorFixture f;
    f.settle();
    REQUIRE(f.supervisor->pause("ns"));
    REQUIRE(f.supervisor->at_rest());
    const SlotReport before = f.report();
    const auto handed = handover_from(to_json(f.supervisor->handover()));
    REQUIRE(handed);
    // As an exec leaves it: nobody ends, nothing is closed.
    const std::unique_ptr<Supervisor> replaced = std::move(f.supervisor);
    SupervisorFixture g;
    g.make();
    Handover copies = *handed;
    const auto copy = [](Handover::Child& child) { child.channel = ::dup(child.channel); };
    copy(copies.engine);
    copy(copies.namespaces.at(0).workers.at(0).child);
    g.supervisor->take_over(copies);
    CHECK(g.supervisor->engine_pid() == replaced->engine_pid());
    const SlotReport after = g.report();
    CHECK(after.current->pid == before.current->pid);
    CHECK(after.current->generation == 1);
    CHECK(after.last_good == 1);
    CHECK(after.paused);
    CHECK(after.history == before.history);
    CHECK(g.supervisor->at_rest());
    kill(after.current->pid, SIGKILL);
    CHECK(g.reaches(SlotState::Backoff, 0));
}

TEST_CASE("supervisor: it is not at rest while something is on its way") {
    SupervisorFixture f;
    f.start();
    CHECK_FALSE(f.supervisor->at_rest());
    REQUIRE(f.reaches(SlotState::Active, 1));
    CHECK(f.supervisor->at_rest());
    f.plans[2] = "silent";
    f.restart(2);
    CHECK_FALSE(f.supervisor->at_rest());
    f.supervisor->stop();
    CHECK_FALSE(f.supervisor->at_rest());
}

TEST_CASE("handover: a text that is none, of another version, or not at rest, is nothing") {
    Handover good;
    good.namespaces.emplace_back().name = "ns";
    REQUIRE(handover_from(to_json(good)));
    CHECK_FALSE(handover_from(""));
    CHECK_FALSE(handover_from("{}"));
    std::string other = to_json(good);
    other.replace(other.find("\"version\":1"), 11, "\"version\":2");
    CHECK_FALSE(handover_from(other));
    good.namespaces[0].slot.state = SlotState::Probation;
    CHECK_FALSE(handover_from(to_json(good)));
}

}  // namespace tasker::host::testing
