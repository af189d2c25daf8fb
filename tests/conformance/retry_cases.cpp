// Cases 14-27: failure and retry.

#include <algorithm>
#include <array>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "tests/conformance/runtime_suite.hpp"

namespace tasker::host::conformance {

namespace {

// A step "only" that has failed once with that answer; the world is returned with its task.
struct Failed1 {
    World world{{graph("single", {{"only", {}, R"({"max_attempts":20})"}})}};
    Uuid task = world.submit("single");
    explicit Failed1(const FailureShape& shape) { world.fail(world.take("only"), shape); }
};

}  // namespace

TEST_CASE("S14: three retryable failures exhaust max_attempts 3 and block the task") {
    World world({graph("single", {{"only", {}, attempts(3)}, {"next", {"only"}}})});
    const Uuid task = world.submit("single");
    for (int attempt = 1; attempt <= 2; ++attempt) {
        world.fail(world.take("only"));
        CHECK(world.step(task, "only").state == StepState::WaitingForRetry);
        CHECK(world.step(task, "only").attempts == attempt);
        CHECK(world.step(task, "only").retry_eligible);
        world.advance(world.delay_of(task, "only"));
    }
    world.fail(world.take("only"));
    const StepView step = world.step(task, "only");
    CHECK(step.state == StepState::Error);
    CHECK(step.attempts == 3);
    CHECK_FALSE(step.retry_eligible);
    CHECK(world.state(task) == TaskState::BlockedByFailures);
    CHECK(world.task(task).failed_steps == 1);
    world.advance(4'000'000);
    CHECK(world.quiet());
    CHECK(world.step(task, "next").state == StepState::Pending);
}

TEST_CASE("S15: a sibling that runs while the budget is exhausted finishes, and its result is kept") {
    World world({graph("pair", {{"bad", {}, attempts(1)}, {"good"}, {"join", {"bad", "good"}}})});
    const Uuid task = world.submit("pair");
    const StepEvent bad = world.take("bad");
    const StepEvent good = world.take("good");
    world.fail(bad);
    CHECK(world.state(task) == TaskState::BlockedByFailures);
    CHECK(world.step(task, "good").state == StepState::InProgress);
    world.succeed(good, R"({"kept":true})");
    CHECK(world.step(task, "good").state == StepState::Complete);
    CHECK(world.step(task, "good").results_json.find(R"("kept":true)") != std::string::npos);
    CHECK(world.step(task, "join").state == StepState::Pending);
    CHECK(world.state(task) == TaskState::BlockedByFailures);
    CHECK(world.quiet());
}

TEST_CASE(
    "S16: a sibling that is only enqueued when another fails for good still runs, but nothing new is "
    "enqueued") {
    World world({graph("pair", {{"bad", {}, attempts(1)}, {"good"}, {"after", {"good"}}})},
                {.capacity = capacity(1)});
    const Uuid task = world.submit("pair");
    const StepEvent bad = world.take("bad");
    CHECK(world.step(task, "good").state == StepState::Enqueued);
    world.fail(bad);
    CHECK(world.state(task) == TaskState::BlockedByFailures);
    world.pass("good");
    CHECK(world.step(task, "good").state == StepState::Complete);
    CHECK(world.quiet());
    CHECK(world.step(task, "after").state == StepState::Pending);
}

TEST_CASE("S17: a failure that is not retryable is final at the first attempt") {
    World world({graph("single", {{"only", {}, attempts(5)}})});
    const Uuid task = world.submit("single");
    world.fail(world.take("only"), {.retryable = false});
    CHECK(world.step(task, "only").state == StepState::Error);
    CHECK(world.step(task, "only").attempts == 1);
    CHECK(world.state(task) == TaskState::BlockedByFailures);
}

TEST_CASE("S18: a failure that does not say whether it may be retried is final") {
    World world({graph("single", {{"only", {}, attempts(5)}})});
    const Uuid task = world.submit("single");
    const StepEvent event = world.take("only");
    StepExecutionResult silent = permanent(event);
    silent.error.reset();
    CHECK(world.answer(event, silent) == CompletionVerdict::Accepted);
    CHECK(world.step(task, "only").state == StepState::Error);
    CHECK(world.step(task, "only").attempts == 1);
}

TEST_CASE("S20: a task that only waits for a retry rests in waiting_for_dependencies") {
    Failed1 it({});
    CHECK(it.world.state(it.task) == TaskState::WaitingForDependencies);
    CHECK(it.world.step(it.task, "only").state == StepState::WaitingForRetry);
}

TEST_CASE("S21: a retry comes at its due time and not one millisecond earlier") {
    Failed1 it({});
    const std::int64_t delay = it.world.delay_of(it.task, "only");
    REQUIRE(delay > 1);
    it.world.advance(delay - 1);
    CHECK(it.world.quiet());
    CHECK(it.world.step(it.task, "only").state == StepState::WaitingForRetry);
    CHECK_FALSE(it.world.step(it.task, "only").ready_for_execution);
    it.world.advance(1);
    const StepEvent again = it.world.take("only");
    CHECK(it.world.state(it.task) == TaskState::StepsInProcess);
    it.world.succeed(again);
    CHECK(it.world.state(it.task) == TaskState::Complete);
    CHECK(it.world.step(it.task, "only").attempts == 2);
}

TEST_CASE(
    "S22: delays double from two seconds, with 15 percent jitter from eight seconds, and stop at an hour") {
    World world({graph(
        "single",
        {{"only",
          {},
          R"({"max_attempts":20,"backoff":"exponential","backoff_base_ms":1000,"max_backoff_ms":3600000})"}})});
    const Uuid task = world.submit("single");
    const std::array<std::pair<std::int64_t, std::int64_t>, 6> expected{{
        {2000, 2000},
        {4000, 4000},
        {6800, 9200},
        {13'600, 18'400},
        {27'200, 36'800},
        {54'400, 73'600},
    }};
    for (std::size_t attempt = 1; attempt <= 15; ++attempt) {
        world.fail(world.take("only"));
        const std::int64_t delay = world.delay_of(task, "only");
        CAPTURE(attempt);
        if (attempt <= expected.size()) {
            CHECK(delay >= expected[attempt - 1].first);
            CHECK(delay <= expected[attempt - 1].second);
        }
        if (attempt >= 12) CHECK(delay >= 3'060'000);
        CHECK(delay <= 3'600'000 + 540'000);
        world.advance(delay);
    }
}

TEST_CASE("S22: jitter differs from task to task") {
    World world({graph("single", {{"only", {}, R"({"max_attempts":20})"}})});
    std::vector<Uuid> tasks;
    for (int i = 0; i < 8; ++i) tasks.push_back(world.submit("single"));
    for (int attempt = 1; attempt <= 2; ++attempt) {
        for (const StepEvent& event : world.take_all(8)) world.fail(event);
        world.advance(4000);
    }
    for (const StepEvent& event : world.take_all(8)) world.fail(event);
    std::vector<std::int64_t> delays;
    for (const Uuid& task : tasks) delays.push_back(world.delay_of(task, "only"));
    CHECK(std::adjacent_find(delays.begin(), delays.end(), std::not_equal_to<>{}) != delays.end());
}

TEST_CASE("S23: Retry-After is kept to the millisecond, above and below the template's own delay") {
    Failed1 seven({.retry_after_ms = 7000});
    CHECK(seven.world.delay_of(seven.task, "only") == 7000);
    Failed1 one({.retry_after_ms = 1000});
    CHECK(one.world.delay_of(one.task, "only") == 1000);
}

TEST_CASE("S23: Retry-After is at most an hour") {
    Failed1 it({.retry_after_ms = 99'999'000});
    CHECK(it.world.delay_of(it.task, "only") == 3'600'000);
}

TEST_CASE("S23: a Retry-After header counts whatever the case of its name, as seconds or as a date to come") {
    const auto delay = [](const std::string& name, const std::string& value) {
        Failed1 it({.headers = {{"Content-Type", "text/plain"}, {name, value}}});
        return it.world.delay_of(it.task, "only");
    };
    CHECK(delay("Retry-After", "7") == 7000);
    CHECK(delay("RETRY-AFTER", "7") == 7000);
    CHECK(delay("retry-after", "99999") == 3'600'000);
    // What is no future is ignored: the template's own delay.
    CHECK(delay("Retry-After", "Mon, 01 Jan 2001 00:00:00 GMT") == 2000);
    CHECK(delay("Retry-After", "soon") == 2000);
    Failed1 date({.headers = {{"Retry-After", "Fri, 31 Dec 2100 23:59:59 GMT"}}});
    CHECK(date.world.delay_of(date.task, "only") == 3'600'000);
}

TEST_CASE("S24: a backoff hint without Retry-After changes nothing") {
    Failed1 it({.metadata_json =
                    R"({"backoff_hint":{"backoff_type":"RateLimit","delay_seconds":120,"context":null}})"});
    CHECK(it.world.delay_of(it.task, "only") == 2000);
}

TEST_CASE("S25: without any Retry-After the retry is delayed by the template's formula, not immediate") {
    Failed1 it({.retry_after_ms = std::nullopt});
    CHECK(it.world.delay_of(it.task, "only") == 2000);
    CHECK(it.world.quiet());
}

TEST_CASE("S26: a failure that comes with the status completed is final") {
    World world({graph("single", {{"only", {}, attempts(5)}})});
    const Uuid task = world.submit("single");
    const StepEvent event = world.take("only");
    StepExecutionResult odd = failure(event);
    odd.status = "completed";
    CHECK(world.answer(event, odd) == CompletionVerdict::Accepted);
    CHECK(world.step(task, "only").state == StepState::Error);
    CHECK(world.step(task, "only").attempts == 1);
    CHECK(world.state(task) == TaskState::BlockedByFailures);
}

TEST_CASE("S: a failure's envelope is stored until the next answer replaces it") {
    Failed1 it({.error_type = "downstream_error"});
    const std::string stored = it.world.step(it.task, "only").results_json;
    CHECK(stored.find(R"("error_type":"downstream_error")") != std::string::npos);
    CHECK(stored.find(R"("success":false)") != std::string::npos);
    CHECK(stored.find(R"("retryable":true)") != std::string::npos);
    it.world.advance(2000);
    const StepEvent again = it.world.take("only");
    CHECK(it.world.step(it.task, "only").results_json == stored);
    it.world.succeed(again, R"({"fine":1})");
    const std::string now = it.world.step(it.task, "only").results_json;
    CHECK(now.find(R"("fine":1)") != std::string::npos);
    CHECK(now.find(R"("success":true)") != std::string::npos);
}

TEST_CASE("S: the task counts and the last failure are told") {
    Failed1 it({});
    const StepView step = it.world.step(it.task, "only");
    REQUIRE(step.last_failure_ms.has_value());
    CHECK(*step.last_failure_ms == it.world.deployment().now_ms());
    CHECK(step.max_attempts == 20);
}

}  // namespace tasker::host::conformance
