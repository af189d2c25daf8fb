// The test host's own behaviour: what a handler in C may do wrong.
#include <cstring>
#include <string>

#include "support.hpp"

using tasker::json;
using tasker::testing::StepTest;

namespace {
tasker_handler_v0 handler_calling(std::int32_t (*call)(void*, const tasker_step_v0*, tasker_call*) noexcept) {
    tasker_handler_v0 made{};
    made.struct_size = sizeof made;
    made.kind = TASKER_KIND_STEP;
    made.callable = "test.raw";
    made.call = call;
    return made;
}
}  // namespace

TEST_CASE("the first terminal function wins and a second one changes nothing") {
    const auto handler = handler_calling([](void*, const tasker_step_v0* step, tasker_call* call) noexcept {
        const std::int32_t first = step->api->succeed(call, "{\"a\":1}", 7);
        tasker_failure_v0 failure{};
        failure.struct_size = sizeof failure;
        const std::int32_t second = step->api->fail(call, &failure);
        const std::int32_t late = step->api->set_metadata(call, "k", "1", 1);
        return first == TASKER_OK && second == TASKER_E_STATE && late == TASKER_E_STATE ? TASKER_OK
                                                                                        : TASKER_E_FAILED;
    });
    const auto run = StepTest(handler).run();
    CHECK(run.status() == TASKER_OK);
    CHECK(run->result() == json{{"a", 1}});
}

TEST_CASE("a call that breaks the contract is the failure the host would record") {
    struct Row {
        const char* name;
        std::int32_t (*call)(void*, const tasker_step_v0*, tasker_call*) noexcept;
        const char *type, *code;
        bool retryable;
    };
    const Row rows[] = {
        {"none", [](void*, const tasker_step_v0*, tasker_call*) noexcept { return TASKER_OK; },
         "invalid_result", "NO_RESULT", false},
        {"pending", [](void*, const tasker_step_v0*, tasker_call*) noexcept { return TASKER_PENDING; },
         "invalid_outcome", "INVALID_OUTCOME", false},
        {"panic", [](void*, const tasker_step_v0*, tasker_call*) noexcept { return TASKER_E_PANIC; },
         "handler_error", "", true},
        {"bad json",
         [](void*, const tasker_step_v0* step, tasker_call* call) noexcept {
             return step->api->succeed(call, "{", 1);
         },
         "invalid_result", "INVALID_RESULT", false},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        const auto handler = handler_calling(row.call);
        const auto run = StepTest(handler).run();
        CHECK(run->error_type() == row.type);
        CHECK(run->error_code() == row.code);
        CHECK(run->retryable() == row.retryable);
    }
}

TEST_CASE("a failure without details gets defaults, and its type decides about the retry") {
    const auto handler = handler_calling([](void*, const tasker_step_v0* step, tasker_call* call) noexcept {
        tasker_failure_v0 failure{};
        failure.struct_size = sizeof failure;
        if (step->attempt == 2) failure.error_type = {"permanent_error", 15};
        return step->api->fail(call, &failure);
    });
    const auto plain = StepTest(handler).run();
    CHECK(plain->error_type() == "handler_error");
    CHECK(plain->error_message() == "handler failed without a message");
    CHECK(plain->retryable());
    CHECK_FALSE(StepTest(handler).attempt(2).run()->retryable());
}

TEST_CASE("what this version does not support says so") {
    const auto handler = handler_calling([](void*, const tasker_step_v0* step, tasker_call* call) noexcept {
        tasker_checkpoint_v0 checkpoint{};
        checkpoint.struct_size = sizeof checkpoint;
        const auto& api = *step->api;
        const bool all = api.decide(call, nullptr, 0, "{}", 2) == TASKER_E_UNSUPPORTED &&
                         api.create_batches(call, "w", nullptr, 0, "{}", 2) == TASKER_E_UNSUPPORTED &&
                         api.yield_checkpoint(call, &checkpoint) == TASKER_E_UNSUPPORTED &&
                         api.save_checkpoint(call, &checkpoint) == TASKER_E_UNSUPPORTED &&
                         api.emit_event(call, "e", "{}", 2) == TASKER_E_UNSUPPORTED;
        return api.succeed(call, all ? "true" : "false", all ? 4 : 5);
    });
    CHECK(StepTest(handler).run()->result() == json(true));
}

TEST_CASE("a plugin without the handler is named in the error") {
    CHECK_THROWS_WITH(StepTest::of_plugin(&tasker_plugin_entry_v0, "nobody"),
                      "the plugin has no handler 'nobody'");
}
