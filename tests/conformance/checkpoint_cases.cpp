// Cases 54, 55: progress that is saved while a step runs.

#include <optional>
#include <string>

#include "host/core/guarded.hpp"
#include "host/core/json_view.hpp"
#include "tests/conformance/runtime_suite.hpp"
#include "tests/support/eventually.hpp"

namespace tasker::host::conformance {

namespace {
using namespace std::chrono_literals;

TaskTemplate single(const std::string& extra = {}) {
    return graph("single", {{"only", {}, {}, kCallable, extra}});
}

CompletionVerdict yield(World& world, const StepEvent& event, Checkpoint checkpoint) {
    const auto verdict = std::make_shared<Guarded<std::optional<CompletionVerdict>>>();
    world.runtime().yield_step_event(
        event.event_id, std::move(checkpoint),
        [verdict](CompletionVerdict given) { verdict->with([&](auto& value) { value = given; }); });
    std::optional<CompletionVerdict> given;
    REQUIRE(testing::eventually(10s, [&] {
        given = verdict->with([](const auto& value) { return value; });
        return given.has_value();
    }));
    return *given;
}

std::string seen(const StepEvent& event, std::string_view key) {
    const SharedText& record = event.task_sequence_step.workflow_step.checkpoint_json;
    if (!record) return "none";
    const auto value = json_member(*record, key);
    return value ? std::string(*value) : "absent";
}

std::size_t history(const StepEvent& event) {
    std::size_t entries = 0;
    const std::string list = seen(event, "history");
    for (JsonWalk items(list); items.next();) ++entries;
    return entries;
}
}  // namespace

TEST_CASE("S54: a step that yields three times is one attempt and sees its cursor each time") {
    World world({single()});
    const Uuid task = world.submit("single");
    StepEvent event = world.take("only");
    CHECK(event.task_sequence_step.workflow_step.checkpoint_json == nullptr);
    for (int i = 1; i <= 3; ++i) {
        const StepEvent before = event;
        CHECK(
            yield(world, before, {std::to_string(100 * i), static_cast<std::uint64_t>(i), R"({"sum":1})"}) ==
            CompletionVerdict::Accepted);
        event = world.take("only");
        CHECK(event.event_id != before.event_id);
        CHECK(event.step_uuid == before.step_uuid);
        CHECK(event.task_sequence_step.workflow_step.attempts == 0);
        CHECK(seen(event, "cursor") == std::to_string(100 * i));
        CHECK(seen(event, "items_processed") == std::to_string(i));
        CHECK(seen(event, "accumulated_results") == R"({"sum":1})");
        CHECK(history(event) == static_cast<std::size_t>(i));
        CHECK(world.step(task, "only").attempts == 1);
        CHECK(world.step(task, "only").state == StepState::InProgress);
    }
    world.succeed(event);
    CHECK(world.step(task, "only").attempts == 1);
    CHECK(world.state(task) == TaskState::Complete);
}

TEST_CASE("S55: a retry after a yield starts from the cursor") {
    World world({single()});
    const Uuid task = world.submit("single");
    CHECK(yield(world, world.take("only"), {R"({"page":7})", 70, ""}) == CompletionVerdict::Accepted);
    world.fail(world.take("only"));
    CHECK(world.step(task, "only").attempts == 1);
    world.advance(world.delay_of(task, "only"));
    const StepEvent second = world.take("only");
    CHECK(second.task_sequence_step.workflow_step.attempts == 1);
    CHECK(seen(second, "cursor") == R"({"page":7})");
    CHECK(seen(second, "accumulated_results") == "null");
    world.succeed(second);
    CHECK(world.step(task, "only").attempts == 2);
}

TEST_CASE("S: only the current claim may save or yield") {
    World world({single()});
    const Uuid task = world.submit("single");
    const StepEvent first = world.take("only");
    CHECK(world.runtime().save_checkpoint(first.event_id, {"1", 1, ""}));
    CHECK(yield(world, first, {"2", 2, ""}) == CompletionVerdict::Accepted);
    CHECK(yield(world, first, {"3", 3, ""}) == CompletionVerdict::AlreadyRecorded);
    CHECK_FALSE(world.runtime().save_checkpoint(first.event_id, {"4", 4, ""}));
    CHECK(world.answer(first, success(first)) == CompletionVerdict::AlreadyRecorded);
    const StepEvent second = world.take("only");
    CHECK(seen(second, "cursor") == "2");
    CHECK(history(second) == 2);
    CHECK_FALSE(world.client().cancel(task).has_value());
    CHECK_FALSE(world.runtime().save_checkpoint(second.event_id, {"5", 5, ""}));
    CHECK(yield(world, second, {"6", 6, ""}) == CompletionVerdict::Superseded);
}

TEST_CASE("S: what was saved on the way is there after a retry") {
    World world({single()});
    const Uuid task = world.submit("single");
    const StepEvent first = world.take("only");
    CHECK(world.runtime().save_checkpoint(first.event_id, {"41", 1, ""}));
    CHECK(world.runtime().save_checkpoint(first.event_id, {"42", 2, R"(["a"])"}));
    world.fail(first);
    world.advance(world.delay_of(task, "only"));
    const StepEvent second = world.take("only");
    CHECK(seen(second, "cursor") == "42");
    CHECK(seen(second, "accumulated_results") == R"(["a"])");
    world.succeed(second);
    CHECK(world.state(task) == TaskState::Complete);
}

TEST_CASE("S: each yield begins the step's timeout anew") {
    World world({single(R"("timeout_seconds":10)")});
    const Uuid task = world.submit("single");
    StepEvent event = world.take("only");
    for (int i = 1; i <= 3; ++i) {
        world.advance(9'000);
        CHECK(yield(world, event, {std::to_string(i), 1, ""}) == CompletionVerdict::Accepted);
        event = world.take("only");
        CHECK(event.timeout_ms == 10'000);
    }
    world.succeed(event);
    CHECK(world.step(task, "only").attempts == 1);
}

TEST_CASE("S: a checkpoint that cannot be stored is refused and said, the one before stays") {
    World world({single()});
    const Uuid task = world.submit("single");
    const StepEvent first = world.take("only");
    CHECK(world.runtime().save_checkpoint(first.event_id, {"1", 1, ""}));
    const std::string big = '"' + std::string(std::size_t{1} << 20U, 'x') + '"';
    CHECK_THROWS_WITH(world.runtime().save_checkpoint(first.event_id, {"2", 2, big}),
                      doctest::Contains("larger than 1 MiB"));
    CHECK_THROWS_WITH(world.runtime().save_checkpoint(first.event_id, {"{oops", 2, ""}),
                      doctest::Contains("checkpoint cursor"));
    CHECK_THROWS_WITH(world.runtime().save_checkpoint(first.event_id, {"", 2, ""}),
                      doctest::Contains("no cursor"));
    CHECK(yield(world, first, {"2", 2, big}) == CompletionVerdict::Accepted);
    const StepView view = world.step(task, "only");
    CHECK(view.state == StepState::Error);
    CHECK(view.results_json.find("checkpoint_error") != std::string::npos);
    CHECK(view.results_json.find("larger than 1 MiB") != std::string::npos);
}

TEST_CASE("S: a batch worker yields with its inputs intact") {
    World world(
        {graph("batch", {batchable("cut", "W"), batch_worker("W", {"cut"}), convergence("sum", {"W"})})});
    const Uuid task = world.submit("batch");
    world.succeed(world.take("cut"), create_batches("W", {"1"}));
    const StepEvent first = world.take("W_1");
    CHECK(yield(world, first, {"5", 5, ""}) == CompletionVerdict::Accepted);
    const StepEvent second = world.take("W_1");
    CHECK(second.task_sequence_step.workflow_step.inputs_json ==
          first.task_sequence_step.workflow_step.inputs_json);
    CHECK(second.task_sequence_step.dependency_results.size() == 1);
    CHECK(seen(second, "cursor") == "5");
    world.succeed(second);
    world.pass("sum");
    CHECK(world.state(task) == TaskState::Complete);
}

}  // namespace tasker::host::conformance
