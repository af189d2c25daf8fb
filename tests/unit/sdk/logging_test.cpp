#include <limits>
#include <string>

#include "support.hpp"

using sdk_test::ProbeTest;
using tasker::json;
using tasker::StepContext;

TEST_CASE("log records carry level, message, own fields and bound fields") {
    ProbeTest test;
    const auto run = test.run([](StepContext& context) {
        const auto log = context.logger().with({{"order", "A-1"}});
        log.trace("t");
        log.debug("d", {{"n", 7}});
        log.info("i", {{"flag", true}, {"text", std::string("x")}});
        log.warn("w");
        context.logger().error("e");
        return tasker::StepHandlerResult::success();
    });
    REQUIRE(run.logs().size() == 5);
    CHECK(run.logs()[0].level == tasker::LogLevel::Trace);
    CHECK(run.logs()[1].fields.at("n") == "7");
    CHECK(run.logs()[2].message == "i");
    CHECK(run.logs()[2].fields.at("flag") == "true");
    CHECK(run.logs()[2].fields.at("order") == "A-1");
    CHECK(run.logs()[3].level == tasker::LogLevel::Warn);
    CHECK(run.logs()[4].fields.empty());
}

TEST_CASE("a JSON value is logged as text, whatever it holds") {
    ProbeTest test;
    test.step.input({{"id", "A-1"}, {"n", 7}, {"list", {1, "x"}}, {"null", nullptr}});
    const auto run = test.run([](StepContext& context) {
        const json& input = context.input_data();
        const json bad = {{"body", "caf\xe9"}, {"rate", std::numeric_limits<double>::infinity()}};
        context.logger().info("order", {{"id", input["id"]},
                                        {"n", input["n"]},
                                        {"list", input["list"]},
                                        {"null", input["null"]},
                                        {"bad", bad},
                                        {"raw", json("\xff")}});
        return tasker::StepHandlerResult::success();
    });
    CHECK(run->is_success());
    REQUIRE(run.logs().size() == 1);
    const auto& fields = run.logs()[0].fields;
    CHECK(fields.at("id") == "A-1");
    CHECK(fields.at("n") == "7");
    CHECK(fields.at("list") == R"([1,"x"])");
    CHECK(fields.at("null") == "null");
    CHECK(fields.at("bad") == "{\"body\":\"caf\xEF\xBF\xBD\",\"rate\":null}");
    CHECK(fields.at("raw") == "\xff");
}
