// Cases 64 and 79-82 of the embedded engine: stale tasks, dead letters, what pruning leaves behind. And the same after a
// restart.

#include <string>

#include "tests/conformance/embedded_deployment.hpp"
#include "tests/conformance/runtime_suite.hpp"
#include "tests/support/eventually.hpp"

namespace tasker::host::conformance {

namespace {
using namespace std::chrono_literals;
constexpr std::int64_t kMinute = 60'000, kDay = 24 * 60 * kMinute;

// A step may run for as long as the case wants.
WorldOptions patient(Capacity offered = capacity(500)) {
    WorldOptions options;
    options.deployment.default_step_timeout_ms = 0;
    options.capacity = std::move(offered);
    return options;
}

EmbeddedDeployment& embedded(World& world) { return static_cast<EmbeddedDeployment&>(world.deployment()); }
Engine& engine(World& world) { return embedded(world).engine(); }

std::vector<DlqEntry> entries(World& world) { return engine(world).dlq().list({}); }

// Whole rounds of the detector, until the task is given up. A round that saw the clock leap says nothing, so there may
// be more than one.
bool given_up(World& world, const Uuid& task) {
    const auto gone = [&] { return world.state(task) == TaskState::Error; };
    for (int round = 0; round < 8; ++round) {
        world.advance(5 * kMinute);
        if (testing::eventually(2s, gone)) return true;
    }
    return false;
}

// Rounds of the detector, each of which was certainly run: a task that must be given up in it was.
void rounds(World& world, int count) {
    for (int i = 0; i < count; ++i) {
        const Uuid canary = world.submit("alarm");
        world.advance(2 * kMinute);
        REQUIRE(given_up(world, canary));
    }
}

TaskTemplate with_lifecycle(const TaskTemplate& definition, const std::string& members) {
    std::string json = definition.definition_json;
    const std::string none = "\"lifecycle\":null", own = "\"lifecycle\":{" + members + "}";
    if (const auto at = json.find(none); at != std::string::npos) {
        json.replace(at, none.size(), own);
    } else {
        json.insert(1, own + ",");
    }
    return template_from_json(json);
}
TaskTemplate in_process(const TaskTemplate& definition, std::int64_t minutes) {
    return with_lifecycle(definition, "\"max_steps_in_process_minutes\":" + std::to_string(minutes));
}
TaskTemplate canary() { return in_process(graph("alarm", {{"nobody", {}, {}, "not_served"}}), 1); }

void act(World& world, const Uuid& task, std::string_view step, StepAction::Kind kind) {
    StepAction action;
    action.kind = kind;
    action.reason = "seen to";
    action.by = "ann";
    const auto refused = world.client().act_on_step(task, world.step(task, step).step_uuid, action);
    CHECK_MESSAGE(!refused.has_value(), refused->message);
}
}  // namespace

TEST_CASE("E79: a task that is in process for 31 minutes is given up and noted, once") {
    World world({linear4(), canary()}, patient());
    const Uuid task = world.submit("linear");
    const StepEvent running = world.take("a");
    world.advance(29 * kMinute);
    CHECK(world.state(task) == TaskState::StepsInProcess);
    REQUIRE(given_up(world, task));
    CHECK(world.step(task, "a").state == StepState::InProgress);  // no step is touched
    REQUIRE(entries(world).size() == 1);
    const DlqEntry entry = entries(world).front();
    CHECK(entry.task_uuid == task);
    CHECK(entry.reason == DlqReason::StalenessTimeout);
    CHECK(entry.status == DlqStatus::Pending);
    CHECK(entry.original_state == TaskState::StepsInProcess);
    CHECK(entry.snapshot_json.find(R"("task_name":"linear")") != std::string::npos);
    CHECK(entry.snapshot_json.find(R"("threshold_minutes":30)") != std::string::npos);
    CHECK(entry.metadata_json.find("automatic_staleness") != std::string::npos);

    rounds(world, 1);
    std::size_t of_task = 0;
    for (const DlqEntry& one : entries(world)) of_task += one.task_uuid == task ? 1 : 0;
    CHECK(of_task == 1);
    // The late answer is kept, and nothing follows from it.
    CHECK(world.answer(running, success(running)) == CompletionVerdict::Accepted);
    CHECK(world.step(task, "a").state == StepState::Complete);
    CHECK(world.step(task, "b").state == StepState::Pending);
    CHECK(world.state(task) == TaskState::Error);
    CHECK(world.not_offered("b"));
    CHECK(engine(world).check().empty());
}

TEST_CASE("E79: a task that waits in a long queue is not stale by default, one that takes its time is") {
    World world({linear4(), canary()}, patient(capacity(0)));
    const Uuid task = world.submit("linear");
    world.advance(5 * 60 * kMinute);
    rounds(world, 1);
    CHECK(world.state(task) == TaskState::StepsInProcess);
    world.runtime().set_capacity(capacity(10));
    world.pass("a");
    const StepEvent running = world.take("b");
    world.advance(31 * kMinute);
    REQUIRE(given_up(world, task));
    CHECK(world.answer(running, success(running)) == CompletionVerdict::Accepted);
}

TEST_CASE("E79: a stale task whose step is then seen to goes on where it was") {
    World world({in_process(linear4(), 30)}, patient(capacity(0)));
    const Uuid task = world.submit("linear");
    REQUIRE(given_up(world, task));
    act(world, task, "a", StepAction::Kind::ResolveManually);
    CHECK(world.state(task) == TaskState::StepsInProcess);
    world.runtime().set_capacity(capacity(10));
    CHECK(world.run_to_end(task) == std::vector<std::string>{"b", "c", "d"});
    CHECK(world.state(task) == TaskState::Complete);
    CHECK(engine(world).check().empty());
}

TEST_CASE("E79: a retry of a stale task that falls due does not run, and comes once the task is revived") {
    World world(
        {with_lifecycle(graph("pair", {{"left"}, {"right"}}), "\"max_waiting_for_dependencies_minutes\":5"),
         canary()},
        patient());
    const Uuid task = world.submit("pair");
    world.fail(world.take("left"), {.retry_after_ms = 3'600'000});
    world.fail(world.take("right"), {.retry_after_ms = 3'600'000});
    REQUIRE(world.state(task) == TaskState::WaitingForDependencies);
    REQUIRE(given_up(world, task));
    world.advance(70 * kMinute);
    CHECK(world.not_offered("left"));
    CHECK(world.step(task, "left").state == StepState::WaitingForRetry);
    act(world, task, "right", StepAction::Kind::ResolveManually);
    world.pass("left");
    CHECK(world.state(task) == TaskState::Complete);
    CHECK(engine(world).check().empty());
}

TEST_CASE("E80: a template can have its stale tasks left alone, or given up without an entry") {
    World world({with_lifecycle(graph("left", {{"only"}}),
                                R"("max_steps_in_process_minutes":5,"staleness_action":"none")"),
                 with_lifecycle(graph("quiet", {{"only"}}),
                                R"("max_steps_in_process_minutes":5,"staleness_action":"error")"),
                 canary()},
                patient(capacity(0)));
    const Uuid left = world.submit("left");
    const Uuid quiet = world.submit("quiet");
    world.advance(6 * kMinute);
    REQUIRE(given_up(world, quiet));
    CHECK_FALSE(engine(world).dlq().find_by_task(quiet));
    rounds(world, 1);
    CHECK(world.state(left) == TaskState::StepsInProcess);
}

TEST_CASE("E79: a task whose steps come and go gets on, though its state is the same all the time") {
    World world({linear4(), canary()}, patient());
    const Uuid task = world.submit("linear");
    for (const char* name : {"a", "b", "c"}) {
        const StepEvent event = world.take(name);
        world.advance(14 * kMinute);
        rounds(world, 1);
        REQUIRE(world.state(task) != TaskState::Error);
        world.succeed(event);
    }
    world.pass("d");
    CHECK(world.state(task) == TaskState::Complete);
}

TEST_CASE("E80: a task that is too old in all is given up, however often its state changes") {
    World world(
        {with_lifecycle(graph("slow", {{"a"}, {"b", {"a"}}}), "\"max_duration_minutes\":60"), canary()},
        patient());
    const Uuid task = world.submit("slow");
    const StepEvent a = world.take("a");
    world.advance(25 * kMinute);
    world.succeed(a);
    rounds(world, 1);
    REQUIRE(world.state(task) != TaskState::Error);
    const StepEvent b = world.take("b");
    world.advance(25 * kMinute);
    REQUIRE(given_up(world, task));
    CHECK(world.answer(b, success(b)) == CompletionVerdict::Accepted);
    CHECK(world.state(task) == TaskState::Error);
}

TEST_CASE("E80: a template's own threshold wins over the default") {
    World world(
        {in_process(graph("patient", {{"only"}}), 120), in_process(graph("hasty", {{"only"}}), 5), canary()},
        patient(capacity(0)));
    const Uuid patient = world.submit("patient");
    const Uuid hasty = world.submit("hasty");
    world.advance(6 * kMinute);
    REQUIRE(given_up(world, hasty));
    world.advance(35 * kMinute);
    rounds(world, 1);
    CHECK(world.state(patient) == TaskState::StepsInProcess);
    world.advance(80 * kMinute);
    REQUIRE(given_up(world, patient));
}

TEST_CASE("E81: what an investigation says leaves the task alone, and a new stall makes a second entry") {
    World world({in_process(linear4(), 30), canary()}, patient(capacity(0)));
    const Uuid task = world.submit("linear");
    REQUIRE(given_up(world, task));
    const DlqEntry first = *engine(world).dlq().find_by_task(task);
    DlqUpdate update;
    update.status = DlqStatus::ManuallyResolved;
    update.notes = "it was the network";
    update.resolved_by = "ann";
    CHECK_FALSE(engine(world).dlq().update(first.entry_uuid, update));
    const DlqEntry resolved = *engine(world).dlq().find_by_task(task);
    CHECK(resolved.entry_uuid == first.entry_uuid);
    CHECK(resolved.status == DlqStatus::ManuallyResolved);
    CHECK(resolved.resolved_ms.has_value());
    CHECK(resolved.notes == "it was the network");
    CHECK(resolved.metadata_json == first.metadata_json);
    CHECK(world.state(task) == TaskState::Error);

    act(world, task, "a", StepAction::Kind::ResolveManually);
    REQUIRE(world.state(task) == TaskState::StepsInProcess);
    world.advance(31 * kMinute);
    REQUIRE(given_up(world, task));
    const DlqEntry second = *engine(world).dlq().find_by_task(task);
    CHECK(second.entry_uuid != first.entry_uuid);
    CHECK(second.status == DlqStatus::Pending);
    // Of one task only one can be pending.
    update = {};
    update.status = DlqStatus::Pending;
    const auto refused = engine(world).dlq().update(first.entry_uuid, update);
    REQUIRE(refused.has_value());
    CHECK(refused->why == Refusal::Invalid);
    CHECK(engine(world).dlq().update(task, update).value().why == Refusal::NotFound);
}

TEST_CASE("E82: a task that is blocked by failures for days is never stale") {
    World world({linear4(), canary()}, patient());
    const Uuid task = world.submit("linear");
    world.fail(world.take("a"), {.retryable = false});
    world.advance(3 * kDay);
    rounds(world, 2);
    CHECK(world.state(task) == TaskState::BlockedByFailures);
    CHECK_FALSE(engine(world).dlq().find_by_task(task));
}

TEST_CASE("E82: the time in which no host had the store does not make a task stale") {
    World world({linear4(), canary()}, patient(capacity(0)));
    const Uuid task = world.submit("linear");
    world.detach();
    embedded(world).shut_down();
    embedded(world).manual_clock().advance(5 * kDay);
    embedded(world).open();
    world.attach("next-worker", capacity(0));
    world.advance(2 * kMinute);
    rounds(world, 1);
    CHECK(world.state(task) == TaskState::StepsInProcess);
}

TEST_CASE("E64: a pruned task's identity is a duplicate until its retention is over, also after a restart") {
    World world({graph("single", {{"only", {}}}, {.identity = "strict"})});
    const TaskRequest request = world.request("single");
    const Uuid task = world.submit(request);
    world.pass("only");
    REQUIRE(world.state(task) == TaskState::Complete);
    world.advance(8 * kDay);
    const PruneReport report = engine(world).prune({});
    CHECK(report.complete_tasks == 1);
    CHECK(report.steps == 1);
    CHECK_FALSE(world.client().get(task));
    CHECK(world.refused(request).why == Refusal::Duplicate);
    CHECK(world.client().check(request).value().why == Refusal::Duplicate);
    CHECK(engine(world).check().empty());

    world.detach();
    embedded(world).restart();
    world.attach("next-worker", capacity(10));
    CHECK(world.refused(request).why == Refusal::Duplicate);
    world.advance(31 * kDay);
    CHECK(engine(world).prune({}).identities == 1);
    CHECK_FALSE(world.client().check(request));
    const Uuid again = world.submit(request);
    CHECK(again != task);
    world.pass("only");
    CHECK(engine(world).check().empty());
}

TEST_CASE(
    "E64: steps that were made while their task ran go with it, and those of other tasks between them stay") {
    World world(
        {graph("batch", {batchable("cut", "W"), batch_worker("W", {"cut"}), convergence("sum", {"W"})})},
        patient());
    const auto begin = [&] {
        const Uuid task = world.submit("batch");
        return std::pair{task, world.take("cut")};
    };
    const auto [early, early_cut] = begin();
    const auto [late, late_cut] = begin();
    // The steps of the first are made after the second was submitted, and the other way round.
    world.succeed(late_cut, create_batches("W", {"001", "002"}));
    world.succeed(early_cut, create_batches("W", {"001", "002", "003"}));
    const auto finish = [&](const Uuid& task) {
        while (world.state(task) != TaskState::Complete) {
            const StepEvent event = world.take_any();
            if (event.task_uuid != task) continue;  // stays claimed
            world.succeed(event);
        }
    };
    finish(early);
    PruneOptions at_once;
    at_once.complete_ms = 0;
    CHECK(engine(world).prune(at_once).steps == 5);
    CHECK_FALSE(world.client().get(early));
    CHECK(world.task(late).total_steps == 4);
    CHECK(engine(world).check().empty());
    world.detach();
    embedded(world).restart();
    world.attach("next-worker", capacity(10));
    while (true) {
        const StepEvent event = world.take_any();
        CHECK(event.task_uuid == late);
        world.succeed(event);
        if (world.step(late, "sum").state == StepState::Complete) break;
    }
    CHECK(engine(world).prune(at_once).steps == 4);
    CHECK(engine(world).check().empty());
}

}  // namespace tasker::host::conformance
