#include <doctest/doctest.h>
#include <signal.h>
#include <sys/resource.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <future>

#include "host/core/failpoint.hpp"
#include "host/core/named_thread.hpp"
#include "host/engine/embedded_runtime.hpp"
#include "host/engine/sqlite.hpp"
#include "host/engine/store_file.hpp"
#include "host/logging/sinks.hpp"
#include "tests/unit/engine/engine_fixture.hpp"

using namespace tasker::host;
using namespace tasker::host::testing;
namespace fs = std::filesystem;

namespace {
constexpr std::chrono::seconds kLimit{10};
}  // namespace

TEST_CASE("One bad row of a batch fails alone") {
    EngineFixture fixture;
    fixture.open({linear_template()});
    fixture.close();
    {
        SqlConnection connection(fixture.options.store, SqlConnection::Mode::ReadWrite);
        connection.exec(
            "CREATE TRIGGER bad BEFORE INSERT ON task WHEN NEW.priority = 666 "
            "BEGIN SELECT RAISE(ABORT, 'bad row'); END");
        connection.exec("PRAGMA wal_checkpoint(TRUNCATE)");
    }
    fixture.open({linear_template()});
    std::vector<TaskRequest> requests;
    for (int i = 0; i < 20; ++i) {
        requests.push_back(request("linear", R"({"n":)" + std::to_string(i) + "}"));
        if (i == 7) requests.back().priority = 666;
    }
    const auto outcomes = fixture.engine->tasks().create_batch(requests);
    for (std::size_t i = 0; i < outcomes.size(); ++i) {
        CAPTURE(i);
        CHECK(std::holds_alternative<Uuid>(outcomes[i]) == (i != 7));
    }
    CHECK(std::get<Refused>(outcomes[7]).message.find("bad row") != std::string::npos);
    CHECK(fixture.engine->info().tasks == 19);
    CHECK(fixture.engine->check().empty());
}

TEST_CASE("The same result twice counts once") {
    EngineFixture fixture;
    fixture.open({linear_template()});
    fixture.attach();
    const Uuid task = fixture.submit(request("linear"));
    const StepEvent event = fixture.next_event();
    std::atomic<int> accepted{0}, repeated{0};
    for (int i = 0; i < 5; ++i) {
        fixture.runtime->complete_step_event(event.event_id, success(event), [&](CompletionVerdict verdict) {
            ++(verdict == CompletionVerdict::Accepted ? accepted : repeated);
            CHECK(verdict != CompletionVerdict::Superseded);
        });
    }
    REQUIRE(eventually(kLimit, [&] { return accepted + repeated == 5; }));
    CHECK(accepted == 1);
    CHECK(fixture.succeed(event) == CompletionVerdict::AlreadyRecorded);
    CHECK(fixture.step(task, "b").completed_parents == 1);
    CHECK(fixture.engine->check().empty());
}

TEST_CASE("A result after the engine's own time-out is refused and its handler revoked") {
    EngineFixture fixture;
    fixture.options.default_step_timeout_ms = 1000;
    fixture.options.deadline_backstop_ms = 500;
    fixture.open({linear_template()});
    fixture.attach();
    const Uuid task = fixture.submit(request("linear"));
    const StepEvent event = fixture.next_event();
    fixture.clock.advance(1499);
    CHECK(fixture.runtime->take_revocations().empty());
    fixture.clock.advance(1);
    std::vector<Revocation> revoked;
    REQUIRE(eventually(kLimit, [&] { return !(revoked = fixture.runtime->take_revocations()).empty(); }));
    CHECK(revoked.front().event_id == event.event_id);
    CHECK(revoked.front().why == Revocation::Why::TimedOut);
    CHECK(fixture.succeed(event) == CompletionVerdict::Superseded);
    const StepView step = fixture.step(task, "a");
    CHECK(step.state == StepState::WaitingForRetry);
    CHECK(step.results_json.find("HANDLER_TIMEOUT") != std::string::npos);
    fixture.clock.advance(2000);
    const StepEvent again = fixture.next_event();
    CHECK(again.task_sequence_step.workflow_step.attempts == 1);
    REQUIRE(again.task_sequence_step.workflow_step.previous_result);
    CHECK(again.task_sequence_step.workflow_step.previous_result->find("handler_timeout") !=
          std::string::npos);
}

TEST_CASE("A step of a previous life is ready again at once, uncharged and told so") {
    EngineFixture fixture;
    fixture.open({linear_template()});
    fixture.attach();
    const Uuid task = fixture.submit(request("linear"));
    const StepEvent lost = fixture.next_event();
    const fs::path copied = fixture.folder / "killed.db";
    fs::copy_file(fixture.options.store, copied);
    fs::copy_file(wal_path(fixture.options.store), wal_path(copied));
    fixture.close();
    fixture.options.store = copied;
    fixture.open({linear_template()});
    fixture.attach();
    const StepEvent again = fixture.next_event();
    CHECK(again.step_uuid == lost.step_uuid);
    CHECK(again.event_id != lost.event_id);
    CHECK(again.task_sequence_step.workflow_step.attempts == 0);
    CHECK_FALSE(again.first_delivery);
    const auto audit = fixture.engine->tasks().step_audit(task, again.step_uuid);
    REQUIRE(audit.size() == 1);
    CHECK(audit.front().event == "worker_lost");
    CHECK(fixture.engine->check().empty());
}

TEST_CASE("No more than eight dependents in a row are handed straight back while others wait") {
    EngineFixture fixture;
    std::vector<StepText> chain;
    for (int i = 0; i < 12; ++i) {
        chain.push_back({"s" + std::to_string(i), {}});
        if (i > 0) chain.back().needs = {"s" + std::to_string(i - 1)};
    }
    fixture.open({make_template("chain", chain), linear_template()});
    fixture.attach(1);
    const Uuid busy = fixture.submit(request("chain"));
    StepEvent event = fixture.next_event();
    const Uuid waiting = fixture.submit(request("linear"));
    int in_a_row = 0;
    while (event.task_uuid == busy && in_a_row < 12) {
        ++in_a_row;
        fixture.succeed(event);
        event = fixture.next_event();
    }
    CHECK(in_a_row == 9);  // the first by a claim, eight handed back
    CHECK(event.task_uuid == waiting);
}

TEST_CASE("A dependent is not handed back past a ready step of higher priority") {
    EngineFixture fixture;
    fixture.open({linear_template()});
    fixture.attach(1);
    fixture.submit(request("linear"));
    const StepEvent first = fixture.next_event();
    TaskRequest urgent = request("linear", R"({"urgent":true})");
    urgent.priority = 10;
    const Uuid task = fixture.submit(urgent);
    fixture.succeed(first);
    CHECK(fixture.next_event().task_uuid == task);
}

TEST_CASE("The clock set back makes no timer wait longer than its delay") {
    EngineFixture fixture;
    fixture.open({linear_template()});
    fixture.attach();
    const Uuid task = fixture.submit(request("linear"));
    fixture.fail(fixture.next_event());
    REQUIRE(fixture.step(task, "a").next_retry_ms);
    fixture.clock.jump_wall(-3'600'000);
    REQUIRE(eventually(
        kLimit, [&] { return *fixture.step(task, "a").next_retry_ms <= fixture.clock.unix_ms() + 2000; }));
    CHECK(fixture.runtime->poll_step_events(1).empty());
    fixture.clock.advance(2000);
    CHECK(fixture.next_event().task_sequence_step.workflow_step.attempts == 1);
}

TEST_CASE("The clock set forward fires a timer once") {
    EngineFixture fixture;
    fixture.open({linear_template()});
    fixture.attach();
    fixture.submit(request("linear"));
    fixture.fail(fixture.next_event());
    fixture.clock.jump_wall(3'600'000);
    const StepEvent again = fixture.next_event();
    CHECK(again.task_sequence_step.workflow_step.attempts == 1);
    fixture.clock.jump_wall(3'600'000);
    fixture.flush();
    CHECK(fixture.engine->info().running_steps == 1);
    CHECK(fixture.succeed(again) == CompletionVerdict::Accepted);
}

TEST_CASE("A task whose definition is damaged stops nobody else") {
    EngineFixture fixture;
    fixture.open({linear_template(), linear_template("other")});
    const Uuid broken = fixture.submit(request("linear"));
    const Uuid sound = fixture.submit(request("other"));
    fixture.close();
    {
        SqlConnection connection(fixture.options.store, SqlConnection::Mode::ReadWrite);
        connection.exec("UPDATE template SET definition = '{' WHERE name = 'linear'");
        connection.exec("PRAGMA wal_checkpoint(TRUNCATE)");
    }
    fixture.open({linear_template("other")});
    fixture.attach();
    CHECK(fixture.next_event().task_uuid == sound);
    static_cast<void>(broken);
    const auto open_tasks = fixture.engine->info().ready_steps;
    CHECK(open_tasks == 0);
}

TEST_CASE("A full disk keeps results, refuses submissions, says so once and ends by itself") {
    EngineFixture fixture;
    auto captured = std::make_shared<CaptureSink>();
    fixture.log_sink = captured;
    fixture.open({linear_template()});
    fixture.attach();
    const Uuid task = fixture.submit(request("linear"));
    const StepEvent event = fixture.next_event();

    struct rlimit before {};
    getrlimit(RLIMIT_FSIZE, &before);
    signal(SIGXFSZ, SIG_IGN);
    struct rlimit full = before;
    full.rlim_cur = static_cast<rlim_t>(fs::file_size(wal_path(fixture.options.store)));
    setrlimit(RLIMIT_FSIZE, &full);
    std::atomic<bool> done{false};
    fixture.runtime->complete_step_event(event.event_id, success(event), [&](CompletionVerdict verdict) {
        CHECK(verdict == CompletionVerdict::Accepted);
        done = true;
    });
    const bool troubled = eventually(kLimit, [&] { return !fixture.engine->trouble().empty(); });
    const auto refused = fixture.engine->tasks().create(request("linear", R"({"n":2})"));
    fixture.clock.advance(1000);
    fixture.clock.advance(1000);
    const bool early = done;
    setrlimit(RLIMIT_FSIZE, &before);

    CHECK(troubled);
    CHECK_FALSE(early);
    REQUIRE(std::holds_alternative<Refused>(refused));
    CHECK(std::get<Refused>(refused).why == Refusal::Unavailable);
    CHECK(fixture.runtime->status().core_status == "unavailable");
    fixture.clock.advance(1000);
    REQUIRE(eventually(kLimit, [&] { return done.load(); }));
    CHECK(fixture.engine->trouble().empty());
    CHECK(fixture.step(task, "a").state == StepState::Complete);
    CHECK(fixture.engine->check().empty());
    int errors = 0;
    for (const LogRecord& record : captured->records()) errors += record.level == LogLevel::Error ? 1 : 0;
    CHECK(errors == 1);
}

TEST_CASE("A store file that was replaced while in use is noticed and not written to again") {
    EngineFixture fixture;
    fixture.open({linear_template()});
    fixture.submit(request("linear"));
    fs::rename(fixture.options.store, fixture.folder / "moved.db");
    fixture.folder.write("tasker.db", "not the store");
    fixture.clock.advance(5000);
    REQUIRE(eventually(kLimit, [&] { return !fixture.engine->trouble().empty(); }));
    const auto refused = fixture.engine->tasks().create(request("linear", R"({"n":2})"));
    CHECK(std::get<Refused>(refused).why == Refusal::Unavailable);
}

#ifdef TASKER_FAILPOINTS
TEST_CASE("A failure at any point before the commit changes nothing, and the result is recorded later") {
    for (const char* point :
         {"complete.before_tx", "complete.after_fence", "complete.after_result", "complete.before_commit"}) {
        CAPTURE(point);
        EngineFixture fixture;
        fixture.open({linear_template()});
        fixture.attach();
        const Uuid task = fixture.submit(request("linear"));
        const StepEvent event = fixture.next_event();
        arm_failpoints(std::string(point) + "=error@1");
        std::atomic<int> verdict{-1};
        fixture.runtime->complete_step_event(event.event_id, success(event),
                                             [&](CompletionVerdict v) { verdict = static_cast<int>(v); });
        CHECK(eventually(kLimit, [&] { return !fixture.engine->trouble().empty(); }));
        CHECK(verdict == -1);
        CHECK(fixture.step(task, "a").state == StepState::InProgress);
        arm_failpoints("");
        fixture.clock.advance(1000);
        CHECK(eventually(kLimit, [&] { return verdict == static_cast<int>(CompletionVerdict::Accepted); }));
        CHECK(fixture.next_event().task_sequence_step.workflow_step.name == "b");
        CHECK(fixture.engine->check().empty());
    }
}

TEST_CASE("A submission that fails before its commit is answered unavailable and leaves nothing") {
    EngineFixture fixture;
    fixture.open({linear_template()});
    arm_failpoints("submit.before_commit=error@1");
    const auto refused = fixture.engine->tasks().create(request("linear"));
    arm_failpoints("");
    CHECK(std::get<Refused>(refused).why == Refusal::Unavailable);
    fixture.clock.advance(1000);
    CHECK(eventually(kLimit, [&] { return fixture.engine->trouble().empty(); }));
    CHECK(fixture.engine->info().tasks == 0);
    fixture.submit(request("linear"));
}
#endif

// A gate on the writer: the callback of one result holds it while the others and the stop arrive.
TEST_CASE("What is finished is recorded before a stop hands the rest back, however much it is") {
    constexpr int kSteps = 700;
    EngineFixture fixture;
    std::vector<StepText> steps;
    for (int i = 0; i < kSteps; ++i) steps.push_back({"s" + std::to_string(i), {}});
    fixture.open({make_template("wide", steps)});
    fixture.attach(kSteps);
    const Uuid task = fixture.submit(request("wide"));
    const std::vector<StepEvent> events = fixture.next_events(kSteps);
    std::promise<void> held, open;
    std::atomic<int> accepted = 0;
    fixture.runtime->complete_step_event(events[0].event_id, success(events[0]), [&](CompletionVerdict) {
        held.set_value();
        open.get_future().wait();
    });
    held.get_future().wait();
    for (int i = 1; i < kSteps - 1; ++i) {
        const StepEvent& event = events[static_cast<std::size_t>(i)];
        fixture.runtime->complete_step_event(event.event_id, success(event), [&](CompletionVerdict verdict) {
            accepted += verdict == CompletionVerdict::Accepted ? 1 : 0;
        });
    }
    NamedThread stopping("stop", [&](const std::stop_token&) { fixture.runtime->stop(); });
    REQUIRE(eventually(kLimit, [&] { return fixture.runtime->status().core_status == "stopped"; }));
    open.set_value();
    stopping.join();
    CHECK(accepted == kSteps - 2);
    const TaskView view = fixture.view(task);
    CHECK(view.completed_steps == kSteps - 1);
    CHECK(view.enqueued_steps == 1);
}

// The writer is held by a callback while a result and a cancel arrive, so that one transaction takes both: the result
// hands a dependent to the session, the cancel takes it back.
TEST_CASE("A step that one batch hands on and takes back is never handed out") {
    EngineFixture fixture;
    fixture.open({linear_template()});
    const Uuid task = fixture.submit(request("linear"));
    fixture.close();
    const auto writer = std::make_shared<StoreWriter>(
        open_store(fixture.options, fixture.clock, fixture.random), fixture.options, fixture.clock,
        fixture.random, Logger(), std::make_shared<PinnedTemplates>());
    const auto readers = std::make_shared<ReadPool>(fixture.options.store);
    writer->start();
    {
        EmbeddedRuntime runtime(writer, writer->open_session({"w1", {"ns"}}), readers);
        runtime.set_capacity({16, {{"ns", "ns.work", "", 16}}});
        const auto next = [&] {
            std::vector<StepEvent> events;
            REQUIRE(eventually(kLimit, [&] {
                events = runtime.poll_step_events(1);
                return !events.empty();
            }));
            return events.front();
        };
        const StepEvent first = next();
        std::promise<void> held, open;
        runtime.complete_step_event(first.event_id, success(first), [&](CompletionVerdict) {
            held.set_value();
            open.get_future().wait();
        });
        held.get_future().wait();
        const StepEvent second = next();
        std::atomic<int> verdict{-1};
        runtime.complete_step_event(second.event_id, success(second),
                                    [&](CompletionVerdict v) { verdict = static_cast<int>(v); });
        const auto row = writer->ids().parse(RowKind::Task, task);
        REQUIRE(row.has_value());
        std::optional<Refused> refused;
        Ticket ticket(1);
        CHECK(writer->push(CancelOp{row->id, row->created_ms, &refused, &ticket}));
        open.set_value();
        ticket.wait();
        CHECK_FALSE(refused.has_value());
        CHECK(eventually(kLimit, [&] { return verdict == static_cast<int>(CompletionVerdict::Accepted); }));
        CHECK(runtime.poll_step_events(10).empty());
        CHECK(runtime.take_revocations().empty());
        CHECK(runtime.status().claimed == 0);
    }
    writer->stop();
}

// Case 100. Rounds of 64 tasks in four steps: each round's results arrive while the writer is held, so that one transaction
// takes them all and hands their dependents on.
TEST_CASE("A batch of 64 results costs at most half a log frame a step") {
    constexpr std::size_t kTasks = 64;
    constexpr std::uint64_t kFrame = 4096 + 24;
    EngineFixture fixture;
    TaskTemplate definition = linear_template();
    fixture.open({definition});
    for (std::size_t i = 0; i < kTasks; ++i)
        fixture.submit(request("linear", R"({"n":)" + std::to_string(i) + "}"));
    fixture.attach(kTasks);
    std::vector<StepEvent> events = fixture.next_events(kTasks);
    const std::uint64_t before = fixture.engine->info().wal_bytes;
    for (int round = 0; round < 4; ++round) {
        std::promise<void> held, open;
        // Told by the writer's thread; it says what became of an event that never was.
        fixture.runtime->complete_step_event(Uuid{}, success(events[0]), [&](CompletionVerdict) {
            held.set_value();
            open.get_future().wait();
        });
        held.get_future().wait();
        std::atomic<std::size_t> accepted = 0;
        for (const StepEvent& event : events) {
            fixture.runtime->complete_step_event(
                event.event_id, success(event), [&](CompletionVerdict verdict) {
                    accepted += verdict == CompletionVerdict::Accepted ? 1 : 0;
                });
        }
        open.set_value();
        REQUIRE(eventually(kLimit, [&] { return accepted == kTasks; }));
        if (round < 3) events = fixture.next_events(kTasks);
    }
    const std::uint64_t frames = (fixture.engine->info().wal_bytes - before) / kFrame;
    CAPTURE(frames);
    CHECK(frames > 0);
    CHECK(frames <= kTasks * 4 / 2);
}
