#include "host/model/readiness.hpp"

#include <doctest/doctest.h>

using namespace tasker::host;

namespace {
StepReadiness step(StepState state = StepState::Pending) {
    StepReadiness readiness;
    readiness.state = state;
    return readiness;
}
}  // namespace

TEST_CASE("Readiness: a step without parents is ready, one waits for all of its parents") {
    StepReadiness waiting = step();
    CHECK(ready_for_execution(waiting, 0));
    waiting.total_parents = 2;
    waiting.completed_parents = 1;
    CHECK_FALSE(dependencies_satisfied(waiting));
    CHECK_FALSE(ready_for_execution(waiting, 0));
    waiting.completed_parents = 2;
    CHECK(ready_for_execution(waiting, 0));
}

TEST_CASE("Readiness: only a pending step or one that waits for its retry can start") {
    for (int value = 0; value < 10; ++value) {
        const auto state = static_cast<StepState>(value);
        CAPTURE(name(state));
        const bool startable = state == StepState::Pending || state == StepState::WaitingForRetry;
        CHECK(ready_for_execution(step(state), 0) == startable);
    }
}

TEST_CASE("Readiness: the first attempt is always allowed, later ones within the limit") {
    StepReadiness retry = step();
    retry.max_attempts = 0;
    retry.retryable = false;
    CHECK(retry_eligible(retry));
    retry.attempts = 1;
    retry.max_attempts = 3;
    CHECK_FALSE(retry_eligible(retry));
    retry.retryable = true;
    CHECK(retry_eligible(retry));
    retry.attempts = 3;
    CHECK_FALSE(retry_eligible(retry));
}

TEST_CASE("Readiness: a retry is due at its time, not before") {
    StepReadiness retry = step(StepState::WaitingForRetry);
    retry.attempts = 1;
    retry.next_retry_ms = 1000;
    CHECK_FALSE(ready_for_execution(retry, 999));
    CHECK(ready_for_execution(retry, 1000));
}

TEST_CASE("Readiness: a processed step and one in process never start") {
    StepReadiness done = step();
    done.processed = true;
    CHECK_FALSE(ready_for_execution(done, 0));
    StepReadiness running = step();
    running.in_process = true;
    CHECK_FALSE(ready_for_execution(running, 0));
}

TEST_CASE("Settling: the first rule that matches gives the task's state") {
    struct Row {
        const char* what;
        TaskCounts counts;
        int promoted;
        TaskState state;
    };
    const Row rows[] = {
        {"no steps", {}, 0, TaskState::Complete},
        {"all done", {.total = 2, .done = 2}, 0, TaskState::Complete},
        {"a failure outranks live siblings",
         {.total = 3, .done = 1, .failed = 1, .live = 1},
         0,
         TaskState::BlockedByFailures},
        {"a failure outranks promoted ones",
         {.total = 3, .failed = 1, .live = 2},
         2,
         TaskState::BlockedByFailures},
        {"promoted", {.total = 3, .done = 1, .live = 2}, 1, TaskState::StepsInProcess},
        {"running, nothing promoted", {.total = 3, .done = 1, .live = 2}, 0, TaskState::EvaluatingResults},
        {"only a retry timer", {.total = 2, .done = 1, .waiting = 1}, 0, TaskState::WaitingForDependencies},
        {"a cancelled step satisfies nobody",
         {.total = 2, .done = 1, .cancelled = 1},
         0,
         TaskState::WaitingForDependencies},
        {"ready but not enqueued", {.total = 2, .done = 1, .ready = 1}, 0, TaskState::WaitingForDependencies},
    };
    for (const Row& row : rows) {
        CAPTURE(row.what);
        CHECK(settle(row.counts, row.promoted) == row.state);
    }
}

TEST_CASE("Execution context: status and advice follow the same order") {
    struct Row {
        TaskCounts counts;
        const char* status;
        const char* action;
        const char* health;
    };
    const Row rows[] = {
        {{.total = 3, .failed = 1, .ready = 1}, "blocked_by_failures", "handle_failures", "blocked"},
        {{.total = 3, .live = 1, .ready = 1}, "has_ready_steps", "execute_ready_steps", "healthy"},
        {{.total = 3, .done = 2, .live = 1}, "processing", "wait_for_completion", "healthy"},
        {{.total = 3, .done = 3}, "all_complete", "finalize_task", "healthy"},
        {{.total = 3, .done = 2, .waiting = 1},
         "waiting_for_dependencies",
         "wait_for_dependencies",
         "healthy"},
        {{}, "waiting_for_dependencies", "wait_for_dependencies", "healthy"},
    };
    for (const Row& row : rows) {
        CHECK(execution_status(row.counts) == row.status);
        CHECK(recommended_action(row.counts) == row.action);
        CHECK(health_status(row.counts) == row.health);
    }
}

TEST_CASE("Execution context: the percentage has two digits, and is 0 without steps") {
    CHECK(completion_percentage({}) == 0.0);
    CHECK(completion_percentage({.total = 3, .done = 1}) == doctest::Approx(33.33));
    CHECK(completion_percentage({.total = 3, .done = 2}) == doctest::Approx(66.67));
    CHECK(completion_percentage({.total = 8, .done = 8}) == 100.0);
}
