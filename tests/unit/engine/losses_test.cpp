// What becomes of the steps of a worker that died, by what its flight recorder says.

#include <doctest/doctest.h>

#include "host/core/json_view.hpp"
#include "host/model/loss.hpp"
#include "tests/unit/engine/dead_worker.hpp"
#include "tests/unit/engine/engine_fixture.hpp"

using namespace tasker::host;
using namespace tasker::host::testing;
using namespace std::chrono_literals;

namespace {
using Events = std::vector<std::string>;
namespace fs = std::filesystem;

struct Losses : EngineFixture {
    std::unique_ptr<EngineSession> session;
    Uuid session_uuid;
    UuidGenerator uuids{clock, random};
    int singles = 0;

    Losses() {
        options.flight_folder = folder / "flight";
        options.durability = Durability::Process;
        start();
    }
    ~Losses() { session.reset(); }
    void start() {
        open({linear_template(),
              make_template("single", {{"a", {}, "ns.work", R"({"retryable":true,"max_attempts":1})"}})});
        work();
    }
    // A new worker that takes what comes.
    void work() {
        session_uuid = uuids.next();
        session = engine->open_session({"w1", {"ns"}, session_uuid});
        session->set_capacity({100, {{"ns", "ns.work", "", 100}}});
    }
    fs::path flight() const { return options.flight_folder / session_uuid.str(); }
    std::vector<Uuid> submit_singles(int count) {
        std::vector<Uuid> tasks;
        for (int i = 0; i < count; ++i)
            tasks.push_back(submit(request("single", R"({"n":)" + std::to_string(++singles) + "}")));
        return tasks;
    }
    // The steps of these tasks, all claimed by the session.
    std::vector<StepEvent> take(const std::vector<Uuid>& tasks) {
        std::vector<StepEvent> events;
        const bool all = eventually(10s, [&] {
            for (StepEvent& event : session->poll_step_events(100)) events.push_back(std::move(event));
            return events.size() == tasks.size();
        });
        if (!all) throw std::runtime_error("not all are claimed: " + std::to_string(events.size()));
        std::vector<StepEvent> sorted;
        for (const Uuid& task : tasks) {
            for (const StepEvent& event : events)
                if (event.task_uuid == task) sorted.push_back(event);
        }
        return sorted;
    }
    void die(const FlightReports& reports) {
        std::atomic<bool> ended = false;
        session->lose("the worker's process ended", reports, [&](std::size_t) { ended = true; });
        if (!eventually(10s, [&] { return ended.load(); })) throw std::runtime_error("no answer");
        session.reset();
    }
    // The whole host dies: worker and engine are one process.
    void die_with_engine() {
        session->leave();
        session.reset();
        engine.reset();
    }
    Events history(const Uuid& task) {
        Events events;
        for (const StepAuditRecord& record :
             engine->tasks().step_audit(task, view(task).steps.at(0).step_uuid))
            events.push_back(record.event);
        return events;
    }
    bool answer(const StepEvent& event) {
        std::atomic<int> verdict{-1};
        session->complete_step_event(event.event_id, success(event),
                                     [&](CompletionVerdict v) { verdict = static_cast<int>(v); });
        return eventually(10s, [&] { return verdict >= 0; }) &&
               verdict == static_cast<int>(CompletionVerdict::Accepted);
    }
};
}  // namespace

TEST_CASE("losses: the third crash of a step is a permanent error; its neighbours run on, uncharged") {
    Losses f;
    const auto tasks = f.submit_singles(3);
    for (int crash = 1; crash <= 3; ++crash) {
        CAPTURE(crash);
        const auto events = f.take(tasks);
        for (const StepEvent& event : events) {
            CHECK(event.task_sequence_step.workflow_step.attempts == 0);
            CHECK(event.first_delivery == (crash == 1));
        }
        // The third was claimed and not started.
        f.die(DeadWorker().ran(events[0]).ran(events[1]).crashed().reports());
        CHECK(f.step(tasks[1], "a").crashes == crash);
        CHECK(f.step(tasks[1], "a").attempts == 0);
        for (const std::size_t other : {0U, 2U}) {
            CHECK(f.step(tasks[other], "a").crashes == 0);
            CHECK(f.step(tasks[other], "a").attempts == 0);
            CHECK(f.step(tasks[other], "a").state == StepState::Enqueued);
        }
        if (crash < 3) CHECK(f.step(tasks[1], "a").state == StepState::Enqueued);
        f.work();
    }
    const StepView poison = f.step(tasks[1], "a");
    CHECK(poison.state == StepState::Error);
    CHECK(f.view(tasks[1]).state == TaskState::BlockedByFailures);
    const std::string error(json_member(poison.results_json, "error").value_or(""));
    CHECK(json_string_member(error, "error_type") == "poison_step");
    CHECK(json_string_member(error, "error_code") == "POISON_STEP");
    CHECK(json_member(error, "retryable") == "false");
    CHECK(
        json_string_member(error, "message") ==
        "the step crashed its worker 3 times, the last time with signal 11 (Segmentation fault) in callable "
        "'ns.work' of plugin 'orders'");
    CHECK(f.history(tasks[1]) == Events{"crashed", "crashed", "crashed"});
    for (const StepEvent& event : f.take({tasks[0], tasks[2]})) CHECK(f.answer(event));
    CHECK(f.history(tasks[0]) == Events{"worker_lost", "worker_lost", "worker_lost", "succeeded"});
    CHECK(f.step(tasks[0], "a").attempts == 1);
    CHECK(f.engine->check().empty());
}

TEST_CASE("losses: an operator's reset starts the count again") {
    Losses f;
    const auto tasks = f.submit_singles(1);
    for (int crash = 1; crash <= 3; ++crash) {
        f.die(DeadWorker().ran(f.take(tasks)[0]).crashed().reports());
        f.work();
    }
    REQUIRE(f.step(tasks[0], "a").state == StepState::Error);
    StepAction reset;
    reset.kind = StepAction::Kind::ResetForRetry;
    reset.by = "ops";
    reset.reason = "mended";
    REQUIRE_FALSE(f.engine->tasks().act_on_step(tasks[0], f.step(tasks[0], "a").step_uuid, reset));
    CHECK(f.step(tasks[0], "a").crashes == 0);
    f.die(DeadWorker().ran(f.take(tasks)[0]).crashed().reports());
    CHECK(f.step(tasks[0], "a").crashes == 1);
    f.work();
    CHECK(f.answer(f.take(tasks)[0]));
    CHECK(f.engine->check().empty());
}

TEST_CASE("losses: a host that dies with its worker finds the culprit at its next start, three times") {
    Losses f;
    const auto tasks = f.submit_singles(2);
    for (int crash = 1; crash <= 3; ++crash) {
        CAPTURE(crash);
        const auto events = f.take(tasks);
        const fs::path flight = f.flight();
        DeadWorker().ran(events[1]).ran(events[0]).crashed(6).leave_in(flight);
        f.die_with_engine();
        if (crash == 2)
            f.options.reattach_window_ms = 5000;  // what nobody comes back for is judged at its end
        f.start();
        if (crash == 2) {
            CHECK(f.step(tasks[0], "a").state == StepState::InProgress);
            CHECK(fs::exists(flight));
            f.options.reattach_window_ms = 0;
            f.clock.advance(5000);
            f.flush();
        }
        CHECK(f.step(tasks[0], "a").crashes == crash);
        CHECK(f.step(tasks[1], "a").crashes == 0);
        CHECK_FALSE(fs::exists(flight));
        f.clock.advance(1);
    }
    CHECK(f.step(tasks[0], "a").state == StepState::Error);
    CHECK(f.answer(f.take({tasks[1]})[0]));
    CHECK(f.engine->check().empty());
}

TEST_CASE("losses: a report that is still there says nothing about the next run of its step") {
    Losses f;
    const auto tasks = f.submit_singles(1);
    const DeadWorker dead = DeadWorker().ran(f.take(tasks)[0]).crashed();
    const fs::path flight = f.flight();
    dead.leave_in(flight);
    f.die_with_engine();
    f.clock.advance(1);
    f.start();
    REQUIRE(f.step(tasks[0], "a").crashes == 1);
    static_cast<void>(f.take(tasks));
    dead.leave_in(flight);  // as if the file had outlived a death right after the commit
    f.die_with_engine();
    f.start();
    CHECK(f.step(tasks[0], "a").crashes == 1);
    CHECK(f.history(tasks[0]) == Events{"crashed", "worker_lost"});
}

TEST_CASE("losses: a file that cannot be believed blames nobody, and is cleared away") {
    Losses f;
    const auto tasks = f.submit_singles(1);
    const std::string sound = DeadWorker().ran(f.take(tasks)[0]).crashed().bytes();
    fs::create_directories(f.options.flight_folder);
    std::string text;
    SUBCASE("cut off") { text = sound.substr(0, sound.size() - 1); }
    SUBCASE("another version") {
        text = sound;
        text[8] = 99;
    }
    SUBCASE("another boot") {
        text = sound;
        text[16] = static_cast<char>(text[16] + 1);
    }
    SUBCASE("empty") {}
    std::ofstream(f.flight(), std::ios::binary) << text;
    const fs::path flight = f.flight();
    f.die_with_engine();
    f.start();
    CHECK(f.history(tasks[0]) == Events{"worker_lost"});
    CHECK(f.step(tasks[0], "a").crashes == 0);
    CHECK_FALSE(fs::exists(flight));
}

TEST_CASE("losses: a lost session's file goes once its steps are taken back, a living one's stays") {
    Losses f;
    const auto tasks = f.submit_singles(1);
    const DeadWorker dead = DeadWorker().ran(f.take(tasks)[0]).crashed();
    dead.leave_in(f.flight());
    const fs::path flight = f.flight(), other = f.options.flight_folder / f.uuids.next().str();
    dead.leave_in(other);
    f.die(dead.reports());
    CHECK_FALSE(fs::exists(flight));
    CHECK(fs::exists(other));
    CHECK(f.step(tasks[0], "a").crashes == 1);
}

TEST_CASE(
    "losses: who runs when the worker dies for no known reason waits longer each time, and ends at the "
    "tenth") {
    Losses f;
    const auto tasks = f.submit_singles(1);
    const std::vector<std::int64_t> delays{0, 1000, 2000, 4000, 8000, 16'000, 32'000, 60'000, 60'000};
    for (const std::int64_t delay : delays) {
        CAPTURE(delay);
        f.die(DeadWorker().ran(f.take(tasks)[0]).reports());
        const StepView step = f.step(tasks[0], "a");
        CHECK(step.attempts == 0);
        CHECK(step.crashes == 0);
        CHECK(step.state == (delay == 0 ? StepState::Enqueued : StepState::WaitingForRetry));
        f.work();
        if (delay == 0) continue;
        f.clock.advance(delay - 1);
        f.flush();
        CHECK(f.step(tasks[0], "a").state == StepState::WaitingForRetry);
        f.clock.advance(1);
    }
    f.die(DeadWorker().ran(f.take(tasks)[0]).reports());
    const StepView poison = f.step(tasks[0], "a");
    CHECK(poison.state == StepState::Error);
    CHECK(poison.results_json.find("10 times in a row") != std::string::npos);
    CHECK(poison.results_json.find("POISON_STEP") != std::string::npos);
    CHECK(f.history(tasks[0]) == Events(10, "worker_lost"));
    CHECK(f.engine->check().empty());
}

TEST_CASE("losses: an answer of its own starts the count again") {
    Losses f;
    f.engine->set_catalog(std::make_shared<const TemplateCatalog>(std::vector<TaskTemplate>{make_template(
        "patient", {{"a", {}, "ns.work", R"({"retryable":true,"max_attempts":9,"backoff":"none"})"}})}));
    const std::vector<Uuid> tasks{f.submit(request("patient"))};
    for (int round = 0; round < 3; ++round) {
        CAPTURE(round);
        f.die(DeadWorker().ran(f.take(tasks)[0]).reports());
        CHECK(f.step(tasks[0], "a").state == StepState::Enqueued);
        f.work();
        const StepEvent event = f.take(tasks)[0];
        std::atomic<bool> told = false;
        f.session->complete_step_event(event.event_id, failure(event),
                                       [&](CompletionVerdict) { told = true; });
        REQUIRE(eventually(10s, [&] { return told.load(); }));
    }
    CHECK(f.history(tasks[0]) ==
          Events{"worker_lost", "failed", "worker_lost", "failed", "worker_lost", "failed"});
}

TEST_CASE("losses: suspects of a namespace run one at a time; a turn lasts a minute at most") {
    Losses f;
    const auto tasks = f.submit_singles(4);
    for (int death = 0; death < 2; ++death) {
        DeadWorker dead;
        for (const StepEvent& event : f.take(tasks)) dead.ran(event);
        f.die(dead.reports());
        f.work();
    }
    const auto waiting = [&] {
        int count = 0;
        for (const Uuid& task : tasks) count += f.step(task, "a").state == StepState::WaitingForRetry ? 1 : 0;
        return count;
    };
    // Whoever has the turn now.
    const auto next = [&] {
        std::vector<StepEvent> running;
        if (!eventually(10s, [&] {
                running = f.session->poll_step_events(10);
                return !running.empty();
            }))
            throw std::runtime_error("nobody has the turn");
        CHECK(running.size() == 1);
        return running.front();
    };
    CHECK(waiting() == 4);
    for (int left = 3; left >= 2; --left) {
        CAPTURE(left);
        f.clock.advance(1000);
        const StepEvent event = next();
        f.clock.advance(50'000);
        f.flush();
        CHECK(waiting() == left);
        CHECK(f.session->poll_step_events(10).empty());
        CHECK(f.answer(event));
    }
    f.clock.advance(1000);
    const StepEvent slow = next();
    f.clock.advance(60'000);
    const StepEvent last = next();
    CHECK(f.answer(slow));
    CHECK(f.answer(last));
    CHECK(f.engine->check().empty());
}
