// Cases 46-53: batches.

#include <algorithm>
#include <string>
#include <vector>

#include "host/core/json_view.hpp"
#include "tests/conformance/runtime_suite.hpp"

namespace tasker::host::conformance {

namespace {
using Names = std::vector<std::string>;

// cut -> W -> sum -> report
TaskTemplate batch(const std::string& worker_retry = {}) {
    return graph("batch", {batchable("cut", "W"),
                           batch_worker("W", {"cut"}, worker_retry),
                           convergence("sum", {"W"}),
                           {"report", {"sum"}}});
}

std::string member(const StepEvent& event, std::string_view key) {
    const auto value = json_member(event.task_sequence_step.workflow_step.inputs_json, key);
    return value ? std::string(*value) : "absent";
}
std::string member(std::string_view object, std::string_view key) {
    const auto value = json_member(object, key);
    return value ? std::string(*value) : "absent";
}
}  // namespace

TEST_CASE("S46: three cursors make three workers with their inputs, the aggregator waits for all of them") {
    World world({batch()});
    const Uuid task = world.submit("batch");
    CHECK(world.task(task).total_steps == 1);
    world.succeed(world.take("cut"), create_batches("W", {"001", "002", "003"}));
    CHECK(world.task(task).total_steps == 6);
    CHECK(world.step(task, "sum").total_parents == 3);
    for (const auto* name : {"W_002", "W_001", "W_003"}) {
        CHECK(world.not_offered("sum"));
        const StepEvent worker = world.take(name);
        const auto& step = worker.task_sequence_step.workflow_step;
        CHECK(step.name == name);
        CHECK(step.template_step_name == "W");
        CHECK(worker.task_sequence_step.step_definition().name == "W");
        CHECK(worker.callable() == kCallable);
        CHECK(member(worker, "table") == R"("orders")");
        CHECK(member(worker, "is_no_op") == "false");
        CHECK(member(worker, "__template_step_name") == R"("W")");
        const std::string metadata = member(worker, "batch_metadata");
        CHECK(member(metadata, "cursor_field") == R"("id")");
        CHECK(member(metadata, "failure_strategy") == R"("fail_fast")");
        const std::string cursor = member(worker, "cursor");
        CHECK(member(cursor, "batch_id") == '"' + std::string(name).substr(2) + '"');
        CHECK(member(cursor, "batch_size") == "10");
        const int place = name[4] - '1';
        CHECK(member(cursor, "start_cursor") == std::to_string(10 * place));
        CHECK(member(cursor, "end_cursor") == std::to_string(10 * place + 10));
        REQUIRE(worker.task_sequence_step.dependency_results.size() == 1);
        CHECK(worker.task_sequence_step.dependency_results[0].step_name == "cut");
        world.succeed(worker, R"({"done":")" + std::string(name) + "\"}");
    }
    const StepEvent sum = world.take("sum");
    const auto& results = sum.task_sequence_step.dependency_results;
    REQUIRE(results.size() == 4);
    const Names expected{"W_001", "W_002", "W_003", "cut"};
    for (std::size_t i = 0; i < results.size(); ++i) CHECK(results[i].step_name == expected[i]);
    CHECK(results[1].envelope_json->find(R"({"done":"W_002"})") != std::string::npos);
    world.succeed(sum);
    world.pass("report");
    CHECK(world.state(task) == TaskState::Complete);
    CHECK(world.task(task).completed_steps == 6);
}

TEST_CASE("S47: no batches: one worker that has nothing to do, then the aggregator") {
    World world({batch()});
    const Uuid task = world.submit("batch");
    world.succeed(world.take("cut"), no_batches());
    const StepEvent worker = world.take("W_000");
    CHECK(member(worker, "is_no_op") == "true");
    const std::string cursor = member(worker, "cursor");
    CHECK(member(cursor, "start_cursor") == "0");
    CHECK(member(cursor, "end_cursor") == "0");
    CHECK(member(cursor, "batch_size") == "0");
    world.succeed(worker);
    world.pass("sum");
    world.pass("report");
    CHECK(world.state(task) == TaskState::Complete);
    CHECK(world.task(task).total_steps == 4);
}

TEST_CASE("S48: a worker that fails for good blocks the task; the others finish, the aggregator waits") {
    World world({batch(attempts(1))});
    const Uuid task = world.submit("batch");
    world.succeed(world.take("cut"), create_batches("W", {"1", "2", "3"}));
    world.fail(world.take("W_2"));
    CHECK(world.state(task) == TaskState::BlockedByFailures);
    world.pass("W_1");
    world.pass("W_3");
    CHECK(world.state(task) == TaskState::BlockedByFailures);
    CHECK(world.step(task, "sum").state == StepState::Pending);
    CHECK(world.step(task, "sum").completed_parents == 2);
    CHECK(world.step(task, "W_2").state == StepState::Error);
    CHECK(world.quiet());
}

TEST_CASE("S50: an empty list of cursors makes nothing") {
    World world({batch()});
    const Uuid task = world.submit("batch");
    const StepEvent cut = world.take("cut");
    static_cast<void>(world.answer(cut, success(cut, create_batches("W", {}))));
    CHECK(world.task(task).total_steps == 1);
    CHECK(world.quiet());
}

TEST_CASE("S51: of a worker_count that does not fit the list, the list wins") {
    World world({batch()});
    const Uuid task = world.submit("batch");
    world.succeed(world.take("cut"), create_batches("W", {"1", "2"}, 7));
    CHECK(world.task(task).total_steps == 5);
    CHECK(world.step(task, "sum").total_parents == 2);
}

TEST_CASE("S53: the result of the batchable step delivered twice makes one set of workers") {
    World world({batch()});
    const Uuid task = world.submit("batch");
    const StepEvent cut = world.take("cut");
    const std::string outcome = create_batches("W", {"1", "2"});
    world.runtime().complete_step_event(cut.event_id, success(cut, outcome));
    CHECK(world.answer(cut, success(cut, outcome)) == CompletionVerdict::AlreadyRecorded);
    CHECK(world.task(task).total_steps == 5);
    world.pass("W_1");
    world.pass("W_2");
    CHECK(world.run_to_end(task) == Names{"sum", "report"});
}

TEST_CASE("S: a batch worker that fails is tried again with its own inputs") {
    World world({batch()});
    const Uuid task = world.submit("batch");
    world.succeed(world.take("cut"), create_batches("W", {"a", "b"}));
    world.pass("W_a");
    const StepEvent first = world.take("W_b");
    world.fail(first);
    world.advance(world.delay_of(task, "W_b"));
    const StepEvent second = world.take("W_b");
    CHECK(second.task_sequence_step.workflow_step.inputs_json ==
          first.task_sequence_step.workflow_step.inputs_json);
    CHECK(second.task_sequence_step.workflow_step.attempts == 1);
    world.succeed(second);
    CHECK(world.run_to_end(task) == Names{"sum", "report"});
}

TEST_CASE("S: a task with made steps is cancelled as a whole") {
    World world({batch()});
    const Uuid task = world.submit("batch");
    world.succeed(world.take("cut"), create_batches("W", {"1", "2", "3"}));
    world.pass("W_1");
    const StepEvent running = world.take("W_2");
    CHECK_FALSE(world.client().cancel(task).has_value());
    CHECK(world.state(task) == TaskState::Cancelled);
    CHECK(world.step(task, "W_1").state == StepState::Complete);
    for (const auto* name : {"W_2", "W_3", "sum", "report"})
        CHECK(world.step(task, name).state == StepState::Cancelled);
    CHECK(world.answer(running, success(running)) == CompletionVerdict::Superseded);
}

TEST_CASE("S: the audit of a made step names it") {
    World world({batch()});
    const Uuid task = world.submit("batch");
    world.succeed(world.take("cut"), create_batches("W", {"1"}));
    world.pass("W_1");
    const auto audit = world.client().step_audit(task, world.step(task, "W_1").step_uuid);
    REQUIRE(audit.size() == 1);
    CHECK(audit[0].step_name == "W_1");
    CHECK(audit[0].success);
}

}  // namespace tasker::host::conformance
