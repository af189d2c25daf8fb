// The JSON Schemas that a handler declares.
#include <doctest/doctest.h>

#include <string>

#include "tests/unit/loader/call_fixture.hpp"

using namespace tasker::host;
using namespace tasker::host::testing;

namespace {
StepEvent with(std::string config, std::string context = "{}") {
    StepEvent event = make_event();
    auto definition = std::make_shared<TaskTemplate>(*event.task_sequence_step.task_template);
    definition->steps[0].handler.initialization_json = std::move(config);
    event.task_sequence_step.task_template = definition;
    auto task = std::make_shared<TaskInfo>(*event.task_sequence_step.task);
    task->context_json = shared_text(std::move(context));
    event.task_sequence_step.task = task;
    return event;
}

struct Counted {
    int calls = 0;
    std::string result = "{}";
    InTestPlugin plugin{[this](const auto& step, tasker_call* call) {
        ++calls;
        return succeed(step, call, result);
    }};
};

Failed failure(const StepOutcome& outcome) {
    REQUIRE(std::holds_alternative<Failed>(outcome));
    return std::get<Failed>(outcome);
}
}  // namespace

TEST_CASE("H03: a step whose configuration does not fit is not called, and the others are") {
    Counted counted;
    counted.plugin.handler.config_schema_json =
        R"({"type":"object","required":["url"],"properties":{"url":{"type":"string"}}})";
    PluginHandler handler(counted.plugin.load(), 0, "test.so");
    const auto instance = handler.create(0);
    FakeControl control;
    const Failed failed = failure(instance->call(with(R"({"url":5})"), control));
    CHECK(counted.calls == 0);
    CHECK(failed.error_type == "validation_error");
    CHECK(failed.error_code == "CONFIG_SCHEMA");
    CHECK_FALSE(failed.retryable);
    CHECK_MESSAGE(
        failed.message.find("the config_schema of handler 'test.handler': '/url'") != std::string::npos,
        failed.message);
    for (int i = 0; i < 2; ++i)
        CHECK(std::holds_alternative<Succeeded>(instance->call(with(R"({"url":"x"})"), control)));
    CHECK(std::holds_alternative<Failed>(instance->call(with("{}"), control)));
    CHECK(counted.calls == 2);
}

TEST_CASE("H03: an input that does not fit the handler's schema fails the step before it is called") {
    Counted counted;
    counted.plugin.handler.input_schema_json = R"({"required":["order"]})";
    FakeControl control;
    const Failed failed = failure(counted.plugin.run(control, with("{}", R"({"other":1})")));
    CHECK(failed.error_code == "INPUT_SCHEMA");
    CHECK(failed.error_type == "validation_error");
    CHECK_FALSE(failed.retryable);
    CHECK(counted.calls == 0);
    CHECK(std::holds_alternative<Succeeded>(counted.plugin.run(control, with("{}", R"({"order":1})"))));
}

TEST_CASE("H03: a result that does not fit the handler's schema is an invalid_result") {
    Counted counted;
    counted.plugin.handler.result_schema_json = R"({"properties":{"n":{"type":"integer"}}})";
    FakeControl control;
    counted.result = R"({"n":"many"})";
    const Failed failed = failure(counted.plugin.run(control));
    CHECK(failed.error_type == "invalid_result");
    CHECK(failed.error_code == "RESULT_SCHEMA");
    CHECK_FALSE(failed.retryable);
    CHECK_MESSAGE(failed.message.find("'/n' breaks 'type'") != std::string::npos, failed.message);
    counted.result = R"({"n":3.0})";
    CHECK(std::holds_alternative<Succeeded>(counted.plugin.run(control)));
}

TEST_CASE("H03: a schema that cannot be used refuses the plugin") {
    InTestPlugin plugin;
    plugin.handler.config_schema_json = R"({"properties":{"a":{"type":"strnig"}}})";
    try {
        plugin.load();
        FAIL("loaded");
    } catch (const PluginError& error) {
        const std::string text = error.what();
        CHECK_MESSAGE(text.find("handlers[0].config_schema_json cannot be used: /properties/a/type") !=
                          std::string::npos,
                      text);
    }
}
