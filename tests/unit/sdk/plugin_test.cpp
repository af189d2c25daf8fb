// A whole plugin in this program: descriptor, methods, constructor, state, lambda handlers.
#include <array>
#include <cstring>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "support.hpp"

using tasker::json;
using tasker::StepContext;
using tasker::StepHandlerResult;
using tasker::testing::StepTest;

namespace {

struct Pool {
    static inline int alive = 0;
    explicit Pool(const tasker::PluginSetup& setup) {
        if (refuse) throw std::runtime_error("no database");
        ++alive;
        setup.logger.info("pool open");
    }
    ~Pool() { --alive; }
    int uses = 0;
    static inline bool refuse = false;
};

class Payments : public tasker::StepHandler {
  public:
    static constexpr std::string_view handler_name = "test.payments";
    static constexpr std::string_view handler_version = "2.1.0";
    static constexpr std::string_view summary = "three methods";
    static constexpr tasker::Threading threading = tasker::Threading::Affine;
    static constexpr std::uint64_t capabilities = TASKER_CAP_IDEMPOTENT | TASKER_CAP_BLOCKING_IO;
    static constexpr std::uint32_t max_instances = 4;
    static constexpr std::string_view config_schema = R"({"type":"object"})";

    StepHandlerResult call(StepContext&) override { return success({{"invoked_method", "call"}}); }
    StepHandlerResult refund(StepContext&) { return success({{"invoked_method", "refund"}}); }
    StepHandlerResult cancel(StepContext&) { throw 42; }

    static constexpr std::array methods{tasker::Method{"refund", &Payments::refund},
                                        tasker::Method{"cancel", &Payments::cancel}};
};

class ByName : public tasker::StepHandler {
  public:
    static constexpr std::string_view handler_name = "test.by_name";
    static constexpr std::array methods{"a", "b"};
    StepHandlerResult call(StepContext&) override { return success({{"invoked_method", "call"}}); }
    StepHandlerResult call_method(std::string_view name, StepContext&) {
        return success({{"invoked_method", std::string(name)}});
    }
};

class Configured : public tasker::StepHandler {
  public:
    static constexpr std::string_view handler_name = "test.configured";
    explicit Configured(const tasker::HandlerSetup& setup) : limit_(setup.config.at("limit").get<int>()) {
        setup.logger.info("configured", {{"slot", setup.slot}});
        if (limit_ < 0) throw std::invalid_argument("limit must not be negative");
        if (limit_ == 99) throw 99;
    }
    StepHandlerResult call(StepContext&) override {
        return success({{"limit", limit_}, {"calls", ++calls_}});
    }

  private:
    int limit_;
    int calls_ = 0;
};

using Greet = tasker::function_handler<"test.greet", [](StepContext& context) {
    return json{{"hello", context.get_input_or("name", "world")}};
}>;
using Total =
    tasker::function_handler<"test.total",
                             [](const json& price, const json& count) {
                                 return price.is_null() ? json() : json(price.get<int>() * count.get<int>());
                             },
                             tasker::depends<"price">, tasker::inputs<"count">>;

}  // namespace

TASKER_PLUGIN_WITH_STATE("test.plugin", "1.2.3-rc.1", Pool, Payments, ByName, Configured, Greet, Total);

namespace {
const tasker_plugin_v0& plugin() {
    tasker_host_v0 host{};
    host.struct_size = sizeof host;
    return *tasker_plugin_entry_v0(&host);
}
StepTest handler(std::string_view callable) { return StepTest::of_plugin(&tasker_plugin_entry_v0, callable); }
}  // namespace

TEST_CASE("the descriptor says what the classes declare") {
    const auto& made = plugin();
    CHECK(made.struct_size == sizeof made);
    CHECK(made.id == std::string_view("test.plugin"));
    CHECK(made.version == std::string_view("1.2.3-rc.1"));
    REQUIRE(made.handler_count == 5);
    const auto& payments = *made.handlers[0];
    CHECK(payments.callable == std::string_view("test.payments"));
    CHECK(payments.version == std::string_view("2.1.0"));
    CHECK(payments.summary == std::string_view("three methods"));
    CHECK(payments.kind == TASKER_KIND_STEP);
    CHECK(payments.threads == TASKER_THREADS_AFFINE);
    CHECK(payments.max_instances == 4);
    CHECK(payments.capabilities == (TASKER_CAP_IDEMPOTENT | TASKER_CAP_BLOCKING_IO));
    CHECK(payments.config_schema_json == std::string_view(R"({"type":"object"})"));
    REQUIRE(payments.method_count == 2);
    CHECK(payments.methods[1] == std::string_view("cancel"));
    const auto& by_name = *made.handlers[1];
    CHECK(by_name.version == nullptr);
    CHECK(by_name.summary == nullptr);
    CHECK(by_name.threads == TASKER_THREADS_SERIAL);
    CHECK(made.handlers[2]->methods == nullptr);
    CHECK(made.handlers[3]->threads == TASKER_THREADS_REENTRANT);
}

TEST_CASE("a host of another major is refused") {
    tasker_host_v0 host{};
    host.abi_major = TASKER_ABI_MAJOR + 1;
    CHECK(tasker_plugin_entry_v0(&host) == nullptr);
    CHECK(tasker_plugin_entry_v0(nullptr) == nullptr);
}

TEST_CASE("the template's method is served, and an unknown one never runs another") {
    struct Row {
        const char *callable, *method, *invoked;
    };
    const Row rows[] = {{"test.payments", "", "call"},         {"test.payments", "call", "call"},
                        {"test.payments", "refund", "refund"}, {"test.by_name", "b", "b"},
                        {"test.by_name", "call", "call"},      {"test.payments", "Refund", nullptr},
                        {"test.payments", "a", nullptr},       {"test.by_name", "c", nullptr},
                        {"test.greet", "refund", nullptr}};
    for (const auto& row : rows) {
        CAPTURE(row.callable);
        CAPTURE(row.method);
        const auto run = handler(row.callable).method(row.method).run();
        if (row.invoked != nullptr) {
            CHECK(run->result()["invoked_method"] == row.invoked);
        } else {
            CHECK(run->error_code() == "METHOD_NOT_FOUND");
            CHECK_FALSE(run->retryable());
        }
    }
    CHECK(handler("test.payments").method("x").run()->error_message() ==
          "handler 'test.payments' has no method 'x'; it has: call, refund, cancel");
    CHECK(handler("test.payments").method("cancel").run()->error_message() == "unknown exception");
}

TEST_CASE("a constructor sees the configuration, keeps its instance, and may refuse") {
    auto good = handler("test.configured");
    good.plugin_config({{"limit", 3}});
    CHECK(good.run()->result() == json{{"limit", 3}, {"calls", 1}});
    CHECK(good.run()->result()["calls"] == 2);
    REQUIRE(good.host_logs().size() == 1);
    CHECK(good.host_logs()[0].fields.at("slot") == "0");
    CHECK_THROWS_WITH(handler("test.configured").plugin_config({{"limit", -1}}).run(),
                      "limit must not be negative");
    CHECK_THROWS_WITH(handler("test.configured").plugin_config({{"limit", 99}}).run(), "unknown exception");
    CHECK_THROWS(handler("test.configured").run());
}

TEST_CASE("plugin state is made by init, destroyed by shutdown, and may refuse to start") {
    const auto& made = plugin();
    tasker_host_v0 host{};
    void* state = nullptr;
    std::string error;
    const tasker_sink sink{&error,
                           [](void* to, const char* bytes, std::size_t size) noexcept -> std::int32_t {
                               static_cast<std::string*>(to)->append(bytes, size);
                               return TASKER_OK;
                           }};
    REQUIRE(made.init(&made, &host, &state, &sink) == TASKER_OK);
    CHECK(Pool::alive == 1);
    made.shutdown(&made, state);
    CHECK(Pool::alive == 0);
    Pool::refuse = true;
    CHECK(made.init(&made, &host, &state, &sink) == TASKER_E_CONFIG);
    Pool::refuse = false;
    CHECK(error == "no database");
}

TEST_CASE("a lambda handler gets its dependencies and inputs, null when missing") {
    CHECK(handler("test.greet").input({{"name", "Ada"}}).run()->result() == json{{"hello", "Ada"}});
    CHECK(handler("test.total").dependency("price", 7).input({{"count", 3}}).run()->result() ==
          json{{"result", 21}});
    CHECK(handler("test.total").run()->result() == json::object());
}

TEST_CASE("a lambda that cannot use its values fails for good and names them") {
    const auto missing = handler("test.total").dependency("price", 7).run();
    CHECK(missing->error_type() == "validation_error");
    CHECK(missing->error_code() == "MISSING_VALUE");
    CHECK_FALSE(missing->retryable());
    CHECK(missing->error_message().starts_with(
        "the function cannot use result of dependency 'price' (integer), input 'count' (missing): "));
    const auto null = handler("test.total").dependency("price", 7).input({{"count", nullptr}}).run();
    CHECK(null->metadata()["found"]["input 'count'"] == "null");
    const auto wrong = handler("test.total").dependency("price", 7).input({{"count", "three"}}).run();
    CHECK(wrong->error_type() == "validation_error");
    CHECK(wrong->error_code() == "WRONG_TYPE");
    CHECK(wrong->metadata()["found"]["input 'count'"] == "string");
}

TEST_CASE("what a lambda returns is mapped to a result") {
    struct Row {
        StepTest test;
        json expected;
    };
    using tasker::function_handler;
    Row rows[] = {
        {StepTest::of<function_handler<"r.object",
                                       [] {
                                           return json{{"a", 1}};
                                       }>>(),
         {{"a", 1}}},
        {StepTest::of<function_handler<"r.void", [] {}>>(), json::object()},
        {StepTest::of<function_handler<"r.null", [] { return nullptr; }>>(), json::object()},
        {StepTest::of<function_handler<"r.int", [] { return 5; }>>(), {{"result", 5}}},
        {StepTest::of<function_handler<"r.bool", [] { return false; }>>(), {{"result", false}}},
        {StepTest::of<function_handler<"r.text", [] { return "t"; }>>(), {{"result", "t"}}},
        {StepTest::of<function_handler<"r.list",
                                       [] {
                                           return std::vector{1, 2};
                                       }>>(),
         {{"result", {1, 2}}}},
        {StepTest::of<
             function_handler<"r.own", [](StepContext&) { return StepHandlerResult::success(8); }>>(),
         8},
    };
    for (auto& row : rows) {
        CAPTURE(row.expected.dump());
        CHECK(row.test.run()->result() == row.expected);
    }
    const auto failed =
        StepTest::of<function_handler<"r.throws", []() -> int { throw tasker::PermanentError("no", "E"); }>>()
            .run();
    CHECK(failed->error_type() == "permanent_error");
}
