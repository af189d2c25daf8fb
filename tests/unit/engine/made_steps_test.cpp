#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "host/engine/sqlite.hpp"
#include "host/engine/task_graph.hpp"
#include "tests/conformance/template_text.hpp"
#include "tests/unit/engine/engine_fixture.hpp"

using namespace tasker::host;
using namespace tasker::host::testing;

namespace {
TaskTemplate batch() {
    namespace text = tasker::host::conformance;
    return text::graph(
        "batch",
        {text::batchable("cut", "W"), text::batch_worker("W", {"cut"}), text::convergence("sum", {"W"})},
        {.namespace_name = "ns"});
}

std::string batches(int count) {
    std::vector<std::string> ids;
    for (int i = 0; i < count; ++i) ids.push_back(std::to_string(i));
    return tasker::host::conformance::create_batches("W", ids);
}

struct BatchFixture : EngineFixture {
    explicit BatchFixture(int workers) {
        open({batch()});
        attach(64, {{"ns", "work", "", 1000}});
        task = submit(request("batch"));
        const StepEvent cut = next_event();
        REQUIRE(complete(cut.event_id, success(cut, batches(workers))) == CompletionVerdict::Accepted);
    }
    Uuid task;
};
}  // namespace

TEST_CASE("ordinals: runs are written as such and read back") {
    for (const std::vector<std::uint32_t>& list :
         {std::vector<std::uint32_t>{}, {0}, {0, 1}, {0, 3, 5, 6, 7}, {2, 4, 6}, {1, 2, 9}})
        CHECK(parse_ordinals(ordinals_text(list), 100) == list);
    CHECK(ordinals_text(std::vector<std::uint32_t>{0, 3, 5, 6, 7}) == "0,3,5-7");
}

TEST_CASE("ordinals: a damaged list is refused, and costs nothing") {
    for (const char* text :
         {"x", "1,", "1-", "-1", "3-2", "2,2", "5,1", "1 2", "1;2", "100", "0-99999999", "1--2"}) {
        CAPTURE(text);
        CHECK_THROWS_AS(parse_ordinals(text, 100), Error);
    }
}

TEST_CASE("made steps: a batch of thousands runs, its aggregator sees every result") {
    constexpr int kWorkers = 2000;
    BatchFixture fixture(kWorkers);
    CHECK(fixture.view(fixture.task).total_steps == kWorkers + 2);
    CHECK(fixture.engine->check().empty());
    int workers = 0;
    StepEvent event = fixture.next_event();
    for (; event.task_sequence_step.workflow_step.name != "sum"; event = fixture.next_event()) {
        ++workers;
        fixture.runtime->complete_step_event(event.event_id, success(event));
    }
    CHECK(workers == kWorkers);
    CHECK(event.task_sequence_step.dependency_results.size() == kWorkers + 1);
    CHECK(fixture.succeed(event) == CompletionVerdict::Accepted);
    CHECK(fixture.view(fixture.task).state == TaskState::Complete);
    CHECK(fixture.engine->check().empty());
}

TEST_CASE("made steps: retries of a blocked task are parked, those of made steps too") {
    BatchFixture fixture(2);
    const StepEvent first = fixture.next_event();
    const StepEvent second = fixture.next_event();
    fixture.fail(first);
    fixture.fail(second, false);
    CHECK(fixture.view(fixture.task).state == TaskState::BlockedByFailures);
    fixture.clock.advance(60'000);
    CHECK(fixture.engine->info().waiting_steps == 0);
    CHECK(fixture.engine->info().ready_steps == 0);
    CHECK(fixture.engine->check().empty());
}

TEST_CASE("made steps: check finds what does not fit") {
    BatchFixture fixture(3);
    fixture.close();
    const auto damaged = [&](const std::string& statement) {
        {
            SqlConnection store(fixture.options.store, SqlConnection::Mode::ReadWrite);
            store.exec("SAVEPOINT s");
            store.exec(statement);
            store.exec("RELEASE s");
        }
        fixture.open({batch()});
        const auto faults = fixture.engine->check();
        fixture.close();
        return faults;
    };
    CHECK(damaged("SELECT 1").empty());
    CHECK(damaged("UPDATE step SET parents_left = 2 WHERE idx = 4").size() == 1);
    CHECK(damaged("UPDATE step SET parents_left = 3 WHERE idx = 4").empty());
    CHECK_FALSE(damaged("UPDATE made_step SET parents = '1-2' WHERE idx = 4").empty());
    CHECK_FALSE(damaged("UPDATE made_step SET parents = 'x' WHERE idx = 4").empty());
    CHECK_FALSE(damaged("UPDATE made_step SET parents = '1-99' WHERE idx = 4").empty());
    CHECK_FALSE(damaged("DELETE FROM step WHERE idx = 2").empty());
}
