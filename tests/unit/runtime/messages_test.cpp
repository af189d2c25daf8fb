#include "host/runtime/link/messages.hpp"

#include <doctest/doctest.h>

#include "host/runtime/link/step_message.hpp"

using namespace tasker::host;

namespace {
Uuid uuid(std::uint8_t last) {
    Uuid made;
    made.bytes.back() = last;
    return made;
}

template <class Payload>
std::string bytes_of(const Payload& payload) {
    std::string bytes;
    FieldWriter out(bytes);
    put(out, payload);
    return bytes;
}

// Each shorter text, and one that is longer, is refused.
template <class Read>
void check_cuts(const std::string& bytes, Read&& read) {
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        CAPTURE(size);
        CHECK_THROWS_AS(static_cast<void>(read(std::string_view(bytes).substr(0, size))), LinkFault);
    }
    CHECK_THROWS_AS(static_cast<void>(read(bytes + "x")), LinkFault);
}

StepExecutionResult full_result() {
    StepExecutionResult result;
    result.step_uuid = uuid(1);
    result.task_uuid = uuid(2);
    result.success = false;
    result.status = "error";
    result.execution_time_ms = 12;
    result.result_json = "{}";
    result.error = StepError{"it broke", "type", "CODE", true, R"({"a":1})"};
    result.worker_id = "w1";
    result.correlation_id = "c";
    result.metadata_json = R"({"m":2})";
    result.started_ms = 100;
    result.completed_ms = 112;
    result.handler_version = "p@1";
    result.worker_hostname = "here";
    result.retry_after_ms = 3000;
    result.headers = {{"Retry-After", "3"}, {"x", ""}};
    result.events = {{uuid(3), "order.made", "ns", DeliveryMode::Broadcast, R"({"e":1})"}};
    return result;
}
}  // namespace

TEST_CASE("messages: a result comes back whole") {
    const std::string bytes = bytes_of(full_result());
    const StepExecutionResult back = result_from(bytes);
    CHECK(bytes_of(back) == bytes);
    CHECK(back.step_uuid == uuid(1));
    CHECK(back.task_uuid == uuid(2));
    CHECK(back.status == "error");
    CHECK(back.error == full_result().error);
    CHECK(back.execution_time_ms == 12);
    CHECK(back.metadata_json == R"({"m":2})");
    CHECK(back.retry_after_ms == 3000);
    CHECK(back.headers == full_result().headers);
    REQUIRE(back.events.size() == 1);
    CHECK(back.events[0].name == "order.made");
    CHECK(back.events[0].delivery == DeliveryMode::Broadcast);
    CHECK(back.started_ms == 100);
    CHECK(back.completed_ms == 112);
    CHECK(back.handler_version == "p@1");
    CHECK(back.worker_hostname == "here");
    check_cuts(bytes, [](std::string_view cut) { return result_from(cut); });
}

TEST_CASE("messages: HELLO and WELCOME come back whole") {
    HelloMessage hello;
    hello.worker_id = "w1";
    hello.namespaces = {"a", "b"};
    hello.generation = -1;
    hello.token = "t";
    hello.capacity = {3, {{"a", "x.y", "m", 2}, {"b", "z", "", 1}}};
    hello.held = {{uuid(1), uuid(2), 5, true}, {uuid(3), uuid(4), 6, false}};
    const std::string bytes = bytes_of(hello);
    const HelloMessage back = hello_from(bytes);
    CHECK(back.held == hello.held);
    CHECK(back.namespaces == hello.namespaces);
    CHECK(back.generation == -1);
    REQUIRE(back.capacity.lanes.size() == 2);
    CHECK(back.capacity.lanes[0].callable == "x.y");
    CHECK(back.capacity.lanes[0].method == "m");
    CHECK(back.capacity.lanes[0].limit == 2);
    CHECK(bytes_of(back) == bytes);
    check_cuts(bytes, [](std::string_view cut) { return hello_from(cut); });

    WelcomeMessage welcome;
    welcome.gone = {uuid(9)};
    welcome.status.core_status = "running";
    welcome.status.error = "no";
    welcome.status.pool_size = 4;
    welcome.status.store_lost = true;
    const std::string second = bytes_of(welcome);
    CHECK(welcome_from(second).gone == welcome.gone);
    CHECK(welcome_from(second).status.error == "no");
    CHECK(welcome_from(second).status.store_lost);
    CHECK(bytes_of(welcome_from(second)) == second);
    check_cuts(second, [](std::string_view cut) { return welcome_from(cut); });
}

TEST_CASE("messages: lists and small ones come back, and nothing outside of their values") {
    const std::vector<Verdict> verdicts = {{7, CompletionVerdict::Accepted},
                                           {8, CompletionVerdict::Superseded}};
    std::string bytes = bytes_of(std::span<const Verdict>(verdicts));
    CHECK(verdicts_from(bytes) == verdicts);
    check_cuts(bytes, [](std::string_view cut) { return verdicts_from(cut); });
    bytes.back() = 3;
    CHECK_THROWS_AS(static_cast<void>(verdicts_from(bytes)), LinkFault);

    const std::vector<Revocation> revocations = {{uuid(1), Revocation::Why::TimedOut}};
    bytes = bytes_of(std::span<const Revocation>(revocations));
    CHECK(revocations_from(bytes).at(0).why == Revocation::Why::TimedOut);
    bytes.back() = 9;
    CHECK_THROWS_AS(static_cast<void>(revocations_from(bytes)), LinkFault);

    bytes = bytes_of(Checkpoint{"17", 3, "[1]"});
    CHECK(checkpoint_from(bytes) == Checkpoint{"17", 3, "[1]"});
    check_cuts(bytes, [](std::string_view cut) { return checkpoint_from(cut); });
    bytes = bytes_of(RefusedMessage{RefusalCode::Token, "why"});
    CHECK(refused_from(bytes).code == RefusalCode::Token);
    bytes.front() = 99;
    CHECK_THROWS_AS(static_cast<void>(refused_from(bytes)), LinkFault);
    bytes = bytes_of(TemplateMessage{3, true, "{}"});
    CHECK(template_from(bytes).forget_others);
    check_cuts(bytes, [](std::string_view cut) { return template_from(cut); });
    bytes = bytes_of(CheckpointAnswer{true, false, "f"});
    CHECK(checkpoint_answer_from(bytes).saved);
    check_cuts(bytes, [](std::string_view cut) { return checkpoint_answer_from(cut); });
    const std::vector<std::string> texts = {"a", ""};
    CHECK(texts_from(bytes_of(std::span<const std::string>(texts))) == texts);
}

TEST_CASE("messages: a step comes back whole, with its template by number") {
    auto definition = std::make_shared<const TaskTemplate>(template_from_json(
        R"({"name":"t","namespace_name":"ns","version":"1.0.0","steps":[{"name":"a","handler":{"callable":"x"}},)"
        R"({"name":"b","handler":{"callable":"y"},"dependencies":["a"]}]})"));
    StepEvent event;
    event.event_id = uuid(1);
    event.task_uuid = uuid(2);
    event.step_uuid = uuid(3);
    event.correlation_id = uuid(4);
    event.claimed_ms = 5;
    event.timeout_ms = 6;
    event.first_delivery = false;
    auto task = std::make_shared<TaskInfo>();
    task->task_uuid = event.task_uuid;
    task->correlation_id = event.correlation_id;
    task->parent_correlation_id = uuid(5);
    task->context_json = std::make_shared<const std::string>(R"({"c":1})");
    task->priority = -3;
    task->initiator = "i";
    task->source_system = "s";
    task->reason = "r";
    task->tags_json = R"(["t"])";
    task->traceparent = "00-1";
    task->created_ms = 7;
    task->requested_ms = 8;
    event.task_sequence_step.task = task;
    event.task_sequence_step.task_template = definition;
    event.task_sequence_step.step_index = 1;
    WorkflowStep& step = event.task_sequence_step.workflow_step;
    step.step_uuid = event.step_uuid;
    step.name = "b_1";
    step.template_step_name = "b";
    step.attempts = 2;
    step.max_attempts = 4;
    step.retryable = false;
    step.inputs_json = R"({"i":1})";
    step.previous_result = std::make_shared<const std::string>("previous");
    step.checkpoint_json = std::make_shared<const std::string>("checkpoint");
    event.task_sequence_step.dependency_results = {{"a", std::make_shared<const std::string>("envelope")}};

    std::string bytes;
    FieldWriter out(bytes);
    put_step(out, event, 12);
    const FindTemplate find = [&](std::uint32_t id) { return id == 12 ? definition : nullptr; };
    StepEvent back = step_from(event.event_id, bytes, find);
    std::string again;
    FieldWriter second(again);
    put_step(second, back, 12);
    CHECK(again == bytes);
    const TaskSequenceStep& sequence = back.task_sequence_step;
    CHECK(back.event_id == uuid(1));
    CHECK(back.callable() == "y");
    CHECK_FALSE(back.first_delivery);
    CHECK(sequence.task->task_uuid == uuid(2));
    CHECK(*sequence.task->context_json == R"({"c":1})");
    CHECK(sequence.task->parent_correlation_id == uuid(5));
    CHECK(sequence.task->priority == -3);
    CHECK(sequence.task->requested_ms == 8);
    CHECK(sequence.workflow_step.step_uuid == uuid(3));
    CHECK(sequence.workflow_step.name == "b_1");
    CHECK(*sequence.workflow_step.previous_result == "previous");
    CHECK(*sequence.workflow_step.checkpoint_json == "checkpoint");
    // A copy keeps alive what its results refer to.
    const StepEvent copy = std::exchange(back, StepEvent{});
    REQUIRE(copy.task_sequence_step.dependency_results.size() == 1);
    CHECK(copy.task_sequence_step.dependency_results[0].step_name == "a");
    CHECK(*copy.task_sequence_step.dependency_results[0].envelope_json == "envelope");

    check_cuts(bytes, [&](std::string_view cut) { return step_from(event.event_id, cut, find); });
    CHECK_THROWS_AS(
        static_cast<void>(step_from(event.event_id, bytes, [](std::uint32_t) { return nullptr; })),
        LinkFault);
    bytes[4] = 2;  // a step that the template does not have
    CHECK_THROWS_AS(static_cast<void>(step_from(event.event_id, bytes, find)), LinkFault);
}
