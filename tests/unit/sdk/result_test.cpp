#include <chrono>
#include <cmath>
#include <stdexcept>
#include <string>

#include "support.hpp"

using namespace std::chrono_literals;
using sdk_test::ProbeTest;
using tasker::ErrorType;
using tasker::json;
using tasker::StepContext;
using tasker::StepHandlerResult;

TEST_CASE("a success carries its value and metadata through the boundary") {
    const auto run = ProbeTest().run([](StepContext&) {
        return StepHandlerResult::success({{"value", 36}}, {{"rows", 3}, {"source", "db"}});
    });
    CHECK(run.status() == TASKER_OK);
    CHECK(run->is_success());
    CHECK(run->result() == json{{"value", 36}});
    CHECK(run->metadata() == json{{"rows", 3}, {"source", "db"}});
    CHECK(ProbeTest().run([](StepContext&) { return StepHandlerResult::success(); })->result() ==
          json::object());
    CHECK(ProbeTest()
              .run([](StepContext&) {
                  return StepHandlerResult::success({1, 2});
              })
              ->result() == json{1, 2});
}

TEST_CASE("a failure is a retryable handler_error unless it says otherwise") {
    const auto plain = ProbeTest().run([](StepContext&) { return StepHandlerResult::failure("no"); });
    CHECK(plain->error_message() == "no");
    CHECK(plain->error_type() == "handler_error");
    CHECK(plain->error_code().empty());
    CHECK(plain->retryable());
    CHECK(plain->retry_after() == 0ms);

    const auto full = ProbeTest().run([](StepContext&) {
        return StepHandlerResult::failure("slow", ErrorType::Timeout, false, {{"host", "a"}}, "E9")
            .with_retry_after(1500ms);
    });
    CHECK(full->error_type() == "timeout");
    CHECK_FALSE(full->retryable());
    CHECK(full->metadata() == json{{"host", "a"}});
    CHECK(full->error_code() == "E9");
    CHECK(full->retry_after() == 1500ms);

    const auto free =
        ProbeTest().run([](StepContext&) { return StepHandlerResult::failure("x", "own_type"); });
    CHECK(free->error_type() == "own_type");
}

TEST_CASE("metadata that is no object is refused") {
    const auto run =
        ProbeTest().run([](StepContext&) { return StepHandlerResult::success({}, json::array()); });
    CHECK(run->is_failure());
    CHECK(run->error_message() == "metadata of a result must be an object, found array");
    CHECK_FALSE(run->retryable());
}

TEST_CASE("a result that has no JSON text is an invalid_result, never a changed value") {
    json deep = 1;
    for (int i = 0; i < 101; ++i) deep = json::array({deep});
    struct Row {
        json value;
        const char* why;
    };
    const Row rows[] = {{{{"x", std::nan("")}}, "not finite"},
                        {{{"x", INFINITY}}, "not finite"},
                        {{{"x", "\xff"}}, "UTF-8"},
                        {deep, "deeper than 100"}};
    for (const auto& row : rows) {
        CAPTURE(row.why);
        const auto run = ProbeTest().run([&](StepContext&) { return StepHandlerResult::success(row.value); });
        CHECK(run->is_failure());
        CHECK(run->error_type() == "invalid_result");
        CHECK(run->error_code() == "INVALID_RESULT");
        CHECK_FALSE(run->retryable());
        CHECK(run->error_message().find(row.why) != std::string::npos);
    }
}

TEST_CASE("a failure or a success is what it says it is, whatever its metadata holds") {
    json deep = 1;
    for (int i = 0; i < 120; ++i) deep = json::array({deep});
    const json metadata{
        {"body", "caf\xe9"},    {"nul", std::string("a\0", 2)},
        {"rate", std::nan("")}, {"nested", {{"list", {1, "\xff", -INFINITY}}, {"key \xff", true}}},
        {"deep", deep},         {"good", {{"status", 503}}}};
    const auto check = [](const tasker::testing::StepRun& run) {
        CHECK(run->error_message() == "bank down");
        CHECK(run->error_type() == "retryable_error");
        CHECK(run->error_code() == "BANK");
        CHECK(run->retryable());
        CHECK(run->retry_after() == 2s);
        const auto& kept = run->metadata();
        CHECK(kept["body"] == "not valid UTF-8: caf\xEF\xBF\xBD");
        CHECK(kept["nul"] == "with a NUL character: a\xEF\xBF\xBD");
        CHECK(kept["rate"] == "not a finite number");
        CHECK(kept["nested"]["list"] == json{1, "not valid UTF-8: \xEF\xBF\xBD", "not a finite number"});
        CHECK(kept["nested"]["key \xEF\xBF\xBD"] == true);
        CHECK(kept["deep"].dump().find("nested too deep") != std::string::npos);
        CHECK(kept["good"] == json{{"status", 503}});
        CHECK(run.logs().empty());
    };
    check(ProbeTest().run([&](StepContext&) -> StepHandlerResult {
        throw tasker::RetryableError("bank down", 2s, "BANK", metadata);
    }));
    const auto good = ProbeTest().run([&](StepContext&) {
        return StepHandlerResult::success({{"value", 1}}, metadata);
    });
    CHECK(good->result() == json{{"value", 1}});
    CHECK(good->metadata()["rate"] == "not a finite number");
    check(ProbeTest().run([&](StepContext&) {
        return StepHandlerResult::failure("bank down", ErrorType::RetryableError, true, metadata, "BANK")
            .with_retry_after(2s);
    }));
}

TEST_CASE("metadata that the host refuses is lost with a warning, and the result stands") {
    struct Row {
        const char* name;
        json metadata;
        std::size_t kept, warnings;
    };
    json many = json::object();
    for (int i = 0; i < 258; ++i) many["k" + std::to_string(1000 + i)] = i;
    const Row rows[] = {
        {"large", {{"a", std::string(70000, 'x')}, {"b", 1}}, 1, 1},
        {"large in all", {{"a", std::string(40000, 'x')}, {"b", std::string(40000, 'x')}}, 1, 1},
        {"empty key", {{"", 1}, {"b", 1}}, 1, 1},
        {"long key", {{std::string(300, 'k'), 1}}, 0, 1},
        {"many keys", many, 256, 2},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        const auto good = ProbeTest().run([&](StepContext&) {
            return StepHandlerResult::success({{"value", 1}}, row.metadata);
        });
        const auto bad = ProbeTest().run([&](StepContext&) {
            return StepHandlerResult::failure("no", ErrorType::Timeout, true, row.metadata);
        });
        CHECK(good->result() == json{{"value", 1}});
        CHECK(bad->error_type() == "timeout");
        for (const auto* run : {&good, &bad}) {
            CHECK(run->result().metadata().size() == row.kept);
            REQUIRE(run->logs().size() == row.warnings);
            CHECK(run->logs()[0].level == tasker::LogLevel::Warn);
            CHECK(run->logs()[0].message == "metadata of the result was refused and is lost");
            CHECK(run->logs()[0].fields.contains("key"));
        }
    }
}

namespace {
class OwnType : public tasker::StepHandler {
  public:
    static constexpr std::string_view handler_name = "sdk_test.own_type";
    StepHandlerResult call(StepContext& context) override {
        if (context.attempt() == 1) return failure("slow", ErrorType::Timeout);
        return failure("msg", "my_type", false, {{"a", 1}}, "E1");
    }
};
}  // namespace

TEST_CASE("a handler fails with a standard type or with its own text") {
    auto step = tasker::testing::StepTest::of<OwnType>();
    CHECK(step.run()->error_type() == "timeout");
    const auto own = step.attempt(2).run();
    CHECK(own->error_type() == "my_type");
    CHECK_FALSE(own->retryable());
    CHECK(own->metadata() == json{{"a", 1}});
    CHECK(own->error_code() == "E1");
}

TEST_CASE("each exception becomes the failure that it stands for") {
    struct Row {
        const char* name;
        void (*throws)();
        const char *type, *code, *message;
        bool retryable;
        std::chrono::milliseconds after;
    };
    const Row rows[] = {
        {"permanent", [] { throw tasker::PermanentError("gone", "E1"); }, "permanent_error", "E1", "gone",
         false, 0ms},
        {"retryable", [] { throw tasker::RetryableError("busy", 2s, "E2"); }, "retryable_error", "E2", "busy",
         true, 2s},
        {"validation", [] { throw tasker::ValidationError("bad"); }, "validation_error", "", "bad", false,
         0ms},
        {"own", [] { throw tasker::TaskerError("own", "own_type", true, "E3"); }, "own_type", "E3", "own",
         true, 0ms},
        {"standard", [] { throw std::runtime_error("boom"); }, "handler_error", "HANDLER_EXCEPTION", "boom",
         true, 0ms},
        {"int", [] { throw 42; }, "handler_error", "HANDLER_EXCEPTION", "unknown exception", true, 0ms},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        const auto run = ProbeTest().run([&](StepContext&) -> StepHandlerResult {
            row.throws();
            return StepHandlerResult::success();
        });
        CHECK(run.status() == TASKER_OK);
        CHECK(run->is_failure());
        CHECK(run->error_type() == row.type);
        CHECK(run->error_code() == row.code);
        CHECK(run->error_message() == row.message);
        CHECK(run->retryable() == row.retryable);
        CHECK(run->retry_after() == row.after);
    }
}

TEST_CASE("an exception's metadata and its type's name reach the result") {
    const auto own = ProbeTest().run([](StepContext&) -> StepHandlerResult {
        throw tasker::PermanentError("gone", "E", {{"sku", "X"}});
    });
    CHECK(own->metadata()["sku"] == "X");
    const auto standard =
        ProbeTest().run([](StepContext&) -> StepHandlerResult { throw std::out_of_range("range"); });
    CHECK(standard->metadata()["exception_type"] == "std::out_of_range");
}

TEST_CASE("the error types have their five names and helpers") {
    CHECK(to_string(ErrorType::PermanentError) == "permanent_error");
    CHECK(to_string(ErrorType::HandlerError) == "handler_error");
    for (const auto name : tasker::kErrorTypeNames) {
        CHECK(tasker::is_standard_error_type(name));
        CHECK(to_string(*tasker::parse_error_type(name)) == name);
        CHECK(tasker::is_typically_retryable(name) == (name == "retryable_error" || name == "timeout"));
    }
    CHECK_FALSE(tasker::is_standard_error_type("PermanentError"));
    CHECK_FALSE(tasker::is_typically_retryable("own_type"));
}

TEST_CASE("a result prints itself in snake_case") {
    CHECK(StepHandlerResult::failure("m", ErrorType::Timeout).to_json() ==
          json{{"success", false},
               {"result", nullptr},
               {"error_message", "m"},
               {"error_type", "timeout"},
               {"error_code", nullptr},
               {"retryable", true},
               {"metadata", json::object()}});
}
