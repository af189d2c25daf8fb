// Leases over a start of the engine.

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/file.h>

#include <utility>

#include "host/core/guarded.hpp"
#include "tests/unit/engine/dead_worker.hpp"
#include "tests/unit/engine/link_fixture.hpp"

using namespace tasker::host;
using namespace tasker::host::testing;
using namespace std::chrono_literals;

namespace {
using Events = std::vector<std::string>;

// The claims of one worker that is left to itself.
struct Left {
    std::vector<Uuid> tasks;
    std::vector<HeldClaim> held;
};

Left leave_behind(LinkFixture& f, int count) {
    Left left;
    for (int i = 0; i < count; ++i) left.tasks.push_back(f.submit_single());
    auto session = f.engine->open_session({"w1", {"ns"}});
    session->set_capacity({100, {{"ns", "ns.work", "", 100}}});
    std::size_t polled = 0;
    if (!eventually(10s, [&] {
            polled += session->poll_step_events(100).size();
            return polled == static_cast<std::size_t>(count);
        }))
        throw std::runtime_error("not claimed");
    left.held = session->held();
    session->leave();
    session.reset();
    return left;
}

std::vector<Uuid> adopt(EngineSession& session, std::vector<HeldClaim> held) {
    Guarded<std::optional<std::vector<Uuid>>> answer;
    session.adopt(std::move(held), [&](std::vector<Uuid> gone) {
        answer.with([&](auto& value) { value = std::move(gone); });
    });
    std::vector<Uuid> gone;
    if (!eventually(10s, [&] {
            return answer.with([&](auto& value) {
                if (value) gone = *value;
                return value.has_value();
            });
        }))
        throw std::runtime_error("no answer");
    return gone;
}
}  // namespace

TEST_CASE("a start of the engine: 50 running steps go on, none is lost, run twice or charged") {
    LinkFixture f;
    f.attach_client(50);
    std::vector<Uuid> tasks;
    for (int i = 0; i < 50; ++i) tasks.push_back(f.submit_single());
    REQUIRE(eventually(10s, [&] { return f.runtime->status().claimed == 50; }));
    const auto running = f.runtime->poll_step_events(50);
    REQUIRE(running.size() == 50);
    std::vector<PendingAnswer> answers;
    for (std::size_t i = 0; i < 10; ++i) answers.emplace_back(*f.runtime, running[i]);
    f.shut_down();
    for (std::size_t i = 10; i < 30; ++i) answers.emplace_back(*f.runtime, running[i]);
    f.start();
    REQUIRE(f.all_back_attached());
    for (std::size_t i = 30; i < 50; ++i) answers.emplace_back(*f.runtime, running[i]);
    for (const PendingAnswer& answer : answers) CHECK(answer.wait() == CompletionVerdict::Accepted);
    for (const Uuid& task : tasks) {
        CHECK(f.history(task) == Events{"succeeded"});
        CHECK(f.step(task, "a").attempts == 1);
    }
    CHECK(f.runtime->take_revocations().empty());
    CHECK(f.engine->check().empty());
    // Its credits are free again.
    const Uuid next = f.submit_single();
    CHECK(f.next_event().task_uuid == next);
}

TEST_CASE("a start of the engine: what nobody lists is taken back when the window ends, uncharged") {
    LinkFixture f;
    const Left left = leave_behind(f, 3);
    f.restart();
    f.clock.advance(kWindowMs - 1);
    f.flush();
    for (const Uuid& task : left.tasks) CHECK(f.step(task, "a").state == StepState::InProgress);
    f.attach_client(10);
    f.clock.advance(1);
    const auto events = f.next_events(3);
    for (const StepEvent& event : events) {
        CHECK_FALSE(event.first_delivery);
        CHECK(event.task_sequence_step.workflow_step.attempts == 0);
        CHECK(f.succeed(event) == CompletionVerdict::Accepted);
    }
    for (const Uuid& task : left.tasks) CHECK(f.history(task) == Events{"worker_lost", "succeeded"});
}

TEST_CASE("a start of the engine without a window takes everything back at once") {
    LinkFixture f;
    const Left left = leave_behind(f, 1);
    f.options.reattach_window_ms = 0;
    f.restart();
    CHECK(f.history(left.tasks.front()) == Events{"worker_lost"});
    auto session = f.engine->open_session({"w1", {"ns"}});
    CHECK(adopt(*session, left.held).size() == 1);
}

TEST_CASE("a start of the engine without a window leaves the steps of workers that still live") {
    LinkFixture f;
    f.options.flight_folder = f.folder / "flight";
    f.restart();
    const Left left = leave_behind(f, 1);
    const auto recorder = f.options.flight_folder / f.uuids.next().str();
    DeadWorker().leave_in(recorder);
    OwnedFd living(open(recorder.c_str(), O_RDWR | O_CLOEXEC));
    REQUIRE(flock(living.get(), LOCK_EX | LOCK_NB) == 0);
    const auto window = std::exchange(f.options.reattach_window_ms, 0);
    f.restart();
    f.clock.advance(10'000);
    f.flush();
    CHECK(f.history(left.tasks.front()).empty());
    SUBCASE("for the engine that comes then") {
        f.options.reattach_window_ms = window;
        f.restart();
        auto session = f.engine->open_session({"w1", {"ns"}});
        CHECK(adopt(*session, left.held).empty());
        CHECK(session->status().claimed == 1);
    }
    SUBCASE("until they are gone") {
        living.reset();
        f.clock.advance(1000);
        CHECK(eventually(10s, [&] { return f.history(left.tasks.front()) == Events{"worker_lost"}; }));
    }
}

TEST_CASE("a start of the engine: a claim is adopted once, under its fence only") {
    LinkFixture f;
    const Left left = leave_behind(f, 2);
    f.restart();
    auto session = f.engine->open_session({"w1", {"ns"}});
    auto other = f.engine->open_session({"w2", {"ns"}});
    HeldClaim wrong = left.held[0];
    ++wrong.fence;
    HeldClaim unknown = left.held[0];
    unknown.step_uuid = f.uuids.next();
    HeldClaim absurd = left.held[0];
    absurd.fence = 0xffffffffU;
    CHECK(adopt(*other, {wrong}).size() == 1);
    CHECK(adopt(*other, {unknown}).size() == 1);
    CHECK(adopt(*other, {absurd}).size() == 1);
    CHECK(adopt(*session, {left.held[0]}).empty());
    CHECK(adopt(*other, {left.held[0]}) == std::vector<Uuid>{left.held[0].event_id});
    CHECK(session->status().claimed == 1);
    CHECK(other->status().claimed == 0);
    // Listing it again keeps it; listing nothing gives it back.
    CHECK(adopt(*session, {left.held[0]}).empty());
    CHECK(session->status().claimed == 1);
    CHECK(adopt(*session, {}).empty());
    CHECK(eventually(10s, [&] { return session->status().claimed == 0; }));
}

TEST_CASE("a start of the engine: a task that is cancelled in the window is gone for its worker") {
    LinkFixture f;
    const Left left = leave_behind(f, 1);
    f.restart();
    CHECK_FALSE(f.engine->tasks().cancel(left.tasks.front()).has_value());
    CHECK(f.history(left.tasks.front()) == Events{"cancelled"});
    auto session = f.engine->open_session({"w1", {"ns"}});
    CHECK(adopt(*session, left.held) == std::vector<Uuid>{left.held[0].event_id});
    f.clock.advance(kWindowMs);
    f.flush();
    CHECK(f.history(left.tasks.front()) == Events{"cancelled"});
}

TEST_CASE("a start of the engine: a claim that was adopted keeps its deadline and its limit") {
    LinkFixture f;
    const Left left = leave_behind(f, 1);
    f.options.default_step_timeout_ms = 1000;
    f.restart();
    auto session = f.engine->open_session({"w1", {"ns"}});
    REQUIRE(adopt(*session, left.held).empty());
    session->set_capacity({1, {{"ns", "ns.work", "", 1}}});
    f.submit_single();
    f.flush();
    CHECK_MESSAGE(session->poll_step_events(5).empty(), "the one slot is taken");
    f.clock.advance(1000 + f.options.deadline_backstop_ms);
    CHECK(eventually(10s, [&] { return f.history(left.tasks.front()) == Events{"timed_out"}; }));
}
