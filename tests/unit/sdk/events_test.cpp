// Domain events that a handler emits by itself, and what a failure carries.
#include <cmath>
#include <string>

#include "support.hpp"

using sdk_test::ProbeTest;
using tasker::json;
using tasker::StepContext;
using tasker::StepHandlerResult;
using tasker::testing::StepTest;

TEST_CASE("E01: a handler emits events, tied to the call or to its result") {
    const auto run = ProbeTest().run([](StepContext& context) {
        context.emit_event("order.seen", {{"n", 1}});
        context.emit_event("order.counted");
        return StepHandlerResult::success().with_event("order.done", 7);
    });
    REQUIRE(run.events().size() == 3);
    CHECK(run.events()[0].name == "order.seen");
    CHECK(run.events()[0].payload == json{{"n", 1}});
    CHECK(run.events()[1].payload.is_null());
    CHECK(run.events()[2].payload == 7);
    const auto failed = ProbeTest().run(
        [](StepContext&) { return StepHandlerResult::failure("no").with_event("order.failed"); });
    CHECK(failed->is_failure());
    CHECK(failed.events().size() == 1);
    const auto thrown = ProbeTest().run([](StepContext& context) -> StepHandlerResult {
        context.emit_event("order.seen");
        throw tasker::PermanentError("no");
    });
    CHECK(thrown.events().size() == 1);
}

TEST_CASE("E01: an event that breaks a rule is a validation error") {
    const auto code = [](auto emit) {
        return ProbeTest()
            .run([&](StepContext& context) {
                emit(context);
                return StepHandlerResult::success();
            })
            ->error_code();
    };
    for (const auto* name : {"", "order", "Order.done", ".a", "a.", "a..b", "a b.c"})
        CHECK(code([&](StepContext& context) { context.emit_event(name); }) == "INVALID_EVENT");
    CHECK(code([](StepContext& context) { context.emit_event("a.b", std::nan("")); }) == "INVALID_EVENT");
    CHECK(code([](StepContext& context) { context.emit_event("a.b", std::string(300'000, 'x')); }) ==
          "INVALID_EVENT");
    CHECK(code([](StepContext& context) {
              for (int i = 0; i < 101; ++i) context.emit_event("a.b");
          }) == "INVALID_EVENT");
    CHECK(code([](StepContext& context) {
              for (int i = 0; i < 100; ++i) context.emit_event("a.b");
          }).empty());
    CHECK_THROWS_AS(StepHandlerResult::success().with_event("nodot"), tasker::ValidationError);
    CHECK_THROWS_AS(StepHandlerResult::checkpoint_yield(1, 1).with_event("a.b"), tasker::ValidationError);
}

TEST_CASE("E01: no event of a success that turns out to be none") {
    const auto run = ProbeTest().run([](StepContext&) {
        return StepHandlerResult::success({{"x", std::nan("")}}).with_event("order.done");
    });
    CHECK(run->error_type() == "invalid_result");
    CHECK(run.events().empty());
}

namespace {
class Both : public tasker::BatchWorker {
  public:
    static constexpr std::string_view handler_name = "test.both";
    StepHandlerResult call(StepContext& context) override {
        context.emit_event("a.b");
        return checkpoint_yield(1, 1);
    }
};
}  // namespace

TEST_CASE("E01: a call that emitted events cannot yield") {
    const auto run = StepTest::of<Both>().run();
    CHECK(run->error_type() == "invalid_outcome");
    CHECK(run->error_message().find("cannot yield") != std::string::npos);
}

TEST_CASE("R12 R13: a failure carries headers and context") {
    const auto run = ProbeTest().run([](StepContext&) {
        return StepHandlerResult::failure("busy")
            .with_header("Retry-After", "30")
            .with_header("X-Request-Id", "a\xff")
            .with_context({{"status", 429}});
    });
    CHECK(run->headers() == json{{"Retry-After", "30"}, {"X-Request-Id", "not valid UTF-8: a\xEF\xBF\xBD"}});
    CHECK(run->error_context() == json{{"status", 429}});
    CHECK_THROWS_AS(StepHandlerResult::failure("x").with_context(3), tasker::ValidationError);
}

TEST_CASE("R20: each class of error has its type, code and retry") {
    using namespace std::chrono_literals;
    struct Row {
        void (*raise)();
        const char *type, *code;
        bool retryable;
        std::chrono::milliseconds after = 0ms;
    };
    const Row rows[] = {
        {[] { throw tasker::NotFoundError("m"); }, "permanent_error", "NOT_FOUND", false},
        {[] { throw tasker::AuthenticationError("m"); }, "permanent_error", "AUTHENTICATION_FAILED", false},
        {[] { throw tasker::AuthorizationError("m"); }, "permanent_error", "AUTHORIZATION_FAILED", false},
        {[] { throw tasker::ConfigurationError("m"); }, "permanent_error", "CONFIGURATION_ERROR", false},
        {[] { throw tasker::BusinessLogicError("m", "RULE_7"); }, "permanent_error", "RULE_7", false},
        {[] { throw tasker::TimeoutError("m"); }, "timeout", "TIMEOUT", true},
        {[] { throw tasker::NetworkError("m"); }, "retryable_error", "NETWORK_ERROR", true},
        {[] { throw tasker::RateLimitError("m", 3s); }, "retryable_error", "RATE_LIMITED", true, 3000ms},
        {[] { throw tasker::ServiceUnavailableError("m"); }, "retryable_error", "SERVICE_UNAVAILABLE", true},
        {[] { throw tasker::ResourceContentionError("m"); }, "retryable_error", "RESOURCE_CONTENTION", true},
    };
    for (const auto& row : rows) {
        CAPTURE(row.code);
        const auto run = ProbeTest().run([&](StepContext&) {
            row.raise();
            return StepHandlerResult::success();
        });
        CHECK(run->error_message() == "m");
        CHECK(run->error_type() == row.type);
        CHECK(run->error_code() == row.code);
        CHECK(run->retryable() == row.retryable);
        CHECK(run->retry_after() == row.after);
    }
    CHECK_THROWS_AS(throw tasker::ValidationError("m"), tasker::PermanentError);
    CHECK_THROWS_AS(throw tasker::TimeoutError("m"), tasker::RetryableError);
}
