#include <chrono>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "support.hpp"

using namespace std::chrono_literals;
using sdk_test::ProbeTest;
using tasker::json;
using tasker::Presence;
using tasker::StepContext;
using tasker::StopReason;
using tasker::ValidationError;
using tasker::testing::StepTest;

TEST_CASE("identity comes from the step, byte for byte") {
    ProbeTest test;
    test.step.step_name("load_001").template_step_name("load").method("call").idempotency_key("K");
    test.step.traceparent("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
        .parent_correlation_id("P");
    test.inspect([](StepContext& context) {
        CHECK(context.task_uuid() == StepTest::kTaskUuid);
        CHECK(context.step_uuid() == StepTest::kStepUuid);
        CHECK(context.event_id() == StepTest::kEventId);
        CHECK(context.correlation_id() == StepTest::kCorrelationId);
        CHECK(context.parent_correlation_id() == "P");
        CHECK(context.handler_name() == "sdk_test.probe");
        CHECK(context.method() == "call");
        CHECK(context.step_name() == "load_001");
        CHECK(context.template_step_name() == "load");
        CHECK(context.namespace_name() == "test");
        CHECK(context.task_name() == "test_task");
        CHECK(context.task_version() == "1.0.0");
        CHECK(context.idempotency_key() == "K");
        CHECK(context.traceparent()->starts_with("00-0af7"));
        CHECK(context.trace_id() == "0af7651916cd43dd8448eb211c80319c");
        CHECK(context.span_id() == "b7ad6b7169203331");
    });
}

TEST_CASE("optional identity is absent when the step has none") {
    ProbeTest().inspect([](StepContext& context) {
        CHECK_FALSE(context.parent_correlation_id());
        CHECK_FALSE(context.traceparent());
        CHECK_FALSE(context.trace_id());
        CHECK_FALSE(context.span_id());
        CHECK(context.template_step_name() == context.step_name());
    });
}

TEST_CASE("flags of the step are read one by one") {
    ProbeTest test;
    test.inspect([](StepContext& context) {
        CHECK(context.retryable());
        CHECK_FALSE(context.dry_run());
        CHECK_FALSE(context.redelivered());
    });
    test.step.retryable(false).dry_run(true).redelivered(true);
    test.inspect([](StepContext& context) {
        CHECK_FALSE(context.retryable());
        CHECK(context.dry_run());
        CHECK(context.redelivered());
    });
}

TEST_CASE("missing, null and present inputs are three states") {
    ProbeTest test;
    test.step.input({{"set", 1}, {"null", nullptr}});
    test.inspect([](StepContext& context) {
        CHECK(context.input_state("set") == Presence::Present);
        CHECK(context.input_state("null") == Presence::Null);
        CHECK(context.input_state("gone") == Presence::Missing);
        CHECK(context.has_input("null"));
        CHECK_FALSE(context.has_input("gone"));
        CHECK(context.get_input<int>("set") == 1);
        CHECK_FALSE(context.get_input<int>("null"));
        CHECK_FALSE(context.get_input<int>("gone"));
        CHECK_FALSE(context.get_input("null"));
        CHECK(context.get_input_or("set", 7) == 1);
        CHECK(context.get_input_or("null", 7) == 7);
        CHECK(context.get_input_or("gone", 7) == 7);
        CHECK(context.get_input_or("gone", "text") == std::string("text"));
        CHECK(context.require_input<int>("set") == 1);
        CHECK_THROWS_WITH_AS(context.require_input<int>("null"), "input 'null' is required and is null",
                             ValidationError);
        CHECK_THROWS_WITH_AS(context.require_input<int>("gone"), "input 'gone' is required and is missing",
                             ValidationError);
    });
}

TEST_CASE("a wrong type is a validation error that names key, expected and found type") {
    struct Row {
        const char* value;
        void (*read)(StepContext&);
        const char* message;
        const char* field = "k";
    };
    const Row rows[] = {
        {R"("x")", [](StepContext& c) { c.get_input<int>("k"); },
         "input 'k': expected integer, found string"},
        {R"("x")", [](StepContext& c) { c.get_input_or("k", 3); },
         "input 'k': expected integer, found string"},
        {"1.5", [](StepContext& c) { c.get_input<int>("k"); }, "input 'k': expected integer, found number"},
        {"true", [](StepContext& c) { c.get_input<int>("k"); }, "input 'k': expected integer, found boolean"},
        {"1", [](StepContext& c) { c.get_input<bool>("k"); }, "input 'k': expected boolean, found integer"},
        {"1", [](StepContext& c) { c.get_input<std::string>("k"); },
         "input 'k': expected string, found integer"},
        {"1", [](StepContext& c) { c.get_input_or("k", "d"); }, "input 'k': expected string, found integer"},
        {R"("1")", [](StepContext& c) { c.get_input<double>("k"); },
         "input 'k': expected number, found string"},
        {"{}", [](StepContext& c) { c.get_input<std::vector<int>>("k"); },
         "input 'k': expected array, found object"},
        {"[1, null]", [](StepContext& c) { c.get_input<std::vector<int>>("k"); },
         "input 'k[1]': expected integer, found null", "k[1]"},
        {R"({"a":true})", [](StepContext& c) { c.get_input<std::map<std::string, int>>("k"); },
         "input 'k.a': expected integer, found boolean", "k.a"},
        {"[]", [](StepContext& c) { c.get_input<std::map<std::string, int>>("k"); },
         "input 'k': expected object, found array"},
        {"300", [](StepContext& c) { c.get_input<std::int8_t>("k"); },
         "input 'k': expected integer from -128 to 127, found 300"},
        {"-1", [](StepContext& c) { c.get_input<unsigned>("k"); },
         "input 'k': expected integer from 0 to 4294967295, found -1"},
        {"1e300", [](StepContext& c) { c.get_input<std::int64_t>("k"); },
         "input 'k': expected integer from -9223372036854775808 to 9223372036854775807, found 1e+300"},
        {"18446744073709551615", [](StepContext& c) { c.get_input<std::int64_t>("k"); },
         "input 'k': expected integer from -9223372036854775808 to 9223372036854775807, found "
         "18446744073709551615"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.value);
        ProbeTest test;
        test.step.input({{"k", json::parse(row.value)}});
        const auto run = test.run([&](StepContext& context) {
            row.read(context);
            return tasker::StepHandlerResult::success();
        });
        CHECK(run->error_message() == row.message);
        CHECK(run->error_type() == "validation_error");
        CHECK(run->error_code() == "WRONG_TYPE");
        CHECK_FALSE(run->retryable());
        CHECK(run->metadata()["field"] == row.field);
    }
}

TEST_CASE("every type that an accessor offers is read") {
    ProbeTest test;
    test.step.input({{"b", true},
                     {"i", -5},
                     {"whole", 6.0},
                     {"big", 18446744073709551615u},
                     {"d", 1.5},
                     {"s", "text"},
                     {"v", {1, 2}},
                     {"m", {{"a", 1}}},
                     {"j", {{"x", json::array()}}}});
    test.inspect([](StepContext& context) {
        CHECK(context.get_input<bool>("b") == true);
        CHECK(context.get_input<std::int64_t>("i") == -5);
        CHECK(context.get_input<int>("whole") == 6);
        CHECK(context.get_input<std::uint64_t>("big") == 18446744073709551615u);
        CHECK(context.get_input<double>("d") == 1.5);
        CHECK(context.get_input<double>("i") == -5.0);
        CHECK(context.get_input<std::string>("s") == "text");
        CHECK(context.get_input<std::vector<int>>("v") == std::vector{1, 2});
        CHECK(context.get_input<std::map<std::string, int>>("m")->at("a") == 1);
        CHECK(context.get_input("j")->at("x").is_array());
        CHECK(context.input_data().size() == 9);
        CHECK(&context.context() == &context.input_data());
    });
}

namespace {
struct Address {
    std::string city;
};
void from_json(const json& value, Address& address) { value.at("city").get_to(address.city); }
}  // namespace

TEST_CASE("a type with from_json is bound, and a bad one is a validation error") {
    ProbeTest test;
    test.step.input({{"city", "Oslo"}, {"home", {{"city", "Rome"}}}, {"bad", {{"town", 1}}}});
    test.inspect([](StepContext& context) {
        CHECK(context.input_as<Address>().city == "Oslo");
        CHECK(context.get_input<Address>("home")->city == "Rome");
        CHECK_THROWS_AS(context.get_input<Address>("bad"), ValidationError);
    });
}

TEST_CASE("input that is null is an empty object, and one that is not JSON is a validation error") {
    ProbeTest null_input;
    null_input.step.input(nullptr);
    null_input.inspect([](StepContext& context) {
        CHECK(context.input_data() == json::object());
        CHECK_FALSE(context.get_input("k"));
    });
}

TEST_CASE("configuration and step inputs have the same three cases and are not the task's input") {
    ProbeTest test;
    test.step.input({{"k", "task"}})
        .config({{"k", 1}, {"null", nullptr}})
        .step_inputs({{"k", true}, {"null", nullptr}});
    test.inspect([](StepContext& context) {
        CHECK(context.step_config()["k"] == 1);
        CHECK(context.get_config<int>("k") == 1);
        CHECK_FALSE(context.get_config<int>("null"));
        CHECK_FALSE(context.get_config<int>("gone"));
        CHECK(context.get_config_or("null", 2) == 2);
        CHECK(context.get_config_or("gone", 2) == 2);
        CHECK(context.config_state("null") == Presence::Null);
        CHECK(context.config_state("gone") == Presence::Missing);
        CHECK_THROWS_WITH_AS(context.get_config<bool>("k"), "config 'k': expected boolean, found integer",
                             ValidationError);
        CHECK_THROWS_WITH_AS(context.get_config_or("k", "d"), "config 'k': expected string, found integer",
                             ValidationError);
        CHECK_THROWS_WITH_AS(context.require_config<int>("gone"), "config 'gone' is required and is missing",
                             ValidationError);
        CHECK(context.step_inputs()["k"] == true);
        CHECK(context.get_step_input<bool>("k") == true);
        CHECK_FALSE(context.get_step_input<bool>("null"));
        CHECK_FALSE(context.get_step_input<bool>("gone"));
        CHECK(context.step_input_state("null") == Presence::Null);
        CHECK_THROWS_WITH_AS(context.get_step_input<int>("k"),
                             "step input 'k': expected integer, found boolean", ValidationError);
        CHECK(context.get_input<std::string>("k") == "task");
    });
    ProbeTest().inspect([](StepContext& context) {
        CHECK(context.step_inputs() == json::object());
        CHECK(context.step_config() == json::object());
    });
}

TEST_CASE("attempts count from one, retries from zero, and the last one is known") {
    struct Row {
        std::uint32_t attempt, max, retry_count;
        bool is_retry, is_last;
    };
    const Row rows[] = {{1, 3, 0, false, false}, {2, 3, 1, true, false}, {3, 3, 2, true, true},
                        {4, 3, 3, true, true},   {1, 1, 0, false, true}, {1, 0, 0, false, true}};
    for (const auto& row : rows) {
        CAPTURE(row.attempt);
        CAPTURE(row.max);
        ProbeTest test;
        test.step.attempt(row.attempt).max_attempts(row.max);
        test.inspect([&](StepContext& context) {
            CHECK(context.attempt() == row.attempt);
            CHECK(context.retry_count() == row.retry_count);
            CHECK(context.max_retries() == row.max);
            CHECK(context.is_retry() == row.is_retry);
            CHECK(context.is_last_retry() == row.is_last);
        });
    }
    ProbeTest().inspect([](StepContext& context) { CHECK(context.max_retries() == 3); });
}

TEST_CASE("the previous attempt's result is there on a retry only") {
    ProbeTest test;
    test.inspect([](StepContext& context) { CHECK_FALSE(context.previous_result()); });
    test.step.previous_result({{"success", false}, {"error", {{"message", "no"}}}});
    test.inspect(
        [](StepContext& context) { CHECK(context.previous_result()->at("error").at("message") == "no"); });
}

TEST_CASE("checkpoint accessors take integer, string and object cursors, and 0 counts") {
    ProbeTest none;
    none.inspect([](StepContext& context) {
        CHECK_FALSE(context.checkpoint());
        CHECK_FALSE(context.checkpoint_cursor());
        CHECK(context.checkpoint_items_processed() == 0);
        CHECK_FALSE(context.accumulated_results());
        CHECK_FALSE(context.has_checkpoint());
    });
    for (const json& cursor : {json(0), json("row-7"), json{{"page", 2}}}) {
        CAPTURE(cursor.dump());
        ProbeTest test;
        test.step.checkpoint(
            {{"cursor", cursor}, {"items_processed", 40}, {"accumulated_results", {{"sum", 9}}}});
        test.inspect([&](StepContext& context) {
            CHECK(context.checkpoint()->at("cursor") == cursor);
            CHECK(context.checkpoint_cursor() == cursor);
            CHECK(context.checkpoint_items_processed() == 40);
            CHECK(context.accumulated_results()->at("sum") == 9);
            CHECK(context.has_checkpoint());
        });
    }
    ProbeTest odd;
    odd.step.checkpoint({{"cursor", nullptr}, {"items_processed", nullptr}});
    odd.inspect([](StepContext& context) {
        CHECK_FALSE(context.has_checkpoint());
        CHECK(context.checkpoint_items_processed() == 0);
    });
    ProbeTest wrong;
    wrong.step.checkpoint({{"cursor", "x"}, {"items_processed", "many"}});
    wrong.inspect([](StepContext& context) {
        CHECK_THROWS_AS(context.checkpoint_cursor<int>(), ValidationError);
        CHECK_THROWS_AS(context.checkpoint_items_processed(), ValidationError);
    });
}

TEST_CASE("remaining time is absent without a deadline and negative past it") {
    ProbeTest test;
    test.inspect([](StepContext& context) {
        CHECK_FALSE(context.remaining());
        CHECK_FALSE(context.deadline());
    });
    test.step.remaining(2500ms);
    test.inspect([](StepContext& context) {
        const auto before = std::chrono::steady_clock::now();
        CHECK(context.remaining() == 2500ms);
        CHECK(*context.deadline() >= before + 2500ms);
    });
    test.step.remaining(-1ms);
    test.inspect([](StepContext& context) { CHECK(context.remaining() == -1ms); });
}

TEST_CASE("a stop is seen with its reason and releases the step") {
    const StopReason reasons[] = {StopReason::Cancelled, StopReason::Deadline, StopReason::Draining,
                                  StopReason::LeaseLost};
    for (const auto reason : reasons) {
        CAPTURE(to_string(reason));
        ProbeTest test;
        test.step.stop(reason, 2);
        int polls = 0;
        const auto run = test.run([&](StepContext& context) {
            for (; polls < 10; ++polls) {
                CHECK(context.stop() == (polls < 2 ? StopReason::None : reason));
                if (polls >= 2) context.throw_if_stopped();
            }
            return tasker::StepHandlerResult::success();
        });
        CHECK(polls == 2);
        CHECK(run.released());
        CHECK(run.status() == (reason == StopReason::LeaseLost ? TASKER_E_LEASE_LOST : TASKER_E_CANCELLED));
        CHECK_THROWS_AS(run.result(), std::logic_error);
    }
    ProbeTest().inspect([](StepContext& context) {
        CHECK_FALSE(context.stop_requested());
        context.throw_if_stopped();
    });
}

TEST_CASE("a heartbeat carries progress and tells that the lease is lost") {
    ProbeTest test;
    auto run = test.run([](StepContext& context) {
        CHECK(context.heartbeat(3, 10));
        CHECK(context.heartbeat());
        return tasker::StepHandlerResult::success();
    });
    REQUIRE(run.heartbeats().size() == 2);
    CHECK(run.heartbeats()[0].done == 3);
    CHECK(run.heartbeats()[0].total == 10);
    test.step.lease_lost();
    test.inspect([](StepContext& context) { CHECK_FALSE(context.heartbeat(1, 2)); });
}

namespace {
// What reading a value came to: the message of a ValidationError, or "".
template <class Read>
std::string refusal(Read read) {
    try {
        read();
        return "";
    } catch (const ValidationError& error) {
        return error.what();
    }
}
}  // namespace

TEST_CASE("every accessor that requires a value tells missing, null and wrong type apart") {
    const json values{{"null", nullptr}, {"text", "x"}};
    ProbeTest test;
    test.step.input(values).config(values);
    test.step.dependency("all", values).dependency("null", nullptr).dependency("text", "x");
    test.inspect([&](StepContext& context) {
        using Read = std::function<void(const char*)>;
        const std::pair<std::string, Read> rows[] = {
            {"input '", [&](const char* key) { context.require_input<int>(key); }},
            {"config '", [&](const char* key) { context.require_config<int>(key); }},
            {"result of dependency '", [&](const char* key) { context.require_dependency_result<int>(key); }},
            {"field of dependency '", [&](const char* key) { context.require_dependency_field<int>(key); }},
            {"field of dependency 'all.",
             [&](const char* key) { context.require_dependency_field<int>("all", key); }},
            {"value '", [&](const char* key) { tasker::require_value<int>(values, key); }},
        };
        for (const auto& row : rows) {
            const auto& what = row.first;
            CAPTURE(what);
            CHECK(refusal([&] { row.second("gone"); }) == what + "gone' is required and is missing");
            CHECK(refusal([&] { row.second("null"); }) == what + "null' is required and is null");
            CHECK(refusal([&] { row.second("text"); }) == what + "text': expected integer, found string");
        }
        CHECK(refusal([&] { context.require_dependency_field("all", "null", "x"); }) ==
              "field of dependency 'all.null.x' is required and is missing");
    });
}

TEST_CASE("the raw event and the task are reachable, by JSON pointer too") {
    ProbeTest test;
    test.step.attempt(3).input({{"a", 1}});
    test.inspect([](StepContext& context) {
        CHECK(json::parse(context.raw_event())["step_uuid"] == StepTest::kStepUuid);
        CHECK(context.event_at("/task_sequence_step/workflow_step/attempts") == json(2));
        CHECK_FALSE(context.event_at("/no/such/place"));
        CHECK(context.task()["context"]["a"] == 1);
    });
}
