#include <doctest/doctest.h>

#include <algorithm>
#include <sstream>

#include "host/core/error.hpp"
#include "host/process/render_task.hpp"

using namespace tasker::host;

namespace {
StepRow step(const std::string& name, const std::string& state, std::vector<std::string> after = {}) {
    StepRow row;
    row.uuid = "u-" + name;
    row.name = name;
    row.state = state;
    row.max_attempts = 3;
    row.attempts = state == "pending" ? 0 : 1;
    row.dependencies = std::move(after);
    return row;
}
TaskRow diamond() {
    TaskRow task;
    task.uuid = "t";
    task.name = "order";
    task.namespace_name = "orders";
    task.version = "1.0.0";
    task.status = "steps_in_process";
    task.total_steps = 4;
    task.completed_steps = 1;
    task.steps = {step("validate", "complete"), step("reserve", "in_progress", {"validate"}),
                  step("authorize", "waiting_for_retry", {"validate"}),
                  step("ship", "pending", {"reserve", "authorize"})};
    task.steps[0].execution_ms = 12;
    task.steps[2].error = "card \x1b[2Jdeclined";
    return task;
}
std::vector<std::string> lines(const std::string& text) {
    std::vector<std::string> out;
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);) out.push_back(line);
    return out;
}
const PictureOptions kPlain{Style(false), false, 100};
}  // namespace

TEST_CASE("picture: steps are indented by their place in the graph, with state, attempts and time") {
    CHECK(task_picture(diamond(), kPlain) ==
          "orders/order/1.0.0  steps_in_process  1/4\n"
          "  + validate     complete          1/3   12ms\n"
          "    * reserve    in_progress       1/3           after validate\n"
          "    ~ authorize  waiting_for_retry 1/3           card ?[2Jdeclined\n"
          "      . ship     pending                         after reserve, authorize\n");
}

TEST_CASE("picture: no line is wider than the terminal, however narrow it is") {
    TaskRow task = diamond();
    task.steps[3].dependencies.assign(40, "reserve");
    task.steps[2].name = std::string(200, 'x');
    for (const int width : {5, 30, 60, 80, 120}) {
        for (const bool color : {false, true}) {
            for (const std::string& line : lines(task_picture(task, {Style(color), true, width}))) {
                CAPTURE(line);
                CHECK(display_width(line) < static_cast<std::size_t>(width));
                // Every colour that begins ends.
                CHECK((line.find('\x1b') == std::string::npos || line.ends_with("\x1b[0m") ||
                       line.rfind("\x1b[0m") == line.rfind('\x1b')));
            }
        }
    }
}

TEST_CASE("picture: a long chain fits the terminal, and the steps that matter are in it") {
    TaskRow task = diamond();
    task.steps.clear();
    for (int i = 0; i < 30; ++i) {
        const std::string name = "step_" + std::to_string(i);
        task.steps.push_back(
            step(name,
                 i < 20    ? "complete"
                 : i == 20 ? "in_progress"
                           : "pending",
                 i == 0 ? std::vector<std::string>{} : std::vector{"step_" + std::to_string(i - 1)}));
    }
    const auto shown = lines(task_picture(task, {Style(false), false, 80, 12}));
    REQUIRE(shown.size() == 11);
    CHECK(shown[0].starts_with("orders/order/1.0.0"));
    CHECK(shown[1].find("step_19") != std::string::npos);
    CHECK(shown[2].find("step_20") != std::string::npos);
    CHECK(shown[10] == "  ... 21 more steps");
    CHECK(lines(task_picture(task, {Style(false), false, 80, 40})).size() == 31);
    CHECK(lines(task_picture(task, {Style(false), false, 80, 32})).size() == 31);
    CHECK(lines(task_picture(task, {Style(false), false, 80, 31})).size() == 30);
    for (const int height : {1, 2, 3, 24})
        CHECK(lines(task_picture(task, {Style(false), false, 80, height})).size() <
              static_cast<std::size_t>(std::max(height, 3)));
    for (StepRow& one : task.steps) one.state = "complete";
    const auto done = lines(task_picture(task, {Style(false), false, 80, 12}));
    CHECK(done[9].find("step_29") != std::string::npos);
}

TEST_CASE("picture: a graph with a cycle does not hang it") {
    TaskRow task = diamond();
    task.steps[0].dependencies = {"ship"};
    CHECK_FALSE(task_picture(task, kPlain).empty());
}

TEST_CASE("table: columns line up and end without blanks") {
    TextTable table({"A", "LONG"});
    table.row({"1234", "x"});
    table.row({"é", ""});
    CHECK(table.str(Style(false)) == "A     LONG\n1234  x\né\n");
}

TEST_CASE("printable: control characters, escapes and broken UTF-8 do not pass") {
    CHECK(printable("a\x1b[31mb\n\t\x7f") == "a?[31mb???");
    CHECK(printable("\xff\xc3\xa9\xc2\x9b") == "?\xc3\xa9??");
}

TEST_CASE("fitted: a text is cut between characters") {
    CHECK(fitted("abcdefgh", 6) == "abc...");
    CHECK(fitted("éééééééé", 6) == "ééé...");
    CHECK(fitted("short", 6) == "short");
}

TEST_CASE("changes: each state change is told once, a new attempt too") {
    TaskRow before = diamond(), after = diamond();
    after.steps[1].state = "complete";
    after.steps[2].attempts = 2;
    after.status = "evaluating_results";
    const auto found = changes(before, after);
    REQUIRE(found.size() == 3);
    CHECK(change_line(found[0], Style(false)) == "reserve: in_progress -> complete (attempt 1/3)");
    CHECK(found[1].step == "authorize");
    CHECK(change_line(found[2], Style(false)) == "task: steps_in_process -> evaluating_results");
    CHECK(change_document("t", found[0]) ==
          R"({"task_uuid":"t","step":"reserve","from":"in_progress","to":"complete","attempts":1})");
    CHECK(changes(after, after).empty());
    before = after;
    before.steps[2].state = "in_progress";
    after.steps[2].state = "waiting_for_retry";
    after.steps[2].error = "the bank is closed\n";
    CHECK(change_line(changes(before, after).front(), Style(false)) ==
          "authorize: in_progress -> waiting_for_retry (attempt 2/3): the bank is closed?");
    before = after;
    after.steps[2].state = "in_progress";
    CHECK(change_line(changes(before, after).front(), Style(false)) ==
          "authorize: waiting_for_retry -> in_progress (attempt 2/3)");
    CHECK(changes(TaskRow{}, before).size() == 4);
}

TEST_CASE("settled: terminal, or blocked with nothing running") {
    TaskRow task = diamond();
    CHECK_FALSE(settled(task));
    task.status = "blocked_by_failures";
    CHECK_FALSE(settled(task));
    task.steps[1].state = "error";
    CHECK(settled(task));
    CHECK(outcome_of(task) == ExitCode::Failed);
    for (const char* status : {"complete", "resolved_manually"}) {
        task.status = status;
        CHECK(settled(task));
        CHECK(outcome_of(task) == ExitCode::Done);
    }
    for (const char* status : {"error", "cancelled"}) {
        task.status = status;
        CHECK(settled(task));
        CHECK(outcome_of(task) == ExitCode::Failed);
    }
}

TEST_CASE("task view: results, errors and times are read from the document") {
    const TaskRow task = read_task(
        R"({"task_uuid":"t","name":"n","namespace":"s","version":"1","status":"error","total_steps":2,"steps":[)"
        R"({"workflow_step_uuid":"a","name":"one","current_state":"complete","attempts":1,"max_attempts":3,"dependencies":[],)"
        R"("results":{"success":true,"result":{"v":1},"metadata":{"execution_time_ms":7}}},)"
        R"({"workflow_step_uuid":"b","name":"two","current_state":"error","attempts":3,"max_attempts":3,"dependencies":["one"],)"
        R"("results":{"success":false,"result":{},"error":{"message":"no"}}}]})");
    CHECK(task.steps.at(0).result == R"({"v":1})");
    CHECK(task.steps.at(0).execution_ms == 7);
    CHECK(task.steps.at(1).error == "no");
    CHECK(task.steps.at(1).result.empty());
    CHECK(task.steps.at(1).dependencies == std::vector<std::string>{"one"});
    CHECK_THROWS_AS(read_task("nonsense"), Error);
}

TEST_CASE("duration: short and readable") {
    CHECK(short_duration(320) == "320ms");
    CHECK(short_duration(1500) == "1.5s");
    CHECK(short_duration(125'000) == "2m05s");
}
