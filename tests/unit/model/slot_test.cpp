// One row of the state machine at a time: what is told to whom, and in which order.

#include <doctest/doctest.h>

#include <string>

#include "host/model/slot.hpp"

namespace tasker::host {

namespace {
using Event = SlotEvent::Kind;
using Action = SlotAction::Kind;

struct Life {
    Slot slot;
    SlotOptions options;
    std::int64_t now = 1000;
    double jitter = 0.5;

    std::string feed(SlotEvent event) {
        static constexpr const char* kNames[] = {"spawn",       "activate", "pause", "resume",
                                                 "drain",       "ask",      "kill",  "committed",
                                                 "rolled_back", "warn",     "hold"};
        std::string out;
        for (const SlotAction& action : advance(slot, event, now, options, jitter)) {
            out += (out.empty() ? "" : ", ") + std::string(kNames[static_cast<int>(action.kind)]) + " " +
                   std::to_string(action.generation);
        }
        return out;
    }
    std::string change(Generation generation) { return feed({Event::Change, 0, generation}); }
    std::string current(Event kind) { return feed({kind, slot.current->id}); }
    std::string candidate(Event kind) { return feed({kind, slot.candidate->id}); }
    std::string later(std::int64_t ms) {
        now += ms;
        return feed({Event::Tick});
    }
    // Generation 1 claims and has stood its probation.
    void settle() {
        REQUIRE(change(1) == "spawn 1");
        REQUIRE(candidate(Event::Ready) == "activate 1");
        REQUIRE(candidate(Event::Activated).empty());
        REQUIRE(current(Event::Idle) == "committed 1");
        REQUIRE(slot.state == SlotState::Active);
    }
    void to_probation() {
        settle();
        REQUIRE(change(2) == "spawn 2");
        REQUIRE(candidate(Event::Ready) == "pause 1");
        REQUIRE(current(Event::Paused) == "activate 2");
        REQUIRE(candidate(Event::Activated).empty());
        REQUIRE(slot.state == SlotState::Probation);
    }
};
}  // namespace

TEST_CASE(
    "slot: a change is started beside the old one, let in after its pause, and committed before it is "
    "drained") {
    Life f;
    f.to_probation();
    SUBCASE("after so many accepted results") {
        CHECK(f.feed({Event::Results, f.slot.candidate->id, 0, 19}).empty());
        CHECK(f.feed({Event::Results, f.slot.candidate->id, 0, 1}) == "committed 2, drain 1");
    }
    SUBCASE("after its time") { CHECK(f.later(f.options.probation_ms) == "committed 2, drain 1"); }
    SUBCASE("when there is no work") { CHECK(f.candidate(Event::Idle) == "committed 2, drain 1"); }
    CHECK(f.slot.state == SlotState::Draining);
    CHECK(f.current(Event::Exited).empty());
    CHECK(f.slot.state == SlotState::Active);
    CHECK(f.slot.current->generation == 2);
    CHECK(f.slot.last_good == 2);
}

TEST_CASE("slot: the old one goes on when the new one does not start, dies or stays silent") {
    Life f;
    f.settle();
    REQUIRE(f.change(2) == "spawn 2");
    SUBCASE("it is not ready in time") {
        CHECK(f.later(f.options.ready_ms) == "kill 2");
        CHECK(f.slot.state == SlotState::Preparing);  // until it is gone
        CHECK(f.candidate(Event::Ready).empty());
        CHECK(f.candidate(Event::Exited) == "rolled_back 2");
    }
    SUBCASE("it dies while the old one pauses") {
        f.candidate(Event::Ready);
        CHECK(f.candidate(Event::Exited) == "rolled_back 2, resume 1");
        CHECK(f.current(Event::Paused).empty());  // crossed the wire
        CHECK(f.current(Event::Resumed).empty());
    }
    SUBCASE("it does not answer ACTIVATE") {
        f.candidate(Event::Ready);
        f.current(Event::Paused);
        CHECK(f.later(f.options.answer_ms) == "kill 2");
        CHECK(f.candidate(Event::Activated).empty());
        CHECK(f.candidate(Event::Exited) == "rolled_back 2, resume 1");
        CHECK(f.current(Event::Resumed).empty());
    }
    SUBCASE("it crashes in its probation") {
        f.candidate(Event::Ready);
        f.current(Event::Paused);
        f.candidate(Event::Activated);
        CHECK(f.candidate(Event::Exited) == "rolled_back 2, resume 1");
        CHECK(f.current(Event::Resumed).empty());
    }
    CHECK(f.slot.state == SlotState::Active);
    CHECK(f.slot.current->generation == 1);
    CHECK(f.slot.last_good == 1);
}

TEST_CASE("slot: an old one that does not pause is killed, and the new one is let in only after its end") {
    Life f;
    f.settle();
    f.change(2);
    f.candidate(Event::Ready);
    CHECK(f.later(f.options.answer_ms) == "kill 1");
    CHECK(f.slot.state == SlotState::Pausing);
    CHECK(f.current(Event::Exited) == "activate 2");
    CHECK(f.candidate(Event::Activated).empty());
    CHECK(f.slot.current->generation == 2);
    CHECK(f.later(f.options.probation_ms) == "committed 2");
}

TEST_CASE("slot: errors of the new one are a warning, or a rollback where that is set") {
    Life f;
    f.options.rollback_on_errors = false;
    SUBCASE("rollback") { f.options.rollback_on_errors = true; }
    SUBCASE("warning") {}
    f.settle();
    f.feed({Event::Results, f.slot.current->id, 0, 100, 10});
    f.change(2);
    f.candidate(Event::Ready);
    f.current(Event::Paused);
    f.candidate(Event::Activated);
    CHECK(f.feed({Event::Results, f.slot.candidate->id, 0, 10, 4}).empty());
    const std::string told = f.feed({Event::Results, f.slot.candidate->id, 0, 2, 1});
    CHECK(told == (f.options.rollback_on_errors ? "kill 2" : "warn 2"));
    CHECK(f.feed({Event::Results, f.slot.candidate->id, 0, 1, 1}).empty());  // said once
}

TEST_CASE(
    "slot: a crash is followed by the last good generation, later each time, and five of them by nothing") {
    Life f;
    f.options.loop_crashes = 3;
    f.settle();
    CHECK(f.current(Event::Exited).empty());
    CHECK(f.slot.state == SlotState::Backoff);
    CHECK(f.later(f.options.backoff_ms / 2 - 1).empty());
    CHECK(f.later(1) == "spawn 1");
    f.candidate(Event::Ready);
    f.candidate(Event::Activated);
    CHECK(f.current(Event::Exited).empty());
    CHECK(f.later(f.options.backoff_ms - 1).empty());
    CHECK(f.later(1) == "spawn 1");
    CHECK(f.candidate(Event::Exited) == "hold 1");
    CHECK(f.slot.state == SlotState::Held);
    CHECK(next_tick(f.slot) == SlotProcess::kNoDeadline);
    SUBCASE("until a change comes") { CHECK(f.change(2) == "spawn 2"); }
    SUBCASE("or somebody says so") { CHECK(f.feed({Event::Start}) == "spawn 1"); }
}

TEST_CASE(
    "slot: a generation that crashes before it has stood its probation is given up for the last good one") {
    Life f;
    f.settle();
    f.change(2);
    f.candidate(Event::Ready);
    f.later(f.options.answer_ms);
    f.current(Event::Exited);
    f.candidate(Event::Activated);
    CHECK(f.current(Event::Exited) == "rolled_back 2");
    CHECK(f.later(f.options.backoff_ms) == "spawn 1");
}

TEST_CASE(
    "slot: to be killed from outside while it works is no crash, however often; before that it is one") {
    Life f;
    f.options.loop_crashes = 2;
    f.settle();
    for (int i = 0; i < 5; ++i) {
        CHECK(f.feed({.kind = Event::Exited, .process = f.slot.current->id, .from_outside = true}).empty());
        CHECK(f.later(f.options.backoff_ms / 2 - 1).empty());
        CHECK(f.later(1) == "spawn 1");
        f.candidate(Event::Ready);
        f.candidate(Event::Activated);
        REQUIRE(f.slot.state == SlotState::Active);
    }
    f.current(Event::Exited);
    REQUIRE(f.later(f.options.backoff_ms) == "spawn 1");
    CHECK(f.feed({.kind = Event::Exited, .process = f.slot.candidate->id, .from_outside = true}) == "hold 1");
}

TEST_CASE("slot: a process that lived long begins the back-off anew") {
    Life f;
    f.settle();
    f.slot.failures = 6;
    f.now += f.options.healthy_ms;
    f.current(Event::Exited);
    CHECK(next_tick(f.slot) == f.now + f.options.backoff_ms / 2);
}

TEST_CASE("slot: a change that comes meanwhile waits, and the newest one wins") {
    Life f;
    f.to_probation();
    CHECK(f.change(3).empty());
    CHECK(f.change(4).empty());
    f.candidate(Event::Idle);
    CHECK(f.current(Event::Exited) == "spawn 4");
    CHECK(f.change(5) == "kill 4");  // it is old before it was ready
    CHECK(f.candidate(Event::Exited) == "rolled_back 4, spawn 5");
}

TEST_CASE("slot: a drain asks after its time and kills after some more") {
    Life f;
    f.to_probation();
    f.candidate(Event::Idle);
    CHECK(f.later(f.options.soft_drain_ms - 1).empty());
    CHECK(f.later(1) == "ask 1");
    CHECK(f.later(f.options.hard_drain_ms) == "kill 1");
    CHECK(f.later(1'000'000).empty());
}

TEST_CASE(
    "slot: when the new one dies while the old one drains, the next start waits for the old one's end") {
    Life f;
    f.to_probation();
    f.candidate(Event::Idle);
    f.candidate(Event::Exited);
    CHECK(f.slot.state == SlotState::BackoffDraining);
    CHECK(f.later(f.options.backoff_ms).empty());
    CHECK(f.current(Event::Exited).empty());
    CHECK(f.later(f.options.backoff_ms) == "spawn 2");  // it was committed
}

TEST_CASE(
    "slot: without an overlap the new one starts after the old one's end, and the last good one where it "
    "fails") {
    Life f;
    f.options.overlap = false;
    f.settle();
    CHECK(f.change(2) == "drain 1");
    CHECK(f.slot.state == SlotState::Stopping);
    CHECK(f.change(3).empty());
    CHECK(f.current(Event::Exited) == "spawn 3");
    CHECK(f.candidate(Event::Ready) == "activate 3");
    CHECK(f.candidate(Event::Activated).empty());
    SUBCASE("it proves itself") {
        CHECK(f.later(f.options.probation_ms) == "committed 3");
        CHECK(f.slot.last_good == 3);
    }
    SUBCASE("it crashes") {
        CHECK(f.current(Event::Exited) == "rolled_back 3");
        CHECK(f.later(f.options.backoff_ms) == "spawn 1");
    }
    SUBCASE("an operator stops it meanwhile") {
        CHECK(f.change(4) == "drain 3");
        CHECK(f.feed({Event::Stop}).empty());
        CHECK(f.current(Event::Exited).empty());
        CHECK(f.slot.state == SlotState::Idle);
        CHECK(f.feed({Event::Start}) == "spawn 4");
    }
}

TEST_CASE("slot: a stop drains what claims, kills what does not, and starts nothing until told so") {
    Life f;
    f.settle();
    f.change(2);
    CHECK(f.feed({Event::Stop}) == "drain 1, kill 2");
    CHECK(f.change(3).empty());
    CHECK(f.current(Event::Exited).empty());
    CHECK(f.candidate(Event::Exited).empty());
    CHECK(f.slot.state == SlotState::Idle);
    CHECK(f.change(4).empty());
    CHECK(f.feed({Event::Start}) == "spawn 4");
    CHECK(f.feed({Event::Kill}) == "kill 4");
}

TEST_CASE("slot: what a process says that is gone or was told nothing changes nothing") {
    Life f;
    f.settle();
    const SlotProcessId gone = 77;
    for (const Event kind : {Event::Ready, Event::Paused, Event::Activated, Event::Resumed, Event::Exited,
                             Event::Results, Event::Idle})
        CHECK(f.feed({kind, gone}).empty());
    for (const Event kind : {Event::Ready, Event::Paused, Event::Activated, Event::Resumed})
        CHECK(f.current(kind).empty());
    CHECK(f.slot.state == SlotState::Active);
}

}  // namespace tasker::host
