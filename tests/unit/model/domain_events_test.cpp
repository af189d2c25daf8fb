#include "host/model/domain_events.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "host/core/json_text.hpp"

using namespace tasker::host;
using Json = nlohmann::json;

namespace {
// A step of a template with these declarations, a JSON list.
StepEvent event_with(const std::string& declarations) {
    auto made = std::make_shared<TaskTemplate>(template_from_json(
        R"({"name":"charge","namespace_name":"payments","version":"1.0.0","steps":[{"name":"authorize","handler":{"callable":"c"},"publishes_events":)" +
        declarations + "}]}"));
    auto task = std::make_shared<TaskInfo>();
    task->context_json = std::make_shared<const std::string>(R"({"amount":5})");
    task->correlation_id = *Uuid::parse("01990000-0000-7000-8000-0000000000c1");
    StepEvent event;
    event.task_uuid = *Uuid::parse("01990000-0000-7000-8000-000000000001");
    event.step_uuid = *Uuid::parse("01990000-0000-7000-8000-0000000000a1");
    event.task_sequence_step.task = task;
    event.task_sequence_step.task_template = made;
    event.task_sequence_step.workflow_step.name = "authorize";
    event.task_sequence_step.workflow_step.attempts = 1;
    return event;
}
std::string declaration(const std::string& name, const std::string& more = R"("condition":"success")") {
    return R"({"name":")" + name + R"(","description":"d","schema":{"type":"object"},)" + more + "}";
}
StepExecutionResult succeeded() {
    StepExecutionResult result;
    result.success = true;
    result.status = "completed";
    result.result_json = R"({"auth_id":"A9"})";
    return result;
}
StepExecutionResult failed(bool retryable) {
    StepExecutionResult result;
    result.status = "error";
    result.error = StepError{"card declined", "permanent_error", "DECLINED", retryable, "{}"};
    return result;
}
std::string names(const EventPlan& plan) {
    std::string all;
    for (const EventDraft& draft : plan.drafts) all += (all.empty() ? "" : " ") + draft.name;
    return all;
}
}  // namespace

TEST_CASE("E08: all five conditions fire, retryability by the result") {
    const StepEvent event = event_with(
        "[" + declaration("e.success") + "," + declaration("e.failure", R"("condition":"failure")") + "," +
        declaration("e.retryable", R"("condition":"retryable_failure")") + "," +
        declaration("e.permanent", R"("condition":"permanent_failure")") + "," +
        declaration("e.always", R"("condition":"always")") + "]");
    CHECK(names(plan_domain_events(event, succeeded(), {})) == "e.success e.always");
    CHECK(names(plan_domain_events(event, failed(true), {})) == "e.failure e.retryable e.always");
    CHECK(names(plan_domain_events(event, failed(false), {})) == "e.failure e.permanent e.always");
    StepExecutionResult nothing_said;
    nothing_said.status = "error";
    CHECK(names(plan_domain_events(event, nothing_said, {})) == "e.failure e.permanent e.always");
}

TEST_CASE("E08: the payload is the result, or what went wrong") {
    const StepEvent event = event_with("[" + declaration("e.always", R"("condition":"always")") + "]");
    CHECK(plan_domain_events(event, succeeded(), {}).drafts.at(0).payload_json == R"({"auth_id":"A9"})");
    CHECK(Json::parse(plan_domain_events(event, failed(false), {}).drafts.at(0).payload_json) ==
          Json{{"message", "card declined"},
               {"error_type", "permanent_error"},
               {"error_code", "DECLINED"},
               {"retryable", false},
               {"attempt", 2}});
}

TEST_CASE("E01: delivery and publisher are the declaration's; of two of one name the last counts") {
    const StepEvent event =
        event_with("[" + declaration("e.a", R"("condition":"success","delivery_mode":"fast")") + "," +
                   declaration("e.b", R"("delivery_mode":"broadcast","publisher":"my.publisher")") + "," +
                   declaration("e.c", R"("publisher":"default")") + "," +
                   declaration("e.a", R"("condition":"success","delivery_mode":"durable")") + "]");
    const EventPlan plan = plan_domain_events(event, succeeded(), {});
    REQUIRE(names(plan) == "e.b e.c e.a");
    CHECK(plan.drafts[0].delivery == DeliveryMode::Broadcast);
    CHECK(plan.drafts[0].publisher == "my.publisher");
    CHECK(plan.drafts[1].publisher.empty());
    CHECK(plan.drafts[2].delivery == DeliveryMode::Durable);
}

TEST_CASE("what a handler emits is published by name, declared or not, whatever the outcome") {
    const StepEvent event = event_with("[" + declaration("e.declared", R"("delivery_mode":"fast")") + "]");
    const std::vector<EmittedEvent> emitted{
        {"e.declared", R"({"own":1})"}, {"e.free", "7"}, {"e.declared", R"({"own":2})"}, {"Bad Name", "1"}};
    for (const auto& result : {succeeded(), failed(true)}) {
        const EventPlan plan = plan_domain_events(event, result, emitted);
        REQUIRE(names(plan) == "e.declared e.free e.declared");  // and not once more by itself
        CHECK(plan.drafts[0].payload_json == R"({"own":1})");
        CHECK(plan.drafts[0].delivery == DeliveryMode::Fast);
        CHECK(plan.drafts[0].declaration != nullptr);
        CHECK(plan.drafts[1].declaration == nullptr);
        CHECK(plan.drafts[1].delivery == DeliveryMode::Durable);
        REQUIRE(plan.skipped.size() == 1);
        CHECK(plan.skipped[0].name == "Bad Name");
    }
    const EventPlan many =
        plan_domain_events(event, succeeded(), std::vector<EmittedEvent>(300, EmittedEvent{"e.many", "1"}));
    CHECK(many.drafts.size() == kMaxEventsPerResult);
    CHECK(many.skipped.size() == 45);  // the declared one is the first
}

TEST_CASE("E02: a payload must be storable and fit the declared schema") {
    const StepEvent event = event_with(
        R"([{"name":"e.a","description":"d","schema":{"type":"object","required":["auth_id"]}},
            {"name":"e.b","description":"d","schema":{"type":"object","required":["other"]}}])");
    EventPlan plan =
        plan_domain_events(event, succeeded(), {{"e.free", "[1"}, {"e.free", ""}, {"e.free", "3"}});
    REQUIRE(plan.drafts.size() == 5);
    CHECK_FALSE(payload_fault(plan.drafts[0]));
    CHECK(payload_fault(plan.drafts[1])->find("schema") != std::string::npos);
    CHECK(payload_fault(plan.drafts[1])->find("other") != std::string::npos);
    CHECK(payload_fault(plan.drafts[2]));
    CHECK(payload_fault(plan.drafts[3]));
    CHECK_FALSE(payload_fault(plan.drafts[4]));
    plan.drafts[4].payload_json = "\"" + std::string(std::size_t{1} << 20U, 'x') + "\"";
    CHECK(payload_fault(plan.drafts[4]));
}

TEST_CASE("the event's JSON is the protocol's") {
    const StepEvent event = event_with("[" + declaration("payment.authorized") + "]");
    const auto result = succeeded();
    const EventPlan plan = plan_domain_events(event, result, {});
    const EventStamp stamp{*Uuid::parse("01990000-0000-7000-8000-0000000000e1"), 1'790'000'000'123};
    const std::string metadata =
        event_metadata(event, stamp, kDefaultPublisher, R"({"region":"eu","namespace":"forged","n":[1]})");
    const auto made =
        make_domain_event(event, event_source(event, result), plan.drafts.at(0), stamp, metadata);
    REQUIRE(made);
    CHECK_FALSE(json_fault(made->event_json));
    CHECK(made->event_id == stamp.event_id);
    CHECK(made->namespace_name == "payments");
    CHECK(made->delivery == DeliveryMode::Durable);
    const Json json = Json::parse(made->event_json);
    CHECK(json["event_id"] == "01990000-0000-7000-8000-0000000000e1");
    CHECK(json["event_name"] == "payment.authorized");
    CHECK(json["event_version"] == "1.0");
    CHECK(json["payload"]["payload"] == Json{{"auth_id", "A9"}});
    CHECK(json["payload"]["execution_result"]["success"] == true);
    CHECK(json["payload"]["execution_result"]["result"] == Json{{"auth_id", "A9"}});
    const Json& step = json["payload"]["task_sequence_step"];
    CHECK(step["task"]["task"]["context"] == Json{{"amount", 5}});
    CHECK(step["task"]["namespace_name"] == "payments");
    CHECK(step["workflow_step"]["name"] == "authorize");
    CHECK(step["step_definition"]["name"] == "authorize");
    CHECK(step["dependency_results"] == Json::object());
    CHECK(json["metadata"] == Json{{"task_uuid", "01990000-0000-7000-8000-000000000001"},
                                   {"step_uuid", "01990000-0000-7000-8000-0000000000a1"},
                                   {"step_name", "authorize"},
                                   {"namespace", "payments"},
                                   {"correlation_id", "01990000-0000-7000-8000-0000000000c1"},
                                   {"fired_at", json["metadata"]["fired_at"]},
                                   {"fired_by", "DefaultDomainEventPublisher"},
                                   {"region", "eu"},
                                   {"n", {1}}});
    CHECK(json["metadata"]["fired_at"].get<std::string>().ends_with("Z"));
    CHECK(json.size() == 5);
}

TEST_CASE("a large event goes without the results of ancestors, a larger one not at all") {
    StepEvent event = event_with("[" + declaration("e.a") + "]");
    const std::string big = "{\"big\":\"" + std::string(std::size_t{1} << 20U, 'x') + "\"}";
    const auto text = std::make_shared<const std::string>(big);
    for (const char* name : {"d0", "d1", "d2", "d3"})
        event.task_sequence_step.dependency_results.push_back({name, text});
    const auto result = succeeded();
    const EventPlan plan = plan_domain_events(event, result, {});
    EventSource source = event_source(event, result);
    const auto made = make_domain_event(event, source, plan.drafts.at(0), {}, "{}");
    REQUIRE(made);
    CHECK(made->event_json.size() < 100'000);
    CHECK(Json::parse(made->event_json)["payload"]["task_sequence_step"]["dependency_results"].empty());
    source.execution_result.assign(kMaxEventBytes, 'x');
    CHECK_FALSE(make_domain_event(event, source, plan.drafts.at(0), {}, "{}"));
}

TEST_CASE("event names: lower-case segments with dots between them") {
    for (const char* good : {"payment.authorized", "a.b.c", "a_1.2", "9.9"}) CHECK(is_event_name(good));
    for (const char* bad :
         {"", "payment", ".a.b", "a.b.", "a..b", "A.b", "a b.c", "a-b.c", "a.*", "\xC3\xA4.b"})
        CHECK_FALSE(is_event_name(bad));
    CHECK_FALSE(is_event_name("a." + std::string(300, 'b')));
}

TEST_CASE("E04: globs: a star is any run of characters, a dot is a dot") {
    CHECK(event_name_matches("*", "payment.authorized"));
    CHECK(event_name_matches("payment.*", "payment.authorized"));
    CHECK(event_name_matches("payment.*", "payment.card.declined"));
    CHECK_FALSE(event_name_matches("payment.*", "payments.authorized"));
    CHECK_FALSE(event_name_matches("payment.*", "paymentXauthorized"));
    CHECK(event_name_matches("*.declined", "payment.card.declined"));
    CHECK(event_name_matches("p*t.*d", "payment.authorized"));
    CHECK_FALSE(event_name_matches("p*t.*x", "payment.authorized"));
    CHECK(event_name_matches("a.b", "a.b"));
    CHECK_FALSE(event_name_matches("a.b", "a.bc"));
    CHECK_FALSE(event_name_matches("a.b", "aXb"));
    CHECK_FALSE(event_name_matches("", "a.b"));
    CHECK(event_name_matches("**", "a.b"));
    CHECK_FALSE(event_name_matches("a.[bc]", "a.b"));
    // Takes no time that grows with the stars.
    CHECK_FALSE(event_name_matches(std::string(60, '*') + "x", std::string(255, 'a')));
}
