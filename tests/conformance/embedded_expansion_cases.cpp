// Cases of the embedded engine about steps that are made at run time: outcomes that cannot be followed, what exists
// already, fairness, a second life of the store.

#include <algorithm>
#include <string>
#include <vector>

#include "host/core/guarded.hpp"
#include "host/core/json_view.hpp"
#include "tests/conformance/embedded_deployment.hpp"
#include "tests/conformance/runtime_suite.hpp"
#include "tests/support/eventually.hpp"

namespace tasker::host::conformance {

namespace {
using namespace std::chrono_literals;
using Names = std::vector<std::string>;

EmbeddedDeployment& embedded(World& world) { return static_cast<EmbeddedDeployment&>(world.deployment()); }

void restart(World& world) {
    world.detach();
    embedded(world).restart();
    world.attach("next-worker", capacity(500));
}

TaskTemplate batch() {
    return graph(
        "batch",
        {batchable("cut", "W"), batch_worker("W", {"cut"}), convergence("sum", {"W"}), {"report", {"sum"}}});
}

// The step ends in error because of what it decided; nothing was made, the task is blocked.
void check_refused(World& world, const Uuid& task, std::string_view name, int steps, const Names& message) {
    const StepView step = world.step(task, name);
    CHECK(step.state == StepState::Error);
    CHECK(step.attempts == 1);
    CHECK(step.results_json.find(R"("error_type":"invalid_outcome")") != std::string::npos);
    CHECK(step.results_json.find(R"("error_code":"INVALID_OUTCOME")") != std::string::npos);
    CHECK(step.results_json.find(R"("retryable":false)") != std::string::npos);
    for (const std::string& part : message)
        CHECK_MESSAGE(step.results_json.find(part) != std::string::npos, step.results_json);
    CHECK(world.state(task) == TaskState::BlockedByFailures);
    CHECK(world.task(task).total_steps == steps);
    CHECK(world.quiet());
    CHECK(embedded(world).engine().check().empty());
}

Uuid decided(World& world, const std::string& outcome) {
    const Uuid task = world.submit("approval");
    world.pass("check");
    world.succeed(world.take("route"), outcome);
    return task;
}

Uuid cut(World& world, const std::string& outcome) {
    const Uuid task = world.submit("batch");
    world.succeed(world.take("cut"), outcome);
    return task;
}

Names names_of(const TaskView& task) {
    Names names;
    for (const StepView& step : task.steps) names.push_back(step.name);
    return names;
}
}  // namespace

TEST_CASE("E34: a decision that names an unknown step ends in error and makes nothing") {
    World world({approval()});
    check_refused(world, decided(world, create_steps({"small", "midle"})), "route", 2,
                  {"route", "step_names[1]", "midle", "did you mean 'middle'"});
}

TEST_CASE("E35: a decision that names a step above it ends in error and makes nothing") {
    World world({approval()});
    check_refused(world, decided(world, create_steps({"small", "check"})), "route", 2,
                  {"'check', which is not below this decision", "'small'"});
}

TEST_CASE("E38: a decision without an outcome, or with one that cannot be read, ends in error") {
    World world({approval()});
    check_refused(world, decided(world, R"({"branch":"small"})"), "route", 2,
                  {"result.decision_point_outcome is missing"});
    check_refused(world, decided(world, R"({"decision_point_outcome":{"type":"create_step"}})"), "route", 2,
                  {"did you mean 'create_steps'"});
    check_refused(world, decided(world, create_steps({})), "route", 2, {"step_names is empty"});
}

TEST_CASE("E39: more names than a decision may have end it in error") {
    World world({approval()});
    check_refused(world, decided(world, create_steps(Names(101, "small"))), "route", 2,
                  {"101 names", "at most 100"});
}

TEST_CASE("E49: two batches of one id end the batchable step in error") {
    World world({batch()});
    check_refused(world, cut(world, create_batches("W", {"1", "2", "1"})), "cut", 1,
                  {"cursor_configs[2].batch_id is '1', as an earlier one"});
}

TEST_CASE("E50: an empty list of cursors, and a worker that is none, end the batchable step in error") {
    World world({batch()});
    check_refused(world, cut(world, create_batches("W", {})), "cut", 1, {"cursor_configs is empty"});
    check_refused(world, cut(world, create_batches("V", {"1"})), "cut", 1, {"batch workers are 'W'"});
    check_refused(world, cut(world, create_batches("sum", {"1"})), "cut", 1,
                  {"type 'deferred_convergence', not 'batch_worker'"});
    check_refused(world, cut(world, "{}"), "cut", 1, {"result.batch_processing_outcome is missing"});
}

TEST_CASE("E52: what is below an aggregator is not made early and does not run early") {
    World world({batch()});
    const Uuid task = world.submit("batch");
    CHECK(names_of(world.task(task)) == Names{"cut"});
    world.succeed(world.take("cut"), create_batches("W", {"1", "2"}));
    CHECK(world.step(task, "report").dependencies == Names{"sum"});
    world.pass("W_1");
    world.pass("W_2");
    CHECK(world.not_offered("report"));
    world.pass("sum");
    world.pass("report");
    CHECK(world.state(task) == TaskState::Complete);
}

TEST_CASE("E37: a step that exists already is used again: untouched, with another edge while it is pending") {
    // `shared` may be made by either decision; `slow` holds it back, so that it is pending when the second one decides.
    World world({graph("shared", {{"start"},
                                  {"slow"},
                                  decision("one", {"start"}),
                                  decision("two", {"start"}),
                                  {"extra", {"two"}},
                                  {"shared", {"one", "slow", "extra"}}})});
    const Uuid task = world.submit("shared");
    world.pass("start");
    const StepEvent slow = world.take("slow");
    const StepEvent two = world.take("two");
    world.succeed(world.take("one"), create_steps({"shared"}));
    const Uuid made = world.step(task, "shared").step_uuid;
    world.succeed(two, create_steps({"extra", "shared"}));
    CHECK(world.step(task, "shared").step_uuid == made);
    CHECK(world.task(task).total_steps == 6);
    Names parents = world.step(task, "shared").dependencies;
    std::ranges::sort(parents);
    CHECK(parents == Names{"extra", "one", "slow", "two"});
    world.succeed(slow);
    CHECK(world.not_offered("shared"));
    world.pass("extra");
    world.pass("shared");
    CHECK(world.state(task) == TaskState::Complete);
    CHECK(embedded(world).engine().check().empty());
}

TEST_CASE("E37: a step that has begun is left alone by a later decision") {
    World world({graph("late", {{"start"},
                                decision("one", {"start"}),
                                {"a", {"one"}},
                                decision("two", {"a"}),
                                {"shared", {"one", "two"}}})});
    const Uuid task = world.submit("late");
    world.pass("start");
    world.succeed(world.take("one"), create_steps({"a", "shared"}));
    // It waits for the second decision, which exists.
    CHECK(world.not_offered("shared"));
    world.pass("a");
    world.succeed(world.take("two"), create_steps({"shared"}));
    world.pass("shared");
    CHECK(world.step(task, "shared").attempts == 1);
    CHECK(world.state(task) == TaskState::Complete);
}

TEST_CASE("E41: a branch that depends on the decision and on a finished step has both edges and runs") {
    World world({graph(
        "both",
        {{"load"}, decision("route", {"load"}), {"branch", {"route", "load"}}, {"other", {"route"}}})});
    const Uuid task = world.submit("both");
    world.pass("load");
    world.succeed(world.take("route"), create_steps({"branch"}));
    const StepEvent branch = world.take("branch");
    CHECK(branch.task_sequence_step.dependency_results.size() == 2);
    CHECK(world.step(task, "branch").total_parents == 2);
    world.succeed(branch);
    CHECK(world.state(task) == TaskState::Complete);
}

TEST_CASE("E57: five hundred workers come in one go and let other tasks through") {
    World world({batch(), graph("other", {{"mine"}})}, {.capacity = capacity(1)});
    Names batches;
    for (int i = 0; i < 500; ++i) batches.push_back(std::to_string(1000 + i));
    const Uuid task = cut(world, create_batches("W", batches));
    CHECK(world.task(task).total_steps == 503);
    world.submit("other");
    int before = 0;
    for (StepEvent event = world.take_any(); step_name(event) != "mine"; event = world.take_any()) {
        ++before;
        world.succeed(event);
        REQUIRE(before < 100);
    }
    CHECK(before <= 20);
    CHECK(embedded(world).engine().check().empty());
}

TEST_CASE("E: made steps, their edges and their inputs are there after a restart") {
    World world({batch()});
    const Uuid task = cut(world, create_batches("W", {"1", "2", "3"}));
    world.succeed(world.take("W_1"), R"({"n":1})");
    restart(world);
    CHECK(names_of(world.task(task)) == Names{"cut", "W_1", "W_2", "W_3", "sum", "report"});
    CHECK(embedded(world).engine().check().empty());
    const StepEvent second = world.take("W_2");
    CHECK(json_member(second.task_sequence_step.workflow_step.inputs_json, "cursor") ==
          R"({"batch_id":"2","start_cursor":10,"end_cursor":20,"batch_size":10})");
    CHECK(world.step(task, "W_2").inputs_json == second.task_sequence_step.workflow_step.inputs_json);
    CHECK(second.task_sequence_step.workflow_step.template_step_name == "W");
    world.succeed(second, R"({"n":2})");
    world.pass("W_3");
    const StepEvent sum = world.take("sum");
    REQUIRE(sum.task_sequence_step.dependency_results.size() == 4);
    CHECK(sum.task_sequence_step.dependency_results[0].envelope_json->find(R"({"n":1})") !=
          std::string::npos);
    restart(world);
    world.pass("sum");
    world.pass("report");
    CHECK(world.state(task) == TaskState::Complete);
    CHECK(embedded(world).engine().check().empty());
}

TEST_CASE("E: results outlive the task they were lent by") {
    World world({linear4()});
    const Uuid task = world.submit("linear");
    world.succeed(world.take("a"), R"({"from":"a"})");
    const StepEvent b = world.take("b");
    CHECK_FALSE(world.client().cancel(task).has_value());
    restart(world);
    CHECK(b.task_sequence_step.dependency_results.at(0).envelope_json->find(R"({"from":"a"})") !=
          std::string::npos);
}

TEST_CASE("E: a worker that drains takes no yielded step back; the next one goes on in the same attempt") {
    World world({graph("single", {{"only"}})});
    const Uuid task = world.submit("single");
    const StepEvent first = world.take("only");
    world.runtime().transition_to_graceful_shutdown();
    const auto accepted = std::make_shared<Guarded<bool>>();
    world.runtime().yield_step_event(first.event_id, {"9", 9, ""}, [accepted](CompletionVerdict verdict) {
        accepted->with([&](bool& value) { value = verdict == CompletionVerdict::Accepted; });
    });
    REQUIRE(testing::eventually(10s, [&] { return accepted->with([](bool value) { return value; }); }));
    CHECK(world.step(task, "only").state == StepState::Enqueued);
    CHECK(world.runtime().stop() == 0);
    world.attach("next-worker", capacity(5));
    const StepEvent second = world.take("only");
    CHECK(second.task_sequence_step.workflow_step.attempts == 0);
    CHECK(second.first_delivery);
    CHECK(json_member(*second.task_sequence_step.workflow_step.checkpoint_json, "cursor") == "9");
    world.succeed(second);
    CHECK(world.step(task, "only").attempts == 1);
    const auto audit = world.client().step_audit(task, world.step(task, "only").step_uuid);
    REQUIRE(audit.size() == 2);
    CHECK(audit[0].event == "yielded");
    CHECK(audit[1].event == "succeeded");
    CHECK(embedded(world).engine().check().empty());
}

TEST_CASE("E: a step that yields for ever without getting on is told about") {
    World world({graph("single", {{"only"}})});
    world.submit("single");
    const auto warned = [&] {
        for (const LogRecord& record : embedded(world).log().records()) {
            if (record.message.find("without getting on") != std::string::npos) return true;
        }
        return false;
    };
    for (int i = 0; i < 101; ++i) {
        CHECK_FALSE(warned());
        world.runtime().yield_step_event(world.take("only").event_id, {"5", 5, ""});
    }
    static_cast<void>(world.take("only"));
    CHECK(warned());
}

}  // namespace tasker::host::conformance
