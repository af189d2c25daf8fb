// The store's second life: what a stop, and what a killed process, leaves behind.

#include <algorithm>
#include <csignal>
#include <memory>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "host/core/failpoint.hpp"
#include "host/core/json_view.hpp"
#include "tests/conformance/embedded_deployment.hpp"
#include "tests/conformance/runtime_suite.hpp"
#include "tests/support/child_process.hpp"
#include "tests/support/eventually.hpp"

namespace tasker::host::conformance {

using namespace std::chrono_literals;

namespace {

EmbeddedDeployment& embedded(World& world) { return static_cast<EmbeddedDeployment&>(world.deployment()); }

testing::ChildOptions victim_of(const std::filesystem::path& store, const std::string& mode) {
    testing::ChildOptions options;
    options.argv = {TASKER_BINARY_DIR "/tests/conformance_victim", store.string(), mode};
    return options;
}

// The lines "KEY UUID" that the victim wrote.
std::vector<Uuid> ids(const std::string& output, const std::string& key) {
    std::vector<Uuid> found;
    std::istringstream lines(output);
    for (std::string word, uuid; lines >> word >> uuid;) {
        if (word != key) continue;
        if (const auto parsed = Uuid::parse(uuid)) found.push_back(*parsed);
    }
    return found;
}

// An engine on the real clock, as the victim has it.
struct Survivor {
    explicit Survivor(const std::filesystem::path& store) {
        EngineOptions options;
        options.store = store;
        options.create = false;
        engine = Engine::open(options, clock, random, Logger{});
        engine->set_catalog(std::make_shared<const TemplateCatalog>(
            std::vector<TaskTemplate>{diamond(), approval(), graph("single", {{"only"}})}));
    }
    SystemClock clock;
    SystemRandom random;
    std::unique_ptr<Engine> engine;
};

// Answers everything that comes until every task is complete; how often each step was claimed, and whether each claim
// was charged as a first attempt.
struct Served {
    std::multiset<std::string> steps;
    std::set<std::string> first_deliveries;
    bool all_uncharged = true;
};
Served serve(Engine& engine, std::int64_t tasks) {
    const auto runtime = engine.attach({"survivor", {kNamespace}});
    runtime->set_capacity(capacity(50));
    Served served;
    TaskFilter complete;
    complete.state = TaskState::Complete;
    CHECK(testing::eventually(60s, [&] {
        for (const StepEvent& event : runtime->poll_step_events(100)) {
            served.steps.insert(event.step_uuid.str());
            if (event.first_delivery) served.first_deliveries.insert(event.step_uuid.str());
            served.all_uncharged =
                served.all_uncharged && event.task_sequence_step.workflow_step.attempts == 0;
            runtime->complete_step_event(event.event_id, success(event));
        }
        return engine.tasks().list(complete).total == tasks;
    }));
    CHECK(runtime->stop() == 0);
    return served;
}

}  // namespace

TEST_CASE("E: everything is still there after a stop, and goes on where it was") {
    World world({diamond()});
    const Uuid half = world.submit("diamond");
    world.succeed(world.take("a"), R"({"from":"a"})");
    static_cast<void>(world.take("b"));
    const Uuid retrying = world.submit("diamond");
    world.fail(world.take("a"));
    const std::int64_t delay = world.delay_of(retrying, "a");

    CHECK(world.runtime().stop() >= 1);
    world.detach();
    embedded(world).restart();
    CHECK(world.step(half, "a").state == StepState::Complete);
    CHECK(world.step(half, "a").results_json.find(R"("from":"a")") != std::string::npos);
    CHECK(world.step(half, "b").state == StepState::Enqueued);
    CHECK(world.step(half, "b").attempts == 0);
    CHECK(world.step(retrying, "a").state == StepState::WaitingForRetry);
    CHECK(world.step(retrying, "a").attempts == 1);
    CHECK(world.delay_of(retrying, "a") == delay);

    world.attach("next-worker", capacity(100));
    world.pass("b");
    const StepEvent c = world.take("c");
    CHECK(c.task_sequence_step.dependency_results.size() == 1);
    world.succeed(c);
    world.pass("d");
    CHECK(world.state(half) == TaskState::Complete);
    CHECK(world.not_offered("a"));
    world.advance(delay);
    world.pass("a");
    CHECK(embedded(world).engine().check().empty());
}

TEST_CASE("E: a session that ends without a stop gives its steps back uncharged") {
    World world({graph("single", {{"only", {}, attempts(1)}})});
    const Uuid task = world.submit("single");
    const StepEvent first = world.take("only");
    world.detach();
    world.attach("next-worker", capacity(10));
    const StepEvent second = world.take("only");
    CHECK(second.step_uuid == first.step_uuid);
    CHECK(second.task_sequence_step.workflow_step.attempts == 0);
    CHECK(world.answer(first, success(first)) == CompletionVerdict::Superseded);
    world.succeed(second);
    CHECK(world.state(task) == TaskState::Complete);
}

TEST_CASE("E: what a killed host had acknowledged is there, and what it was running runs again uncharged") {
    testing::TempDir folder;
    const auto store = folder / "tasker.db";
    testing::ChildProcess victim(victim_of(store, "hold"));
    REQUIRE_MESSAGE(victim.wait_for_out("holding", 30s), victim.err());
    victim.signal(SIGKILL);
    REQUIRE(victim.wait(20s) == testing::ExitStatus{-1, SIGKILL});
    const auto tasks = ids(victim.out(), "task");
    const auto completed = ids(victim.out(), "completed");
    const auto running = ids(victim.out(), "running");
    REQUIRE(tasks.size() == 10);
    REQUIRE(completed.size() == 3);
    REQUIRE(running.size() == 4);

    Survivor survivor(store);
    CHECK(survivor.engine->check().empty());
    for (const Uuid& task : tasks) CHECK(survivor.engine->tasks().get(task).has_value());
    CHECK(survivor.engine->info().running_steps == 0);
    const Served served = serve(*survivor.engine, 10);
    CHECK(served.all_uncharged);
    CHECK(served.steps.size() == 40 - completed.size());
    for (const Uuid& step : completed) CHECK(served.steps.count(step.str()) == 0);
    for (const Uuid& step : running) {
        CHECK(served.steps.count(step.str()) == 1);
        CHECK_MESSAGE(served.first_deliveries.count(step.str()) == 0,
                      "a lost attempt must not look like the first");
    }
    CHECK(survivor.engine->check().empty());
}

TEST_CASE("E: the audit of a killed worker's step says worker_lost") {
    testing::TempDir folder;
    const auto store = folder / "tasker.db";
    testing::ChildProcess victim(victim_of(store, "hold"));
    REQUIRE_MESSAGE(victim.wait_for_out("holding", 30s), victim.err());
    static_cast<void>(victim.kill_and_wait());
    const auto running = ids(victim.out(), "running");
    Survivor survivor(store);
    for (const Uuid& task : ids(victim.out(), "task")) {
        const auto view = survivor.engine->tasks().get(task);
        REQUIRE(view.has_value());
        for (const StepView& step : view->steps) {
            if (std::find(running.begin(), running.end(), step.step_uuid) == running.end()) continue;
            const auto audit = survivor.engine->tasks().step_audit(task, step.step_uuid);
            REQUIRE(audit.size() == 1);
            CHECK(audit[0].event == "worker_lost");
            CHECK_FALSE(audit[0].success);
            CHECK(step.attempts == 0);
            CHECK(step.crashes == 0);
        }
    }
}

TEST_CASE("E: killed again and again while it works, the store loses nothing and records nothing twice") {
    testing::TempDir folder;
    const auto store = folder / "tasker.db";
    std::size_t accepted = 0;
    std::set<std::string> reported;
    for (std::size_t round = 1; round <= 8; ++round) {
        testing::ChildProcess victim(victim_of(store, "work"));
        // Another number of completed steps each round, so that the kill falls at another point.
        REQUIRE(testing::eventually(30s, [&] {
            static_cast<void>(victim.wait_for_out("completed", 1ms));
            static_cast<void>(victim.running());
            return ids(victim.out(), "completed").size() >= 5 * round || !victim.running();
        }));
        REQUIRE_MESSAGE(victim.running(), victim.err());
        static_cast<void>(victim.kill_and_wait());
        accepted += ids(victim.out(), "task").size();
        for (const Uuid& step : ids(victim.out(), "completed")) CHECK(reported.insert(step.str()).second);
        Survivor survivor(store);
        CHECK(survivor.engine->check().empty());
        for (const Uuid& task : ids(victim.out(), "task"))
            CHECK(survivor.engine->tasks().get(task).has_value());
        // A commit whose answer was lost is allowed, the other way round is not.
        CHECK(static_cast<std::size_t>(survivor.engine->tasks().list({}).total) >= accepted);
    }
    Survivor survivor(store);
    const auto total = survivor.engine->tasks().list({}).total;
    const Served served = serve(*survivor.engine, total);
    CHECK(served.all_uncharged);
    for (const std::string& step : served.steps) CHECK(reported.count(step) == 0);
    CHECK(std::set<std::string>(served.steps.begin(), served.steps.end()).size() == served.steps.size());
    CHECK(survivor.engine->check().empty());
}

// Each named point of a transaction, and the moments before and after it.
TEST_CASE("E: whatever moment the host dies at, what it acknowledged is there and nothing counts twice" *
          doctest::skip(!kFailpointsCompiledIn)) {
    for (const char* point : {"submit.before_commit", "submit.after_commit", "claim.before_commit",
                              "claim.after_commit", "complete.before_tx", "complete.after_fence",
                              "complete.after_result", "complete.before_commit", "complete.after_commit"}) {
        for (const int hit : {1, 3}) {
            const std::string armed = std::string(point) + "=crash@" + std::to_string(hit);
            CAPTURE(armed);
            testing::TempDir folder;
            auto options = victim_of(folder / "tasker.db", "work");
            options.argv.push_back(armed);
            testing::ChildProcess victim(options);
            REQUIRE(victim.wait(60s) == testing::ExitStatus{-1, SIGKILL});
            Survivor survivor(folder / "tasker.db");
            CHECK(survivor.engine->check().empty());
            for (const Uuid& task : ids(victim.out(), "task"))
                CHECK(survivor.engine->tasks().get(task).has_value());
            const Served served = serve(*survivor.engine, survivor.engine->tasks().list({}).total);
            CHECK(served.all_uncharged);
            for (const Uuid& step : ids(victim.out(), "completed"))
                CHECK(served.steps.count(step.str()) == 0);
            CHECK(std::set<std::string>(served.steps.begin(), served.steps.end()).size() ==
                  served.steps.size());
            CHECK(survivor.engine->check().empty());
        }
    }
}

// The branches are there exactly when the decision is complete, wherever the host dies.
TEST_CASE("E44: a decision and its branches are one transaction" * doctest::skip(!kFailpointsCompiledIn)) {
    for (const char* point :
         {"complete.before_tx", "complete.after_result", "complete.before_commit", "complete.after_commit"}) {
        CAPTURE(point);
        testing::TempDir folder;
        auto options = victim_of(folder / "tasker.db", "decide");
        options.argv.push_back(std::string(point) + "=crash@2");
        testing::ChildProcess victim(options);
        REQUIRE(victim.wait(60s) == testing::ExitStatus{-1, SIGKILL});
        const auto tasks = ids(victim.out(), "task");
        REQUIRE(tasks.size() == 1);

        Survivor survivor(folder / "tasker.db");
        CHECK(survivor.engine->check().empty());
        const TaskView view = survivor.engine->tasks().get(tasks[0]).value();
        const bool decided = view.steps.at(1).state == StepState::Complete;
        CHECK(decided == (std::string(point) == "complete.after_commit"));
        CHECK(view.total_steps == (decided ? 5 : 2));

        const auto runtime = survivor.engine->attach({"survivor", {kNamespace}});
        runtime->set_capacity(capacity(10));
        CHECK(testing::eventually(60s, [&] {
            for (const StepEvent& event : runtime->poll_step_events(10)) {
                const bool route = step_name(event) == "route";
                runtime->complete_step_event(event.event_id,
                                             success(event, route ? create_steps({"small"}) : "{}"));
            }
            return survivor.engine->tasks().get(tasks[0])->state == TaskState::Complete;
        }));
        CHECK(survivor.engine->tasks().get(tasks[0])->total_steps == 5);
        CHECK(survivor.engine->check().empty());
    }
}

// Lost claims are not charged, so the attempt that went on is the first one still.
TEST_CASE("E56: killed between a yield and what follows, the step goes on from its cursor") {
    testing::TempDir folder;
    const auto store = folder / "tasker.db";
    testing::ChildProcess victim(victim_of(store, "yield"));
    REQUIRE_MESSAGE(victim.wait_for_out("holding", 30s), victim.err());
    static_cast<void>(victim.kill_and_wait());
    const auto tasks = ids(victim.out(), "task");
    REQUIRE(tasks.size() == 1);

    Survivor survivor(store);
    CHECK(survivor.engine->check().empty());
    const auto runtime = survivor.engine->attach({"survivor", {kNamespace}});
    runtime->set_capacity(capacity(10));
    std::vector<StepEvent> events;
    REQUIRE(testing::eventually(30s, [&] {
        events = runtime->poll_step_events(10);
        return !events.empty();
    }));
    REQUIRE(events.size() == 1);
    const auto& step = events[0].task_sequence_step.workflow_step;
    REQUIRE(step.checkpoint_json != nullptr);
    CHECK(json_member(*step.checkpoint_json, "cursor") == "7");
    CHECK(json_member(*step.checkpoint_json, "items_processed") == "70");
    CHECK(step.attempts == 0);
    CHECK_FALSE(events[0].first_delivery);
    runtime->complete_step_event(events[0].event_id, success(events[0]));
    CHECK(testing::eventually(
        30s, [&] { return survivor.engine->tasks().get(tasks[0])->state == TaskState::Complete; }));
    CHECK(survivor.engine->tasks().get(tasks[0])->steps[0].attempts == 1);
    CHECK(survivor.engine->check().empty());
}

}  // namespace tasker::host::conformance
