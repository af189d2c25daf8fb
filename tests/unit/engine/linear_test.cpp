#include <doctest/doctest.h>

#include "tests/unit/engine/engine_fixture.hpp"

using namespace tasker::host;
using namespace tasker::host::testing;

TEST_CASE("A linear task runs its steps in order and completes") {
    EngineFixture fixture;
    fixture.open({linear_template()});
    fixture.attach();
    const Uuid task = fixture.submit(request("linear", R"({"order":1})"));
    std::string order;
    for (int i = 0; i < 4; ++i) {
        const StepEvent event = fixture.next_event();
        order += event.task_sequence_step.workflow_step.name;
        CHECK(event.task_uuid == task);
        CHECK(event.task_sequence_step.workflow_step.attempts == 0);
        CHECK(*event.task_sequence_step.task->context_json == R"({"order":1})");
        CHECK(event.task_sequence_step.dependency_results.size() == static_cast<std::size_t>(i));
        CHECK(fixture.succeed(event) == CompletionVerdict::Accepted);
    }
    CHECK(order == "abcd");
    const TaskView view = fixture.view(task);
    CHECK(view.state == TaskState::Complete);
    CHECK(view.completed_steps == 4);
    for (const StepView& step : view.steps) {
        CHECK(step.state == StepState::Complete);
        CHECK(step.attempts == 1);
        CHECK(step.results_json.find(R"("ok":true)") != std::string::npos);
    }
    CHECK(fixture.engine->check().empty());
}
