// Cases 30, 48 and 73-78: what an operator does to a step, through the client alone.

#include <string>

#include "tests/conformance/runtime_suite.hpp"
#include "tests/support/eventually.hpp"

namespace tasker::host::conformance {

namespace {
using namespace std::chrono_literals;
using Kind = StepAction::Kind;

StepAction action(Kind kind, std::string result = "{}") {
    StepAction made;
    made.kind = kind;
    made.reason = "looked into it";
    made.by = "ann@example.com";
    made.result_json = std::move(result);
    return made;
}

std::optional<Refused> act(World& world, const Uuid& task, std::string_view step, const StepAction& made) {
    return world.client().act_on_step(task, world.step(task, step).step_uuid, made);
}

void check_refused(World& world, const Uuid& task, std::string_view step, const StepAction& made) {
    const auto refused = act(world, task, step, made);
    REQUIRE(refused.has_value());
    CHECK(refused->why == Refusal::Invalid);
    CHECK_FALSE(refused->message.empty());
}

std::string result_of(const StepEvent& event, std::string_view parent) {
    for (const DependencyResult& result : event.task_sequence_step.dependency_results) {
        if (result.step_name == parent) return *result.envelope_json;
    }
    return {};
}

// Two roots with a join.
TaskTemplate pair() { return graph("pair", {{"left"}, {"right"}, {"join", {"left", "right"}}}); }

StepAuditRecord last_audit(World& world, const Uuid& task, std::string_view step) {
    const auto records = world.client().step_audit(task, world.step(task, step).step_uuid);
    REQUIRE_FALSE(records.empty());
    return records.back();
}
}  // namespace

TEST_CASE("S73: a failed step that is reset starts again from its first attempt, and the task completes") {
    World world({linear4()});
    const Uuid task = world.submit("linear");
    world.fail(world.take("a"));
    world.advance(world.delay_of(task, "a"));
    world.fail(world.take("a"), {.retryable = false});
    REQUIRE(world.state(task) == TaskState::BlockedByFailures);
    REQUIRE(world.step(task, "a").attempts == 2);

    CHECK_FALSE(act(world, task, "a", action(Kind::ResetForRetry)));
    CHECK(world.step(task, "a").results_json.find("error") != std::string::npos);  // the last result stays
    const StepEvent again = world.take("a");
    CHECK(again.task_sequence_step.workflow_step.attempts == 0);
    CHECK(world.step(task, "a").attempts == 1);
    world.succeed(again);
    CHECK(world.run_to_end(task) == std::vector<std::string>{"b", "c", "d"});
    CHECK(world.state(task) == TaskState::Complete);
}

TEST_CASE("S73: the reset stands in the audit with who did it and why") {
    World world({linear4()});
    const Uuid task = world.submit("linear");
    world.fail(world.take("a"), {.retryable = false});
    CHECK_FALSE(act(world, task, "a", action(Kind::ResetForRetry)));
    const auto records = world.client().step_audit(task, world.step(task, "a").step_uuid);
    REQUIRE(records.size() >= 2);
    const StepAuditRecord& reset = records[1];
    CHECK(reset.event == "reset_for_retry");
    CHECK(reset.from_state == "error");
    CHECK(reset.to_state == "pending");
    CHECK(reset.actor == "ann@example.com");
    CHECK(reset.note == "looked into it");
    CHECK_FALSE(reset.success);
}

TEST_CASE("S74: a step that is resolved lets its children run, with the last result it had or none") {
    World world({graph("chain", {{"a"}, {"b", {"a"}}}), linear4()});
    const Uuid failed = world.submit("chain");
    world.fail(world.take("a"), {.retryable = false});
    CHECK_FALSE(act(world, failed, "a", action(Kind::ResolveManually)));
    CHECK(world.step(failed, "a").state == StepState::ResolvedManually);
    const StepEvent b = world.take("b");
    CHECK(result_of(b, "a").find("\"success\":false") != std::string::npos);
    world.succeed(b);
    CHECK(world.state(failed) == TaskState::Complete);
    CHECK(world.task(failed).completed_steps == 2);
    CHECK(last_audit(world, failed, "a").event == "resolved_manually");

    // Never run: there is no result to hand over.
    world.runtime().set_capacity(capacity(0));
    const Uuid fresh = world.submit("chain");
    CHECK_FALSE(act(world, fresh, "a", action(Kind::ResolveManually)));
    world.runtime().set_capacity(capacity(10));
    const StepEvent child = world.take("b");
    CHECK(child.task_uuid == fresh);
    CHECK(child.task_sequence_step.dependency_results.empty());
    world.succeed(child);
    CHECK(world.state(fresh) == TaskState::Complete);
}

TEST_CASE("S75: a step that is completed by hand hands its children the given result") {
    World world({linear4()});
    const Uuid task = world.submit("linear");
    world.fail(world.take("a"), {.retryable = false});
    StepAction complete = action(Kind::CompleteManually, R"({"score":95})");
    complete.metadata_json = R"({"ticket":"OPS-7"})";
    CHECK_FALSE(act(world, task, "a", complete));
    const StepView a = world.step(task, "a");
    CHECK(a.state == StepState::Complete);
    CHECK(a.processed_ms.has_value());
    const StepEvent b = world.take("b");
    const std::string handed = result_of(b, "a");
    for (const char* part :
         {"\"success\":true", "\"status\":\"completed\"", R"("result":{"score":95})",
          "\"manually_completed\":true", R"("completed_by":"ann@example.com")",
          R"("completion_reason":"looked into it")", R"("ticket":"OPS-7")", "\"error\":null"}) {
        CHECK_MESSAGE(handed.find(part) != std::string::npos, part);
    }
    const StepAuditRecord audit = last_audit(world, task, "a");
    CHECK(audit.event == "completed_manually");
    CHECK(audit.from_state == "error");
    CHECK(audit.to_state == "complete");
    CHECK(audit.success);
    CHECK(audit.actor == "ann@example.com");
    CHECK(audit.result_json == a.results_json);
    world.succeed(b);
    CHECK(world.run_to_end(task).size() == 2);
    CHECK(world.state(task) == TaskState::Complete);
}

TEST_CASE("S76: only a step in error can be reset") {
    World world({linear4()}, {.capacity = capacity(1)});
    const Uuid task = world.submit("linear");
    const StepEvent running = world.take("a");
    check_refused(world, task, "a", action(Kind::ResetForRetry));
    check_refused(world, task, "b", action(Kind::ResetForRetry));
    world.fail(running);
    check_refused(world, task, "a", action(Kind::ResetForRetry));  // waits for its retry
    world.advance(world.delay_of(task, "a"));
    world.pass("a");
    check_refused(world, task, "a", action(Kind::ResetForRetry));  // complete
    check_refused(world, task, "a", action(Kind::ResolveManually));
    check_refused(world, task, "a", action(Kind::CompleteManually));
    CHECK(world.run_to_end(task).size() == 3);
}

TEST_CASE("S76: the steps of a task that is complete or cancelled cannot be changed") {
    World world({linear4()});
    const Uuid complete = world.submit("linear");
    world.run_to_end(complete);
    const Uuid cancelled = world.submit("linear");
    CHECK_FALSE(world.client().cancel(cancelled).has_value());
    for (const Uuid& task : {complete, cancelled}) {
        check_refused(world, task, "a", action(Kind::ResetForRetry));
        check_refused(world, task, "b", action(Kind::ResolveManually));
        check_refused(world, task, "c", action(Kind::CompleteManually));
    }
    const Uuid other = world.submit("linear");
    auto refused =
        world.client().act_on_step(other, world.step(complete, "a").step_uuid, action(Kind::ResolveManually));
    REQUIRE(refused.has_value());
    CHECK(refused->why == Refusal::NotFound);
    refused =
        world.client().act_on_step(Uuid{}, world.step(other, "a").step_uuid, action(Kind::ResolveManually));
    REQUIRE(refused.has_value());
    CHECK(refused->why == Refusal::NotFound);
}

TEST_CASE("S77: of two failed steps both must be repaired before the task goes on") {
    World world({pair()});
    const Uuid task = world.submit("pair");
    world.fail(world.take("left"), {.retryable = false});
    world.fail(world.take("right"), {.retryable = false});
    CHECK_FALSE(act(world, task, "left", action(Kind::CompleteManually)));
    CHECK(world.state(task) == TaskState::BlockedByFailures);
    CHECK(world.quiet());
    CHECK_FALSE(act(world, task, "right", action(Kind::ResetForRetry)));
    CHECK(world.state(task) != TaskState::BlockedByFailures);
    world.pass("right");
    world.pass("join");
    CHECK(world.state(task) == TaskState::Complete);
}

TEST_CASE(
    "S78: the handler of a running step that is completed by hand is told to stop, and its answer refused") {
    World world({linear4()});
    const Uuid task = world.submit("linear");
    const StepEvent running = world.take("a");
    CHECK_FALSE(act(world, task, "a", action(Kind::CompleteManually, R"({"by":"hand"})")));
    CHECK(testing::eventually(10s, [&] { return !world.runtime().take_revocations().empty(); }));
    CHECK(world.answer(running, success(running, R"({"by":"handler"})")) == CompletionVerdict::Superseded);
    CHECK(world.step(task, "a").results_json.find(R"("by":"hand")") != std::string::npos);
    const StepEvent b = world.take("b");
    CHECK(result_of(b, "a").find(R"("by":"hand")") != std::string::npos);
    world.succeed(b);
    CHECK(world.run_to_end(task).size() == 2);
    CHECK(world.state(task) == TaskState::Complete);
}

TEST_CASE("S78: the slot of a running step that is resolved is free again") {
    World world({linear4()}, {.capacity = capacity(1)});
    const Uuid task = world.submit("linear");
    const StepEvent running = world.take("a");
    CHECK_FALSE(act(world, task, "a", action(Kind::ResolveManually)));
    CHECK(world.answer(running, failure(running)) == CompletionVerdict::Superseded);
    world.pass("b");
    CHECK(world.step(task, "a").state == StepState::ResolvedManually);
}

TEST_CASE("S30: a retry that fell due while the task was blocked comes promptly once it is not") {
    World world({pair()});
    const Uuid task = world.submit("pair");
    const StepEvent left = world.take("left");
    const StepEvent right = world.take("right");
    world.fail(left);
    world.fail(right, {.retryable = false});
    REQUIRE(world.state(task) == TaskState::BlockedByFailures);
    world.advance(3'600'000);
    CHECK(world.quiet());
    CHECK_FALSE(act(world, task, "right", action(Kind::ResolveManually)));
    world.succeed(world.take("left"));
    world.pass("join");
    CHECK(world.state(task) == TaskState::Complete);
}

TEST_CASE("S30: a retry that is not due yet waits on when the task is unblocked") {
    World world({pair()});
    const Uuid task = world.submit("pair");
    const StepEvent left = world.take("left");
    world.fail(world.take("right"), {.retryable = false});
    world.fail(left);
    CHECK_FALSE(act(world, task, "right", action(Kind::ResolveManually)));
    CHECK(world.state(task) == TaskState::WaitingForDependencies);
    CHECK(world.quiet());
    world.advance(world.delay_of(task, "left"));
    world.pass("left");
    world.pass("join");
    CHECK(world.state(task) == TaskState::Complete);
}

TEST_CASE(
    "S48: a worker of many that failed for good is completed by hand, then what waits for all of them runs") {
    World world({graph("fan", {{"w1"}, {"w2"}, {"w3"}, {"collect", {"w1", "w2", "w3"}}})});
    const Uuid task = world.submit("fan");
    world.pass("w1");
    world.fail(world.take("w2"), {.retryable = false});
    world.pass("w3");
    REQUIRE(world.state(task) == TaskState::BlockedByFailures);
    CHECK(world.step(task, "collect").state == StepState::Pending);
    CHECK_FALSE(act(world, task, "w2", action(Kind::CompleteManually, R"({"rows":0})")));
    const StepEvent collect = world.take("collect");
    CHECK(collect.task_sequence_step.dependency_results.size() == 3);
    world.succeed(collect);
    CHECK(world.state(task) == TaskState::Complete);
}

TEST_CASE("S48: a batch worker that failed for good is completed by hand, then the aggregator runs") {
    World world(
        {graph("batch", {batchable("cut", "W"), batch_worker("W", {"cut"}), convergence("sum", {"W"})})});
    const Uuid task = world.submit("batch");
    world.succeed(world.take("cut"), create_batches("W", {"001", "002"}));
    world.pass("W_001");
    world.fail(world.take("W_002"), {.retryable = false});
    REQUIRE(world.state(task) == TaskState::BlockedByFailures);
    CHECK(world.not_offered("sum"));
    CHECK_FALSE(act(world, task, "W_002", action(Kind::CompleteManually, R"({"rows":0})")));
    world.pass("sum");
    CHECK(world.state(task) == TaskState::Complete);
}

TEST_CASE("S75: a decision that is completed by hand makes what it names") {
    World world({approval()});
    const Uuid task = world.submit("approval");
    world.pass("check");
    world.fail(world.take("route"), {.retryable = false});
    const auto before = world.task(task).total_steps;
    CHECK_FALSE(act(world, task, "route", action(Kind::CompleteManually, create_steps({"middle"}))));
    CHECK(world.task(task).total_steps > before);
    world.pass("middle");
    world.pass("join");
    world.pass("mail");
    CHECK(world.state(task) == TaskState::Complete);
}

TEST_CASE("S75: a decision is not completed by hand with an outcome that a handler could not give either") {
    World world({approval()});
    const Uuid task = world.submit("approval");
    world.pass("check");
    world.fail(world.take("route"), {.retryable = false});
    check_refused(world, task, "route", action(Kind::CompleteManually, create_steps({"nowhere"})));
    check_refused(world, task, "route", action(Kind::CompleteManually, R"({"approved":true})"));
    CHECK(world.step(task, "route").state == StepState::Error);
    CHECK(world.state(task) == TaskState::BlockedByFailures);
    CHECK_FALSE(act(world, task, "route", action(Kind::CompleteManually, no_branches())));
    CHECK(world.state(task) == TaskState::Complete);
}

TEST_CASE("S: an action without a reason or an author, or with a result that is no JSON, is refused") {
    World world({linear4()});
    const Uuid task = world.submit("linear");
    StepAction made = action(Kind::ResolveManually);
    made.reason.clear();
    check_refused(world, task, "a", made);
    made = action(Kind::ResolveManually);
    made.by.clear();
    check_refused(world, task, "a", made);
    made = action(Kind::CompleteManually, "{");
    check_refused(world, task, "a", made);
    made = action(Kind::CompleteManually);
    made.metadata_json = "7";
    check_refused(world, task, "a", made);
    CHECK(world.run_to_end(task).size() == 4);
}

}  // namespace tasker::host::conformance
