#include "host/logging/logger.hpp"

#include <doctest/doctest.h>

#include <stdexcept>

#include "host/logging/sinks.hpp"

using namespace tasker::host;

namespace {

class ThrowingSink final : public LogSink {
  public:
    bool enabled(LogLevel) const override { return true; }
    void write(LogRecord) override { throw std::runtime_error("broken sink"); }
    void lost() noexcept override { ++lost_count; }
    int lost_count = 0;
};

std::string keys(const LogRecord& record) {
    std::string text;
    for (const LogField& field : record.fields) text += field.key + "=" + field.value + ";";
    return text;
}

}  // namespace

TEST_CASE("Logger: bound fields come first, and a child keeps its parent's") {
    const auto sink = std::make_shared<CaptureSink>();
    const Logger root(sink);
    const Logger worker = root.with({{"worker_id", "w1"}});
    const Logger step = worker.with({{"step_uuid", "s1"}, {"attempt", 2}});
    step.warn("step failed", {{"error", "boom"}});
    worker.info("alive");
    root.info("plain");
    const auto records = sink->records();
    REQUIRE(records.size() == 3);
    CHECK(keys(records[0]) == "worker_id=w1;step_uuid=s1;attempt=2;error=boom;");
    CHECK(records[0].level == LogLevel::Warn);
    CHECK(records[0].unix_ms > 1'700'000'000'000);
    CHECK(keys(records[1]) == "worker_id=w1;");
    CHECK(keys(records[2]).empty());
    CHECK(sink->contains("step fail"));
    CHECK_FALSE(sink->contains("nothing of the kind"));
}

TEST_CASE("Logger: without a sink everything is discarded") {
    const Logger none;
    none.with({{"a", "b"}}).error("nobody hears");
    CHECK_FALSE(none.enabled(LogLevel::Error));
}

TEST_CASE("Logger: a sink that throws costs the record and nothing else") {
    const auto sink = std::make_shared<ThrowingSink>();
    Logger(sink).error("x");
    CHECK(sink->lost_count == 1);
}

TEST_CASE("Logger: levels read in any case, and warning too") {
    CHECK(log_level("INFO") == LogLevel::Info);
    CHECK(log_level("Warning") == LogLevel::Warn);
    CHECK(log_level("warn") == LogLevel::Warn);
    CHECK(log_level("trace") == LogLevel::Trace);
    CHECK_FALSE(log_level("verbose"));
    CHECK_FALSE(log_level(""));
    CHECK(name(LogLevel::Error) == "error");
}

TEST_CASE("Logger: a floor holds for everything derived from it and is never lowered") {
    const auto sink = std::make_shared<CaptureSink>();
    const Logger quiet = Logger(sink).at_least(LogLevel::Warn);
    const Logger child = quiet.with({{"a", "b"}}).at_least(LogLevel::Debug);
    CHECK_FALSE(child.enabled(LogLevel::Info));
    child.info("not said");
    child.warn("said");
    CHECK(sink->records().size() == 1);
    CHECK(sink->contains("said"));
}
