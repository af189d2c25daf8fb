// Decisions, batches, checkpoints and events through the C functions.
#include <doctest/doctest.h>

#include <string>

#include "host/core/error.hpp"
#include "tests/unit/loader/call_fixture.hpp"

using namespace tasker::host;
using namespace tasker::host::testing;

namespace {
tasker_str str(std::string_view text) { return {text.data(), text.size()}; }

tasker_checkpoint_v0 checkpoint(std::string_view cursor, std::uint64_t items = 0,
                                std::string_view state = {}) {
    tasker_checkpoint_v0 made{};
    made.struct_size = sizeof made;
    made.cursor_json = str(cursor);
    made.accumulated_json = str(state);
    made.items_processed = items;
    return made;
}

StepOutcome run(std::uint32_t kind, FakeControl& control, CallBody body, std::uint64_t capabilities = 0) {
    InTestPlugin plugin(std::move(body));
    plugin.handler.kind = kind;
    plugin.handler.capabilities = capabilities;
    return plugin.run(control);
}
StepOutcome run(std::uint32_t kind, CallBody body) {
    FakeControl control;
    return run(kind, control, std::move(body));
}

Failed invalid(const StepOutcome& outcome) {
    REQUIRE(std::holds_alternative<Failed>(outcome));
    const Failed failed = std::get<Failed>(outcome);
    CHECK(failed.error_type == "invalid_outcome");
    CHECK(failed.error_code == "INVALID_OUTCOME");
    CHECK_FALSE(failed.retryable);
    CHECK(failed.message.find("test.handler") != std::string::npos);
    return failed;
}

std::int32_t decide(const tasker_step_v0& step, tasker_call* call, const tasker_str* steps, std::size_t count,
                    std::string_view json = {}) {
    return step.api->decide(call, steps, count, json.data(), json.size());
}
}  // namespace

TEST_CASE("D01: a decision ends the step with its outcome in the result") {
    const auto outcome = run(TASKER_KIND_DECISION, [](const auto& step, tasker_call* call) {
        const tasker_str steps[] = {str("ship"), str("refund")};
        CHECK(step.api->set_metadata(call, "k", "1", 1) == TASKER_OK);
        CHECK(decide(step, call, steps, 2, R"({"why":"x"})") == TASKER_OK);
        CHECK(decide(step, call, steps, 1) == TASKER_E_STATE);
        CHECK(succeed(step, call, "{}") == TASKER_E_STATE);
        return TASKER_OK;
    });
    REQUIRE(std::holds_alternative<Succeeded>(outcome));
    CHECK(std::get<Succeeded>(outcome).result_json ==
          R"({"decision_point_outcome":{"type":"create_steps","step_names":["ship","refund"]},"why":"x"})");
    CHECK(std::get<Succeeded>(outcome).metadata_json == R"({"k":1})");
}

TEST_CASE("D04: a wrong decision fails the step for good with the rule it breaks") {
    const Failed failed = invalid(run(TASKER_KIND_DECISION, [](const auto& step, tasker_call* call) {
        const tasker_str steps[] = {str("ship"), {nullptr, 7}};
        CHECK(decide(step, call, steps, 2) == TASKER_E_INVALID);
        CHECK(succeed(step, call, "{}") == TASKER_E_STATE);
        return TASKER_OK;
    }));
    CHECK(failed.message.find("decide() was refused: the name of step 2 is empty") != std::string::npos);
    invalid(run(TASKER_KIND_DECISION,
                [](const auto& step, tasker_call* call) { return decide(step, call, nullptr, 3); }));
    invalid(run(TASKER_KIND_DECISION, [](const auto& step, tasker_call* call) {
        const tasker_str one = str("a");
        return decide(step, call, &one, 1, "3");
    }));
    // Too many are refused before they are read.
    const Failed many = invalid(run(TASKER_KIND_DECISION, [](const auto& step, tasker_call* call) {
        const std::vector<tasker_str> steps(1000, str("a"));
        return decide(step, call, steps.data(), ~std::size_t{0});
    }));
    CHECK(many.message.find("at most 100") != std::string::npos);
}

TEST_CASE("B04: an analyzer ends the step with its batches in the result") {
    const auto outcome = run(TASKER_KIND_BATCH_ANALYZER, [](const auto& step, tasker_call* call) {
        const tasker_str cursor = str(R"({"start_cursor":0,"end_cursor":5})");
        return step.api->create_batches(call, "load", &cursor, 1, nullptr, 0);
    });
    REQUIRE(std::holds_alternative<Succeeded>(outcome));
    CHECK(std::get<Succeeded>(outcome).result_json.find(R"("worker_count":1)") != std::string::npos);
    const auto none = run(TASKER_KIND_BATCH_ANALYZER, [](const auto& step, tasker_call* call) {
        return step.api->create_batches(call, nullptr, nullptr, 0, nullptr, 0);
    });
    CHECK(std::get<Succeeded>(none).result_json == R"({"batch_processing_outcome":{"type":"no_batches"}})");
    const Failed failed = invalid(run(TASKER_KIND_BATCH_ANALYZER, [](const auto& step, tasker_call* call) {
        const tasker_str cursor = str("{}");
        CHECK(step.api->create_batches(call, "load", &cursor, 1, nullptr, 0) == TASKER_E_INVALID);
        return TASKER_OK;
    }));
    CHECK(failed.message.find("create_batches() was refused: cursor 1 has no start_cursor") !=
          std::string::npos);
    invalid(run(TASKER_KIND_BATCH_ANALYZER, [](const auto& step, tasker_call* call) {
        return step.api->create_batches(call, "load", nullptr, 1, nullptr, 0);
    }));
}

TEST_CASE("B12: a yield ends the call with its checkpoint, without metadata") {
    const auto outcome = run(TASKER_KIND_BATCH_WORKER, [](const auto& step, tasker_call* call) {
        CHECK(step.api->set_metadata(call, "k", "1", 1) == TASKER_OK);
        const auto saved = checkpoint(R"({"page":3})", 40, R"([1,"two",null])");
        CHECK(step.api->yield_checkpoint(call, &saved) == TASKER_OK);
        CHECK(step.api->yield_checkpoint(call, &saved) == TASKER_E_STATE);
        return TASKER_OK;
    });
    REQUIRE(std::holds_alternative<Yielded>(outcome));
    CHECK(std::get<Yielded>(outcome).checkpoint == Checkpoint{R"({"page":3})", 40, R"([1,"two",null])"});
}

TEST_CASE("B13: a yield without cursor, or malformed, fails the step for good") {
    const auto yielding = [](const tasker_checkpoint_v0* saved) {
        return run(TASKER_KIND_BATCH_WORKER, [=](const auto& step, tasker_call* call) {
            CHECK(step.api->yield_checkpoint(call, saved) == TASKER_E_INVALID);
            return TASKER_OK;
        });
    };
    auto saved = checkpoint("");
    CHECK(invalid(yielding(&saved)).message.find("needs a cursor") != std::string::npos);
    saved.struct_size = 40;
    CHECK(invalid(yielding(&saved)).message.find("malformed") != std::string::npos);
    CHECK(invalid(yielding(nullptr)).message.find("malformed") != std::string::npos);
}

TEST_CASE("B14: a large checkpoint is saved with one warning a call") {
    FakeControl control;
    run(TASKER_KIND_BATCH_WORKER, control, [](const auto& step, tasker_call* call) {
        const std::string state = '"' + std::string(300'000, 'x') + '"';
        const auto saved = checkpoint("1", 1, state);
        CHECK(step.api->save_checkpoint(call, &saved) == TASKER_OK);
        CHECK(step.api->save_checkpoint(call, &saved) == TASKER_OK);
        return succeed(step, call, "{}");
    });
    CHECK(control.saved.size() == 2);
    REQUIRE(control.sink->records().size() == 1);
    CHECK(control.sink->contains("Checkpoint is large"));
}

TEST_CASE("B12: saving a checkpoint goes on, and tells what became of it") {
    FakeControl control;
    const auto outcome = run(TASKER_KIND_BATCH_WORKER, control, [&](const auto& step, tasker_call* call) {
        auto saved = checkpoint("7", 70);
        CHECK(step.api->save_checkpoint(call, &saved) == TASKER_OK);
        const auto bad = checkpoint("null");
        CHECK(step.api->save_checkpoint(call, &bad) == TASKER_E_INVALID);
        control.lease_lost = true;
        CHECK(step.api->save_checkpoint(call, &saved) == TASKER_E_LEASE_LOST);
        CHECK(succeed(step, call, "{}") == TASKER_OK);
        CHECK(step.api->save_checkpoint(call, &saved) == TASKER_E_STATE);
        return TASKER_OK;
    });
    CHECK(std::holds_alternative<Succeeded>(outcome));
    REQUIRE(control.saved.size() == 1);
    CHECK(control.saved[0] == Checkpoint{"7", 70, ""});
}

TEST_CASE("B12: a checkpoint that cannot be saved now leaves the step open") {
    struct Broken final : CallControl {
        FakeControl inner;
        StopReason stop_requested() const override { return StopReason::None; }
        std::int64_t remaining_ms() const override { return 1; }
        std::int64_t deadline_unix_ms() const override { return 0; }
        bool heartbeat(std::uint64_t, std::uint64_t) override { return true; }
        bool save_checkpoint(const Checkpoint&) override { throw StoreUnavailable("the disk is full", ""); }
        const Logger& logger() const override { return inner.log; }
    } control;
    InTestPlugin plugin([](const auto& step, tasker_call* call) {
        const auto saved = checkpoint("7");
        CHECK(step.api->save_checkpoint(call, &saved) == TASKER_E_FAILED);
        return succeed(step, call, "{}");
    });
    plugin.handler.kind = TASKER_KIND_BATCH_WORKER;
    PluginHandler one(plugin.load(), 0, "test.so");
    CHECK(std::holds_alternative<Succeeded>(one.create(0)->call(make_event(), control)));
}

TEST_CASE("H02: what a handler may do is its kind's and its capabilities'") {
    const auto answers = [](std::uint32_t kind, std::uint64_t capabilities) {
        std::string allowed;
        FakeControl control;
        const auto try_one = [&](char name, auto function) {
            run(
                kind, control,
                [&](const auto& step, tasker_call* call) {
                    if (function(step, call) != TASKER_E_UNSUPPORTED) allowed += name;
                    return TASKER_E_CANCELLED;
                },
                capabilities);
        };
        const auto saved = checkpoint("1");
        try_one('d', [](const auto& step, tasker_call* call) { return decide(step, call, nullptr, 0); });
        try_one('b', [](const auto& step, tasker_call* call) {
            return step.api->create_batches(call, nullptr, nullptr, 0, nullptr, 0);
        });
        try_one('y', [&](const auto& step, tasker_call* call) {
            return step.api->yield_checkpoint(call, &saved);
        });
        try_one('s',
                [&](const auto& step, tasker_call* call) { return step.api->save_checkpoint(call, &saved); });
        return allowed;
    };
    CHECK(answers(TASKER_KIND_STEP, 0).empty());
    CHECK(answers(TASKER_KIND_STEP, TASKER_CAP_CHECKPOINTS) == "ys");
    CHECK(answers(TASKER_KIND_DECISION, 0) == "d");
    CHECK(answers(TASKER_KIND_BATCH_ANALYZER, 0) == "b");
    CHECK(answers(TASKER_KIND_BATCH_WORKER, 0) == "ys");
}

TEST_CASE("E01: events are kept for success and failure alike, and checked") {
    const auto emitting = [](bool good) {
        return run(TASKER_KIND_STEP, [=](const auto& step, tasker_call* call) {
            const auto emit = [&](const char* name, std::string_view json) {
                return step.api->emit_event(call, name, json.data(), json.size());
            };
            CHECK(emit("order.shipped", R"({"n":1})") == TASKER_OK);
            CHECK(emit("order.counted", "") == TASKER_OK);
            CHECK(emit("Order", "{}") == TASKER_E_INVALID);
            CHECK(emit("order.broken", "{") == TASKER_E_INVALID);
            CHECK(emit(nullptr, "{}") == TASKER_E_INVALID);
            tasker_failure_v0 failure{};
            failure.struct_size = sizeof failure;
            CHECK((good ? succeed(step, call, "{}") : step.api->fail(call, &failure)) == TASKER_OK);
            CHECK(emit("order.late", "{}") == TASKER_E_STATE);
            return TASKER_OK;
        });
    };
    const std::vector<EmittedEvent> expected{{"order.shipped", R"({"n":1})"}, {"order.counted", "null"}};
    CHECK(std::get<Succeeded>(emitting(true)).events == expected);
    CHECK(std::get<Failed>(emitting(false)).events == expected);
}

TEST_CASE("E01: events of a call are bounded, and none belongs to a yield") {
    const auto outcome = run(TASKER_KIND_BATCH_WORKER, [](const auto& step, tasker_call* call) {
        const std::string large = '"' + std::string(200'000, 'x') + '"';
        CHECK(step.api->emit_event(call, "a.b", large.data(), large.size()) == TASKER_OK);
        CHECK(step.api->emit_event(call, "a.b", large.data(), large.size()) == TASKER_E_INVALID);
        for (int i = 0; i < 99; ++i) CHECK(step.api->emit_event(call, "a.b", "1", 1) == TASKER_OK);
        CHECK(step.api->emit_event(call, "a.b", "1", 1) == TASKER_E_INVALID);
        const auto saved = checkpoint("1");
        CHECK(step.api->yield_checkpoint(call, &saved) == TASKER_E_STATE);
        return succeed(step, call, "{}");
    });
    CHECK(std::get<Succeeded>(outcome).events.size() == 100);
}

TEST_CASE("E01: what the host says in the handler's place publishes nothing") {
    for (const std::string_view json : {"{", "{}", ""}) {
        const auto outcome = run(TASKER_KIND_STEP, [=](const auto& step, tasker_call* call) {
            CHECK(step.api->emit_event(call, "a.b", "1", 1) == TASKER_OK);
            if (json.empty()) return TASKER_E_PANIC;
            succeed(step, call, json);
            return json == "{" ? TASKER_OK : TASKER_PENDING;
        });
        CHECK(std::get<Failed>(outcome).events.empty());
    }
    const auto refused = run(TASKER_KIND_DECISION, [](const auto& step, tasker_call* call) {
        CHECK(step.api->emit_event(call, "a.b", "1", 1) == TASKER_OK);
        return decide(step, call, nullptr, 2);
    });
    CHECK(invalid(refused).events.empty());
}

TEST_CASE("nothing of one call is left for the next one in its slot") {
    FakeControl control;
    run(TASKER_KIND_STEP, control, [](const auto& step, tasker_call* call) {
        CHECK(step.api->emit_event(call, "a.b", "1", 1) == TASKER_OK);
        return TASKER_E_CANCELLED;
    });
    const auto next = run(TASKER_KIND_STEP, control,
                          [](const auto& step, tasker_call* call) { return succeed(step, call, "{}"); });
    CHECK(std::get<Succeeded>(next).events.empty());
}

TEST_CASE("R12 R13: a failure carries headers, and headers that are no texts are left out") {
    const auto failing = [](std::string_view headers, std::int32_t expected) {
        return std::get<Failed>(run(TASKER_KIND_STEP, [=](const auto& step, tasker_call* call) {
            tasker_failure_v0 failure{};
            failure.struct_size = sizeof failure;
            failure.headers_json = str(headers);
            CHECK(step.api->fail(call, &failure) == expected);
            return TASKER_OK;
        }));
    };
    using Headers = std::vector<std::pair<std::string, std::string>>;
    CHECK(failing(R"({"Retry-After":"30"})", TASKER_OK).headers == Headers{{"Retry-After", "30"}});
    CHECK(failing(R"({"Retry-After":30})", TASKER_E_INVALID).headers.empty());
}
