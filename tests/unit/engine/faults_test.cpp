// One operation that the store refuses costs itself: everything else goes on, and nothing stays claimed.

#include <doctest/doctest.h>

#include <atomic>
#include <filesystem>
#include <memory>
#include <string>

#include "host/core/named_thread.hpp"
#include "host/engine/sqlite.hpp"
#include "host/engine/store_lock.hpp"
#include "host/logging/sinks.hpp"
#include "tests/unit/engine/engine_fixture.hpp"

using namespace tasker::host;
using namespace tasker::host::testing;
namespace fs = std::filesystem;

namespace {
constexpr std::chrono::seconds kLimit{10};

// The store with a trigger that refuses what it describes.
struct Refusing : EngineFixture {
    explicit Refusing(const std::string& trigger) {
        open({linear_template()});
        close();
        SqlConnection connection(options.store, SqlConnection::Mode::ReadWrite);
        connection.exec("CREATE TRIGGER refuse " + trigger +
                        " BEGIN SELECT RAISE(ABORT, 'refused here'); END");
        connection.exec("PRAGMA wal_checkpoint(TRUNCATE)");
        connection.close();
        open({linear_template()});
    }
};

// Another task, after the fault: the engine goes on.
void check_goes_on(EngineFixture& fixture) {
    const Uuid other = fixture.submit(request("linear", R"({"n":2})"));
    for (int i = 0; i < 4; ++i) fixture.succeed(fixture.next_event());
    CHECK(fixture.view(other).state == TaskState::Complete);
}
}  // namespace

TEST_CASE("Faults: a result that the store refuses is recorded as a failure that says so") {
    Refusing fixture("BEFORE INSERT ON attempt WHEN NEW.event = 0 AND NEW.envelope LIKE '%unlucky%'");
    fixture.attach();
    const Uuid task = fixture.submit(request("linear"));
    const StepEvent event = fixture.next_event();
    CHECK(fixture.complete(event.event_id, success(event, R"({"value":"unlucky"})")) ==
          CompletionVerdict::Accepted);
    const StepView step = fixture.step(task, "a");
    CHECK(step.state == StepState::Error);
    CHECK(step.results_json.find("the store refused the result") != std::string::npos);
    CHECK(step.results_json.find("INVALID_RESULT") != std::string::npos);
    CHECK(fixture.view(task).state == TaskState::BlockedByFailures);
    CHECK(fixture.runtime->status().claimed == 0);
    CHECK(fixture.engine->check().empty());
}

TEST_CASE("Faults: a step whose every result is refused is set aside and frees its slot") {
    Refusing fixture("BEFORE INSERT ON attempt WHEN NEW.attempt_id >> 22 = 1");
    fixture.attach(1);
    const Uuid task = fixture.submit(request("linear", R"({"n":1})"));
    const StepEvent event = fixture.next_event();
    REQUIRE(fixture.step(task, "a").state == StepState::InProgress);
    CHECK(fixture.succeed(event) == CompletionVerdict::Superseded);
    CHECK(fixture.step(task, "a").state == StepState::Error);
    CHECK(fixture.view(task).state == TaskState::BlockedByFailures);
    check_goes_on(fixture);  // the only slot is free again
}

TEST_CASE("Faults: a claim that the store refuses does not undo the submission it came with") {
    Refusing fixture("BEFORE UPDATE ON step WHEN NEW.state = 2 AND NEW.neg_prio = -666");
    fixture.attach();
    TaskRequest wanted = request("linear", R"({"n":1})");
    wanted.priority = 666;
    const Uuid task = fixture.submit(wanted);
    REQUIRE(eventually(kLimit, [&] { return fixture.step(task, "a").state == StepState::Error; }));
    CHECK(fixture.view(task).state == TaskState::BlockedByFailures);
    const auto audit = fixture.engine->tasks().step_audit(task, fixture.step(task, "a").step_uuid);
    CHECK_FALSE(audit.empty());
    check_goes_on(fixture);
}

TEST_CASE("Faults: a dependent that cannot be claimed does not cost its parent the result") {
    Refusing fixture("BEFORE UPDATE ON step WHEN NEW.state = 2 AND NEW.step_id = 2");
    fixture.attach();
    const Uuid task = fixture.submit(request("linear"));
    CHECK(fixture.succeed(fixture.next_event()) == CompletionVerdict::Accepted);
    CHECK(fixture.step(task, "a").state == StepState::Complete);
    REQUIRE(eventually(kLimit, [&] { return fixture.step(task, "b").state == StepState::Error; }));
}

TEST_CASE("Faults: what could not be read back is refused as the result of its step") {
    EngineFixture fixture;
    fixture.open({linear_template()});
    fixture.attach();
    const auto refused = [&](auto&& spoil) {
        const Uuid task =
            fixture.submit(request("linear", R"({"n":)" + std::to_string(++fixture.flushes) + "}"));
        const StepEvent event = fixture.next_event();
        StepExecutionResult result = success(event);
        spoil(result);
        CHECK(fixture.complete(event.event_id, std::move(result)) == CompletionVerdict::Accepted);
        const StepView step = fixture.step(task, "a");
        CHECK(step.state == StepState::Error);
        CHECK(step.results_json.find("INVALID_RESULT") != std::string::npos);
    };
    refused([](StepExecutionResult& result) { result.result_json = "{not json"; });
    refused([](StepExecutionResult& result) { result.result_json = "\"\\u0000\""; });
    refused([](StepExecutionResult& result) { result.metadata_json = "[]"; });
    refused([](StepExecutionResult& result) {
        result.success = false;
        result.error = StepError{"it broke", "handler_error", "", true, "{broken"};
    });
}

TEST_CASE("Faults: a callback that throws is logged and changes nothing") {
    EngineFixture fixture;
    const auto sink = std::make_shared<CaptureSink>();
    fixture.log_sink = sink;
    fixture.open({linear_template()});
    fixture.attach();
    const Uuid task = fixture.submit(request("linear"));
    const StepEvent event = fixture.next_event();
    fixture.runtime->complete_step_event(event.event_id, success(event), [](CompletionVerdict) { throw 42; });
    CHECK(fixture.succeed(fixture.next_event()) == CompletionVerdict::Accepted);
    CHECK(fixture.step(task, "a").state == StepState::Complete);
    CHECK(sink->contains("must not throw"));
}

TEST_CASE("Faults: a leap of the wall clock gives up no step that waits for a handler") {
    EngineFixture fixture;
    fixture.options.missing_handler_timeout_ms = 3'600'000;
    fixture.open({linear_template()});
    fixture.attach(16, {{"ns", "ns.other", "", 10}});
    const Uuid task = fixture.submit(request("linear"));
    fixture.clock.advance(400'000);  // nobody has served it for longer than a restart takes
    fixture.engine->tasks().list({});
    fixture.clock.jump_wall(90'000'000);
    for (int i = 0; i < 3; ++i) {
        fixture.clock.advance(1100);
        fixture.engine->tasks().cancel(
            fixture.submit(request("linear", "{\"n\":" + std::to_string(i) + "}")));
    }
    CHECK(fixture.step(task, "a").state == StepState::Enqueued);
    CHECK(fixture.step(task, "a").attempts == 0);  // nor given up and tried again meanwhile
    // An hour of waiting is still an hour.
    fixture.clock.advance(3'600'000);
    REQUIRE(eventually(kLimit, [&] { return fixture.step(task, "a").state != StepState::Enqueued; }));
}

TEST_CASE("Faults: a view never mixes two states of the store") {
    EngineFixture fixture;
    std::vector<StepText> steps;
    for (int i = 0; i < 12; ++i) steps.push_back({"s" + std::to_string(i), {}});
    fixture.open({make_template("wide", steps)});
    fixture.attach(64);
    std::atomic<bool> over = false;
    std::atomic<int> torn = 0, seen = 0;
    std::atomic<const Uuid*> watched = nullptr;
    NamedThread reader("reader", [&](const std::stop_token&) {
        while (!over) {
            const Uuid* task = watched.load();
            if (task == nullptr) continue;
            const TaskView view = fixture.view(*task);
            int complete = 0;
            for (const StepView& step : view.steps) complete += step.state == StepState::Complete ? 1 : 0;
            if ((complete == view.total_steps) != (view.state == TaskState::Complete)) ++torn;
            ++seen;
        }
    });
    std::vector<std::unique_ptr<Uuid>> tasks;
    for (int round = 0; round < 60; ++round) {
        tasks.push_back(
            std::make_unique<Uuid>(fixture.submit(request("wide", "{\"n\":" + std::to_string(round) + "}"))));
        watched = tasks.back().get();
        std::vector<StepEvent> events = fixture.next_events(12);
        std::atomic<int> done = 0;
        for (const StepEvent& event : events)
            fixture.runtime->complete_step_event(event.event_id, success(event),
                                                 [&](CompletionVerdict) { ++done; });
        REQUIRE(eventually(kLimit, [&] { return done == 12; }));
    }
    REQUIRE(eventually(kLimit, [&] { return seen > 100; }));
    over = true;
    reader.join();
    CHECK(torn == 0);
}

TEST_CASE("Faults: two names of one store are one store") {
    EngineFixture fixture;
    fixture.open({linear_template()});
    fixture.close();
    const fs::path link = fixture.folder / "link.db";
    fs::create_symlink(fixture.options.store, link);
    fixture.options.store = link;
    fixture.open({linear_template()});
    fixture.clock.advance(6000);  // the writer looks after its file
    CHECK(std::holds_alternative<Uuid>(fixture.engine->tasks().create(request("linear"))));
    fixture.close();
    auto first = StoreLock::try_acquire(link, "host");
    REQUIRE(std::holds_alternative<StoreLock>(first));
    CHECK(std::holds_alternative<StoreHolder>(StoreLock::try_acquire(fixture.folder / "tasker.db", "host")));
}

TEST_CASE("Faults: results that cannot be recorded before the end are told by stop()") {
    EngineFixture fixture;
    fixture.open({linear_template()});
    fixture.attach();
    fixture.submit(request("linear"));
    const StepEvent event = fixture.next_event();
    fs::remove(fixture.options.store.string() + "-wal");
    fixture.clock.advance(6000);
    REQUIRE(eventually(kLimit, [&] { return fixture.runtime->status().store_lost; }));
    fixture.runtime->complete_step_event(event.event_id, success(event));
    CHECK_THROWS_AS(fixture.engine->stop(), StoreUnavailable);
    CHECK_NOTHROW(fixture.engine->stop());
}
