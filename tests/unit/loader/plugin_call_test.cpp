#include <doctest/doctest.h>

#include <stdexcept>
#include <string>
#include <thread>

#include "host/core/json_text.hpp"
#include "host/loader/error_text.hpp"
#include "tests/unit/loader/call_fixture.hpp"

using namespace tasker::host;
using namespace tasker::host::testing;

namespace {
tasker_str str(std::string_view text) { return {text.data(), text.size()}; }

Failed failure_of(const StepOutcome& outcome) {
    REQUIRE(std::holds_alternative<Failed>(outcome));
    return std::get<Failed>(outcome);
}

Failed failed_with(const tasker_failure_v0& failure) {
    return failure_of(InTestPlugin([&](const auto& step, tasker_call* call) {
                          step.api->fail(call, &failure);
                          return TASKER_E_FAILED;
                      }).run());
}

Failed refused_result(const std::string& json) {
    return failure_of(
        InTestPlugin([&](const auto& step, tasker_call* call) { return succeed(step, call, json); }).run());
}

std::int32_t throw_text(void*, const tasker_step_v0*, tasker_call*) {
    throw std::runtime_error("through the wall");
}
std::int32_t throw_number(void*, const tasker_step_v0*, tasker_call*) { throw 42; }

Failed returned(std::int32_t status) {
    return failure_of(InTestPlugin([=](const auto&, tasker_call*) { return status; }).run());
}
}  // namespace

TEST_CASE("a handler's JSON and metadata become the outcome") {
    const auto outcome = InTestPlugin([](const auto& step, tasker_call* call) {
                             CHECK(step.api->set_metadata(call, "rows", "1", 1) == TASKER_OK);
                             CHECK(step.api->set_metadata(call, "rows", "2", 1) == TASKER_OK);
                             CHECK(step.api->set_metadata(call, "bad", "{", 1) == TASKER_E_INVALID);
                             CHECK(step.api->set_metadata(call, "", "1", 1) == TASKER_E_INVALID);
                             CHECK(succeed(step, call, R"({"value":36})") == TASKER_OK);
                             CHECK(step.api->set_metadata(call, "late", "1", 1) == TASKER_E_STATE);
                             return TASKER_OK;
                         }).run();
    REQUIRE(std::holds_alternative<Succeeded>(outcome));
    CHECK(std::get<Succeeded>(outcome).result_json == R"({"value":36})");
    CHECK(std::get<Succeeded>(outcome).metadata_json == R"({"rows":2})");
}

TEST_CASE("metadata is bounded in all") {
    const std::string large = '"' + std::string(40000, 'x') + '"';
    InTestPlugin([&](const auto& step, tasker_call* call) {
        CHECK(step.api->set_metadata(call, "a", large.data(), large.size()) == TASKER_OK);
        CHECK(step.api->set_metadata(call, "b", large.data(), large.size()) == TASKER_E_INVALID);
        CHECK(step.api->set_metadata(call, "a", large.data(), large.size()) == TASKER_OK);
        return succeed(step, call, "{}");
    }).run();
}

TEST_CASE("only the first terminal call counts and a second one is refused and reported") {
    FakeControl control;
    const auto outcome = InTestPlugin([](const auto& step, tasker_call* call) {
                             CHECK(succeed(step, call, "1") == TASKER_OK);
                             CHECK(succeed(step, call, "2") == TASKER_E_STATE);
                             tasker_failure_v0 failure{};
                             failure.struct_size = sizeof failure;
                             CHECK(step.api->fail(call, &failure) == TASKER_E_STATE);
                             return TASKER_OK;
                         }).run(control);
    CHECK(std::get<Succeeded>(outcome).result_json == "1");
    REQUIRE(control.sink->records().size() == 1);
    CHECK(control.sink->contains("more than once"));
}

TEST_CASE("a result that cannot be stored is a permanent invalid_result that names the rule") {
    const auto check = [](const std::string& json, std::string_view rule) {
        const Failed failed = refused_result(json);
        CHECK(failed.error_type == "invalid_result");
        CHECK(failed.error_code == "INVALID_RESULT");
        CHECK_FALSE(failed.retryable);
        CHECK_MESSAGE(failed.message.find(rule) != std::string::npos, failed.message);
        CHECK(failed.message.find("test.handler") != std::string::npos);
    };
    check("", "empty");
    check("{\"a\":", "JSON");
    check("\"\xff\"", "UTF-8");
    check(R"("\u0000")", "NUL");
    check(R"("\ud800")", "surrogate");
    check("1e999", "number");
    check(std::string(100000, '[') + std::string(100000, ']'), "deep");
    check('"' + std::string((std::size_t{1} << 20U) + 1, 'x') + '"', "1048576");
}

TEST_CASE("a NULL result is an invalid result and no crash") {
    const auto outcome = InTestPlugin([](const auto& step, tasker_call* call) {
                             return step.api->succeed(call, nullptr, 12);
                         }).run();
    CHECK(failure_of(outcome).error_code == "INVALID_RESULT");
}

TEST_CASE("returning without a result is a permanent NO_RESULT") {
    const Failed failed = returned(TASKER_OK);
    CHECK(failed.error_type == "invalid_result");
    CHECK(failed.error_code == "NO_RESULT");
    CHECK_FALSE(failed.retryable);
}

TEST_CASE("a negative status without a result releases the step or fails it retryably") {
    for (const auto status : {TASKER_E_CANCELLED, TASKER_E_LEASE_LOST}) {
        const auto outcome = InTestPlugin([=](const auto&, tasker_call*) { return status; }).run();
        CHECK(std::holds_alternative<Released>(outcome));
    }
    for (const auto status : {TASKER_E_FAILED, TASKER_E_PANIC, -99}) {
        const Failed failed = returned(status);
        CHECK(failed.error_type == "handler_error");
        CHECK(failed.retryable);
        CHECK(failed.message.find(status_name(status)) != std::string::npos);
    }
    CHECK(returned(TASKER_E_PANIC).message.find("E_PANIC") != std::string::npos);
}

TEST_CASE("a positive status is reserved and an invalid outcome, whatever was reported before") {
    const Failed failed = returned(TASKER_PENDING);
    CHECK(failed.error_type == "invalid_outcome");
    CHECK(failed.error_code == "INVALID_OUTCOME");
    CHECK_FALSE(failed.retryable);
}

TEST_CASE("a failure carries its type, code, context, delay and whether to retry") {
    tasker_failure_v0 failure{};
    failure.struct_size = sizeof failure;
    failure.message = str("card refused");
    failure.error_type = str("payment_error");
    failure.error_code = str("CARD");
    failure.context_json = str(R"({"bank":"x"})");
    failure.retry_after_ms = 1500;
    Failed failed = failed_with(failure);
    CHECK(failed.message == "card refused");
    CHECK(failed.error_type == "payment_error");
    CHECK(failed.error_code == "CARD");
    CHECK(failed.context_json == R"({"bank":"x"})");
    CHECK(failed.retry_after_ms == 1500);
    CHECK(failed.retryable);

    failure.retryable = TASKER_RETRY_NO;
    CHECK_FALSE(failed_with(failure).retryable);
    failure.retryable = TASKER_RETRY_BY_TYPE;
    for (const auto* permanent : {"permanent_error", "validation_error"}) {
        failure.error_type = str(permanent);
        CHECK_FALSE(failed_with(failure).retryable);
    }
    failure.retryable = TASKER_RETRY_YES;
    CHECK(failed_with(failure).retryable);
}

TEST_CASE("a failure with broken parts still fails the step, with the parts that are sound") {
    tasker_failure_v0 failure{};
    failure.struct_size = sizeof failure;
    failure.message = str(std::string_view("bad \xff and \0 byte", 15));
    failure.context_json = str("[1]");
    failure.retry_after_ms = ~std::uint64_t{0};
    const Failed failed = failed_with(failure);
    CHECK(failed.message == "bad \xEF\xBF\xBD and \xEF\xBF\xBD byt");
    CHECK(failed.context_json == "{}");
    CHECK(failed.error_type == "handler_error");
    CHECK(failed.retry_after_ms == std::numeric_limits<std::int64_t>::max());

    tasker_failure_v0 empty{};
    empty.struct_size = sizeof empty;
    CHECK(failed_with(empty).message == "handler failed without a message");
    empty.struct_size = 0;
    CHECK(failed_with(empty).message.find("malformed") != std::string::npos);
}

TEST_CASE("a failure of a build that knows less is read as zero beyond its end") {
    tasker_failure_v0 failure{};
    failure.struct_size = offsetof(tasker_failure_v0, error_code);
    failure.message = str("old");
    failure.error_type = str("old_error");
    failure.error_code = {reinterpret_cast<const char*>(8), 1000};
    failure.context_json = {reinterpret_cast<const char*>(8), 1000};
    failure.retry_after_ms = 7;
    const Failed failed = failed_with(failure);
    CHECK(failed.error_type == "old_error");
    CHECK(failed.error_code.empty());
    CHECK_FALSE(failed.retry_after_ms.has_value());
}

TEST_CASE("a handler asks for stop, time left and heartbeat") {
    FakeControl control;
    control.stop = StopReason::Draining;
    InTestPlugin plugin([&](const auto& step, tasker_call* call) {
        CHECK(step.deadline_unix_ms == 5678);
        CHECK(step.api->stop_requested(call) == TASKER_STOP_DRAINING);
        CHECK(step.api->remaining_ms(call) == 1234);
        CHECK(step.api->heartbeat(call, 3, 10) == TASKER_OK);
        CHECK(control.progress == std::pair<std::uint64_t, std::uint64_t>{3, 10});
        control.lease_lost = true;
        CHECK(step.api->heartbeat(call, 4, 10) == TASKER_E_LEASE_LOST);
        return succeed(step, call, "{}");
    });
    plugin.run(control);
}

TEST_CASE("a function of another kind of handler is answered with E_UNSUPPORTED and leaves the step open") {
    const auto outcome =
        InTestPlugin([](const auto& step, tasker_call* call) {
            CHECK(step.api->decide(call, nullptr, 0, nullptr, 0) == TASKER_E_UNSUPPORTED);
            CHECK(step.api->create_batches(call, nullptr, nullptr, 0, nullptr, 0) == TASKER_E_UNSUPPORTED);
            CHECK(step.api->yield_checkpoint(call, nullptr) == TASKER_E_UNSUPPORTED);
            CHECK(step.api->save_checkpoint(call, nullptr) == TASKER_E_UNSUPPORTED);
            return succeed(step, call, "{}");
        }).run();
    CHECK(std::holds_alternative<Succeeded>(outcome));
}

TEST_CASE("a plugin's log record survives hostile bytes and names plugin and callable") {
    FakeControl control;
    InTestPlugin plugin([](const auto& step, tasker_call* call) {
        const tasker_kv field{str("k\xff"), str("v\xc0\xaf")};
        step.api->log(call, TASKER_LOG_WARN, "half \xe2\x82", 7, &field, 1);
        step.api->log(call, 99, nullptr, 5, nullptr, 3);
        return succeed(step, call, "{}");
    });
    plugin.run(control);
    const auto records = control.sink->records();
    REQUIRE(records.size() == 2);
    CHECK(records[0].level == LogLevel::Warn);
    CHECK(records[0].message == "half \xEF\xBF\xBD\xEF\xBF\xBD");
    REQUIRE(records[0].fields.size() == 3);
    CHECK(records[0].fields[0].key == "k\xEF\xBF\xBD");
    CHECK(records[0].fields[1].value == "org.test");
    CHECK(records[0].fields[2].value == "test.handler");
    CHECK(records[1].level == LogLevel::Error);
}

TEST_CASE("a handle that is used after its call is refused, also while the same handler runs again") {
    tasker_call* stale = nullptr;
    const tasker_call_api_v0* api = nullptr;
    InTestPlugin plugin([&](const auto& step, tasker_call* call) {
        if (stale == nullptr) {
            stale = call;
            api = step.api;
            return succeed(step, call, "1");
        }
        CHECK(call != stale);
        std::thread late([&] {
            CHECK(step.api->succeed(stale, "666", 3) == TASKER_E_STATE);
            tasker_str out{};
            CHECK(step.api->get(stale, "context", &out) == TASKER_E_STATE);
            CHECK(step.api->heartbeat(stale, 1, 2) == TASKER_E_STATE);
            step.api->log(stale, TASKER_LOG_ERROR, "late", 4, nullptr, 0);
        });
        late.join();
        return succeed(step, call, "2");
    });
    FakeControl control;
    PluginHandler handler(plugin.load(), 0, "test.so");
    const auto instance = handler.create(0);
    const auto event = make_event();
    CHECK(std::get<Succeeded>(instance->call(event, control)).result_json == "1");
    CHECK(std::get<Succeeded>(instance->call(event, control)).result_json == "2");
    CHECK(api->succeed(stale, "3", 1) == TASKER_E_STATE);
    CHECK(api->stop_requested(stale) == TASKER_STOP_LEASE_LOST);
    CHECK(api->remaining_ms(stale) < 0);
    CHECK(api->succeed(nullptr, "3", 1) == TASKER_E_STATE);
    CHECK_FALSE(control.sink->contains("late"));
}

TEST_CASE("threads that a handler made may use its call") {
    FakeControl control;
    InTestPlugin plugin([](const auto& step, tasker_call* call) {
        std::thread other([&] { CHECK(succeed(step, call, "\"other\"") == TASKER_OK); });
        other.join();
        return TASKER_OK;
    });
    CHECK(std::get<Succeeded>(plugin.run(control)).result_json == "\"other\"");
}

TEST_CASE("an exception that crosses the boundary fails the step, and the next step runs") {
    for (int round = 0; round < 2; ++round) {
        InTestPlugin plugin;
        plugin.handler.call =
            reinterpret_cast<decltype(plugin.handler.call)>(round == 0 ? &throw_text : &throw_number);
        const Failed failed = failure_of(plugin.run());
        CHECK(failed.error_code == "HANDLER_EXCEPTION");
        CHECK(failed.retryable);
        CHECK((round == 0) == (failed.message == "through the wall"));
    }
    InTestPlugin sound([](const auto& step, tasker_call* call) { return succeed(step, call, "1"); });
    CHECK(std::holds_alternative<Succeeded>(sound.run()));
}
