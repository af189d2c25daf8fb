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
         "handler_error", "HANDLER_EXCEPTION", true},
        {"pending after a result",
         [](void*, const tasker_step_v0* step, tasker_call* call) noexcept {
             step->api->succeed(call, "1", 1);
             return TASKER_PENDING;
         },
         "invalid_outcome", "INVALID_OUTCOME", false},
        {"no failure struct",
         [](void*, const tasker_step_v0* step, tasker_call* call) noexcept {
             return step->api->fail(call, nullptr) == TASKER_E_INVALID ? TASKER_OK : TASKER_PENDING;
         },
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

namespace {
std::string g_text;  // what succeed_with_text() answers

std::int32_t succeed_with_text(void*, const tasker_step_v0* step, tasker_call* call) noexcept {
    step->api->succeed(call, g_text.data(), g_text.size());
    return TASKER_OK;
}
}  // namespace

TEST_CASE("a result that the host refuses is refused here too, for the same reason") {
    struct Row {
        std::string text;
        const char* fault;  // nullptr: good
    };
    const auto nested = [](std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
    const Row rows[] = {
        {R"("a\u0000b")", "NUL character"},
        {R"({"a\u0000":1})", "NUL character"},
        {R"("\ud800")", "not JSON"},
        {R"("\ude00x")", "not JSON"},
        {"\"caf\xe9\"", "not JSON"},
        {"\xEF\xBB\xBF{}", "not JSON"},
        {"{} 1", "not JSON"},
        {"", "not JSON"},
        {"NaN", "not JSON"},
        {"1e400", "not JSON"},
        {"1e-20000", "number with more than 16383 decimals"},
        {nested(101), "nested deeper than 100"},
        {'"' + std::string(1 << 20, 'x') + '"', "larger than 1048576 bytes (1048578)"},
        {R"("\ud83d\ude00 \u00e9")", nullptr},
        {"1.5e300", nullptr},
        {nested(100), nullptr},
        {'"' + std::string((1 << 20) - 2, 'x') + '"', nullptr},
    };
    const auto handler = handler_calling(&succeed_with_text);
    for (const auto& row : rows) {
        CAPTURE(row.text.substr(0, 40));
        g_text = row.text;
        const auto run = StepTest(handler).run();
        CHECK(run->is_success() == (row.fault == nullptr));
        if (row.fault == nullptr) continue;
        CHECK(run->error_type() == "invalid_result");
        CHECK(run->error_code() == "INVALID_RESULT");
        CHECK_FALSE(run->retryable());
        CHECK(run->error_message().find(row.fault) != std::string::npos);
    }
}

TEST_CASE("metadata beyond the host's limits is refused, and what was there stays") {
    const auto handler = handler_calling([](void*, const tasker_step_v0* step, tasker_call* call) noexcept {
        const auto set = [&](const std::string& key, const std::string& text) {
            return step->api->set_metadata(call, key.c_str(), text.data(), text.size());
        };
        const auto text_of = [](std::size_t bytes) { return '"' + std::string(bytes - 2, 'x') + '"'; };
        bool ok = set("big", text_of(65536)) == TASKER_OK && set("big", text_of(60000)) == TASKER_OK &&
                  set(std::string(256, 'k'), "1") == TASKER_OK;
        ok = ok && set("more", text_of(5536)) == TASKER_E_INVALID;
        ok = ok && set("big", text_of(65537)) == TASKER_E_INVALID;
        ok = ok && set("", "1") == TASKER_E_INVALID && set(std::string(257, 'k'), "1") == TASKER_E_INVALID;
        ok = ok && set("nul", R"("\u0000")") == TASKER_E_INVALID;
        ok = ok && set("deep", std::string(100, '[') + std::string(100, ']')) == TASKER_E_INVALID;
        for (int i = 2; i < 256; ++i) ok = ok && set("k" + std::to_string(i), "1") == TASKER_OK;
        ok = ok && set("one more", "1") == TASKER_E_INVALID && set("k2", "2") == TASKER_OK;
        return step->api->succeed(call, ok ? "true" : "false", ok ? 4 : 5);
    });
    const auto run = StepTest(handler).run();
    CHECK(run->result() == json(true));
    CHECK(run->metadata().size() == 256);
    CHECK(run->metadata()["big"].get<std::string>().size() == 59998);
    CHECK(run->metadata()["k2"] == 2);
}

TEST_CASE("the texts of a failure are cleaned, and its context must be an object") {
    const auto handler = handler_calling([](void*, const tasker_step_v0* step, tasker_call* call) noexcept {
        tasker_failure_v0 failure{};
        failure.struct_size = sizeof failure;
        failure.message = {"caf\xe9", 4};
        failure.context_json = {"[]", 2};
        const std::int32_t status = step->api->fail(call, &failure);
        return status == TASKER_E_INVALID ? TASKER_OK : TASKER_PENDING;
    });
    const auto run = StepTest(handler).run();
    CHECK(run->error_message() == "caf\xEF\xBF\xBD");
    CHECK(run->retryable());
}

TEST_CASE("the test of a step is a value: a copy has what was set and an instance of its own") {
    const auto handler = handler_calling([](void*, const tasker_step_v0* step, tasker_call* call) noexcept {
        return step->api->succeed(call, step->context_json.ptr, step->context_json.len);
    });
    auto first = StepTest(handler).input({{"a", 1}}).attempt(2);
    auto second = first;
    second.input({{"a", 2}});
    CHECK(first.run()->result()["a"] == 1);
    CHECK(second.run()->result()["a"] == 2);
    first = StepTest(handler).input({{"a", 3}});
    CHECK(first.run()->result()["a"] == 3);
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

TEST_CASE("a function of another kind of handler says so and leaves the step open") {
    const auto handler = handler_calling([](void*, const tasker_step_v0* step, tasker_call* call) noexcept {
        tasker_checkpoint_v0 checkpoint{};
        checkpoint.struct_size = sizeof checkpoint;
        const auto& api = *step->api;
        const bool all = api.decide(call, nullptr, 0, "{}", 2) == TASKER_E_UNSUPPORTED &&
                         api.create_batches(call, "w", nullptr, 0, "{}", 2) == TASKER_E_UNSUPPORTED &&
                         api.yield_checkpoint(call, &checkpoint) == TASKER_E_UNSUPPORTED &&
                         api.save_checkpoint(call, &checkpoint) == TASKER_E_UNSUPPORTED &&
                         api.emit_event(call, "e", "{}", 2) == TASKER_E_INVALID;
        return api.succeed(call, all ? "true" : "false", all ? 4 : 5);
    });
    CHECK(StepTest(handler).run()->result() == json(true));
}

TEST_CASE("a plugin without the handler is named in the error") {
    CHECK_THROWS_WITH(StepTest::of_plugin(&tasker_plugin_entry_v0, "nobody"),
                      "the plugin has no handler 'nobody'");
}
