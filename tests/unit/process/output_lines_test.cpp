#include "host/process/output_lines.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "host/core/wakeup.hpp"
#include "host/logging/sinks.hpp"
#include "host/process/plugin_output.hpp"

using namespace tasker::host;

namespace {
std::vector<std::string> cut(const std::vector<std::string>& chunks) {
    LineCutter cutter;
    std::vector<std::string> out;
    const auto take = [&](std::string_view line) { out.emplace_back(line); };
    for (const std::string& chunk : chunks) cutter.feed(chunk, take);
    cutter.end(take);
    return out;
}
}  // namespace

TEST_CASE("output lines: lines are put together from whatever pieces they come in") {
    CHECK(cut({"one\ntwo\n"}) == std::vector<std::string>{"one", "two"});
    CHECK(cut({"o", "n", "e\nt", "wo"}) == std::vector<std::string>{"one", "two"});
    CHECK(cut({"\n", "\n"}) == std::vector<std::string>{"", ""});
    CHECK(cut({}).empty());
}

TEST_CASE("output lines: a line that is too long is cut and its rest skipped, also over many pieces") {
    const std::string longest(LineCutter::kMaxLine, 'x');
    CHECK(cut({longest + "\nb\n"}) == std::vector<std::string>{longest, "b"});
    CHECK(cut({longest + "y\nb\n"}) == std::vector<std::string>{longest, "b"});
    CHECK(cut({longest, longest, longest, "\nb"}) == std::vector<std::string>{longest, "b"});
    CHECK(cut({std::string(100'000, 'x')}) == std::vector<std::string>{longest});
}

TEST_CASE("output lines: a burst is logged, then so many a second, and the rest is counted once a second") {
    LineBudget budget;
    std::int64_t now = 1'000'000;
    CHECK(budget.report_due_ms() == kNever);
    int taken = 0;
    for (int i = 0; i < 1000; ++i) taken += budget.take(now) ? 1 : 0;
    CHECK(taken == LineBudget::kBurst);
    CHECK(budget.dropped() == 800);
    CHECK(budget.report_due_ms() == now + 1000);
    now += 500;
    for (int i = 0; i < 1000; ++i) taken += budget.take(now) ? 1 : 0;
    CHECK(taken == LineBudget::kBurst + LineBudget::kPerSecond / 2);
    CHECK(budget.reported() == 1700);
    CHECK(budget.report_due_ms() == kNever);
    // A long silence earns one burst and not more.
    now += 3'600'000;
    taken = 0;
    for (int i = 0; i < 1000; ++i) taken += budget.take(now) ? 1 : 0;
    CHECK(taken == LineBudget::kBurst);
}

TEST_CASE("plugin output: both streams become records, and the descriptors are given back") {
    const auto sink = std::make_shared<CaptureSink>();
    {
        const PluginOutput output(Logger(sink), LogLevel::Info);
        CHECK(::write(STDOUT_FILENO, "to stdout\nno end", 16) == 16);
        CHECK(::write(STDERR_FILENO, "to stderr\n", 10) == 10);
        std::printf("through stdio\n");
    }
    std::vector<std::string> seen;
    for (const LogRecord& record : sink->records()) {
        std::string line;
        for (const LogField& field : record.fields) line += field.key + "=" + field.value + " ";
        seen.push_back(line);
    }
    std::sort(seen.begin(), seen.end());
    CHECK(seen == std::vector<std::string>{"component=plugin_output stream=stderr text=to stderr ",
                                           "component=plugin_output stream=stdout text=no endthrough stdio ",
                                           "component=plugin_output stream=stdout text=to stdout "});
}
