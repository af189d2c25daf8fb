#include <doctest/doctest.h>

#include "host/core/json_text.hpp"
#include "host/core/json_view.hpp"
#include "tests/unit/loader/call_fixture.hpp"

using namespace tasker::host;
using namespace tasker::host::testing;

namespace {
std::string_view view(const tasker_str& text) { return {text.ptr, text.len}; }

template <class Check>
void with_step(const StepEvent& event, Check check) {
    FakeControl control;
    InTestPlugin plugin([&](const tasker_step_v0& step, tasker_call* call) {
        const auto get = [&](const char* key) {
            tasker_str out{};
            const auto status = step.api->get(call, key, &out);
            return status == TASKER_OK            ? std::string(view(out))
                   : status == TASKER_E_NOT_FOUND ? "(none)"
                                                  : "(error)";
        };
        check(step, get);
        return succeed(step, call, "{}");
    });
    plugin.run(control, event);
}
}  // namespace

TEST_CASE("a handler sees the step's identity, attempt, texts and flags") {
    StepEvent event = make_event();
    event.first_delivery = false;
    with_step(event, [&](const tasker_step_v0& step, auto) {
        CHECK(step.struct_size == sizeof step);
        CHECK(step.attempt == 2);
        CHECK(step.max_attempts == 3);
        CHECK(step.flags == (TASKER_STEP_RETRYABLE | TASKER_STEP_REDELIVERED));
        CHECK(view(step.event_id) == event.event_id.str());
        CHECK(view(step.step_uuid) == event.step_uuid.str());
        CHECK(view(step.task_uuid) == event.task_uuid.str());
        CHECK(view(step.correlation_id) == event.correlation_id.str());
        CHECK(view(step.idempotency_key) == event.step_uuid.str());
        CHECK(step.parent_correlation_id.len == 0);
        CHECK(view(step.namespace_) == "orders");
        CHECK(view(step.task_name) == "order");
        CHECK(view(step.task_version) == "1.0.0");
        CHECK(view(step.step_name) == "ship");
        CHECK(view(step.template_step_name) == "ship");
        CHECK(view(step.callable) == "test.handler");
        CHECK(view(step.context_json) == R"({"number":6})");
        CHECK(view(step.config_json) == R"({"carrier":"x"})");
        CHECK(step.inputs_json.len == 0);
        CHECK(step.checkpoint_json.len == 0);
    });
}

TEST_CASE("get answers dependencies, their sorted names and nothing for what the step does not have") {
    with_step(make_event(), [](const tasker_step_v0&, auto get) {
        CHECK(get("dep.pay") == R"({"result":1})");
        CHECK(get("dep.allocate") == R"({"result":2})");
        CHECK(get("dep.unknown") == "(none)");
        CHECK(get("dep.") == "(none)");
        CHECK(get("dep_names") == R"(["allocate","pay"])");
        CHECK(get("context") == R"({"number":6})");
        CHECK(get("inputs") == "(none)");
        CHECK(get("previous_result") == "(none)");
        CHECK(get("nonsense") == "(none)");
        CHECK(get(nullptr) == "(error)");
    });
}

TEST_CASE("get answers inputs and the previous result when the step has them") {
    StepEvent event = make_event();
    event.task_sequence_step.workflow_step.inputs_json = R"({"cursor":1})";
    event.task_sequence_step.workflow_step.previous_result = shared_text(R"({"success":false})");
    with_step(event, [](const tasker_step_v0& step, auto get) {
        CHECK(view(step.inputs_json) == R"({"cursor":1})");
        CHECK(get("inputs") == R"({"cursor":1})");
        CHECK(get("previous_result") == R"({"success":false})");
    });
}

TEST_CASE("the task and the nested event are valid JSON with the seed's members") {
    StepEvent event = make_event();
    with_step(event, [&](const tasker_step_v0&, auto get) {
        const std::string task = get("task");
        CHECK_FALSE(json_fault(task).has_value());
        CHECK(json_string_member(task, "task_name") == "order");
        CHECK(json_member(task, "context") == R"({"number":6})");
        const std::string whole = get("event");
        CHECK_FALSE(json_fault(whole).has_value());
        CHECK(json_string_member(whole, "step_uuid") == event.step_uuid.str());
        const auto sequence = json_member(whole, "task_sequence_step");
        REQUIRE(sequence.has_value());
        for (const auto* key : {"task", "workflow_step", "step_definition", "dependency_results"}) {
            CHECK_MESSAGE(json_member(*sequence, key).has_value(), key);
        }
        const auto nested = json_member(*json_member(*sequence, "task"), "task");
        REQUIRE(nested.has_value());
        CHECK(json_member(*nested, "context") == R"({"number":6})");
        CHECK(json_member(*json_member(*sequence, "dependency_results"), "pay") == R"({"result":1})");
        CHECK(json_member(*json_member(*sequence, "workflow_step"), "attempts") == "1");
    });
}

TEST_CASE("C08 B07: a batch worker sees its cursor, and whether it has nothing to do") {
    StepEvent event = make_event();
    auto& inputs = event.task_sequence_step.workflow_step.inputs_json;
    inputs = R"({"cursor":{"batch_id":"001","start_cursor":0},"is_no_op":false,"x":1})";
    with_step(event, [](const tasker_step_v0& step, auto get) {
        CHECK(view(step.batch_json) == R"({"batch_id":"001","start_cursor":0})");
        CHECK((step.flags & TASKER_STEP_NO_OP) == 0);
        CHECK(get("inputs") == view(step.inputs_json));
    });
    inputs = R"({"cursor":null,"is_no_op":true})";
    with_step(event, [](const tasker_step_v0& step, auto) {
        CHECK(step.batch_json.len == 0);
        CHECK((step.flags & TASKER_STEP_NO_OP) != 0);
    });
}

TEST_CASE("B15: the checkpoint of an earlier call is there") {
    StepEvent event = make_event();
    event.task_sequence_step.workflow_step.checkpoint_json =
        shared_text(R"({"cursor":0,"items_processed":5,"accumulated_results":null})");
    with_step(event, [](const tasker_step_v0& step, auto) {
        CHECK(view(step.checkpoint_json) == R"({"cursor":0,"items_processed":5,"accumulated_results":null})");
    });
}

TEST_CASE("X07: a context of ten megabytes is lent to the handler and not copied") {
    StepEvent event = make_event();
    auto task = std::make_shared<TaskInfo>(*event.task_sequence_step.task);
    task->context_json = shared_text(R"({"text":")" + std::string(10'000'000, 'x') + "\"}");
    event.task_sequence_step.task = task;
    FakeControl control;
    InTestPlugin plugin([&](const tasker_step_v0& step, tasker_call* call) {
        CHECK(step.context_json.ptr == task->context_json->data());
        CHECK(step.context_json.len == task->context_json->size());
        CHECK(step.config_json.ptr ==
              event.task_sequence_step.step_definition().handler.initialization_json.data());
        tasker_str result{};
        CHECK(step.api->get(call, "dep.pay", &result) == TASKER_OK);
        CHECK(result.ptr == event.task_sequence_step.dependency_results[0].envelope_json->data());
        return succeed(step, call, "{}");
    });
    plugin.run(control, event);
}
