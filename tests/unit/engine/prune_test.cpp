#include <doctest/doctest.h>

#include <set>

#include "host/core/failpoint.hpp"
#include "host/engine/sqlite.hpp"
#include "host/engine/store_file.hpp"
#include "host/logging/sinks.hpp"
#include "tests/unit/engine/engine_fixture.hpp"

namespace tasker::host::testing {

namespace {
constexpr std::chrono::seconds kLimit{20};
constexpr std::int64_t kDay = 86'400'000;

TaskTemplate one_step(const std::string& name = "one", const std::string& callable = "ns.work") {
    return make_template(name, {{"only", {}, callable}});
}

struct PruneFixture : EngineFixture {
    int submitted = 0;

    // Time passes in these cases; only what they are about comes of it.
    PruneFixture() {
        options.default_step_timeout_ms = 0;
        options.upkeep.staleness_interval_ms = 0;
    }
    Uuid next(const std::string& name = "one") {
        return submit(request(name, R"({"n":)" + std::to_string(++submitted) + "}"));
    }
    Uuid done(const std::string& name = "one") {
        const Uuid task = next(name);
        succeed(next_event());
        return task;
    }
    Uuid cancelled(const std::string& name = "one") {
        const Uuid task = next(name);
        CHECK_FALSE(engine->tasks().cancel(task));
        return task;
    }
    bool there(const Uuid& task) { return engine->tasks().get(task).has_value(); }
    std::int64_t rows(const std::string& table) {
        SqlConnection reader = open_reader(options.store);
        return reader.integer("SELECT count(*) FROM " + table);
    }
};
}  // namespace

TEST_CASE("pruning deletes what is old enough of each kind and nothing else") {
    PruneFixture f;
    f.open({one_step(), linear_template()});
    f.attach();
    const Uuid old_complete = f.done();
    const Uuid old_cancelled = f.cancelled();
    const Uuid open = f.next("linear");
    const StepEvent running = f.next_event();
    f.clock.advance(8 * kDay);
    const Uuid young = f.done();
    const PruneReport first = f.engine->prune({});
    CHECK(first.complete_tasks == 1);
    CHECK(first.failed_tasks == 0);
    CHECK_FALSE(f.there(old_complete));
    CHECK(f.there(old_cancelled));
    CHECK(f.there(open));
    CHECK(f.there(young));
    CHECK(f.engine->check().empty());

    f.clock.advance(23 * kDay);
    PruneOptions keep_complete;
    keep_complete.complete_ms = 365 * kDay;
    CHECK(f.engine->prune(keep_complete).failed_tasks == 1);
    CHECK_FALSE(f.there(old_cancelled));
    CHECK(f.there(young));
    CHECK(f.rows("task") == 2);
    CHECK(f.rows("task_doc") == 2);
    CHECK(f.rows("step") == 5);
    CHECK(f.engine->check().empty());
    // The open one goes on.
    f.succeed(running);
    for (int i = 0; i < 3; ++i) f.succeed(f.next_event());
    CHECK(f.view(open).state == TaskState::Complete);
}

TEST_CASE("a dry run counts and deletes nothing") {
    PruneFixture f;
    f.open({one_step()});
    f.attach();
    for (int i = 0; i < 3; ++i) f.done();
    f.cancelled();
    f.clock.advance(31 * kDay);
    PruneOptions dry;
    dry.dry_run = true;
    const PruneReport counted = f.engine->prune(dry);
    CHECK(counted.dry_run);
    CHECK(counted.complete_tasks == 3);
    CHECK(counted.failed_tasks == 1);
    CHECK(counted.steps == 4);
    CHECK(f.rows("task") == 4);
    const PruneReport real = f.engine->prune({});
    CHECK(real.complete_tasks == 3);
    CHECK(real.failed_tasks == 1);
    CHECK(real.steps == 4);
    CHECK(f.rows("task") + f.rows("task_doc") + f.rows("step") + f.rows("attempt") == 0);
    CHECK(f.engine->check().empty());
}

TEST_CASE("pruning takes many slices between which the work goes on, and never uses a row id twice") {
    PruneFixture f;
    f.open({one_step(), linear_template()});
    f.attach(64);
    std::vector<TaskRequest> requests;
    for (int i = 0; i < 3000; ++i)
        requests.push_back(request("one", R"({"many":)" + std::to_string(i) + "}"));
    std::set<std::string> uuids;
    for (const SubmitOutcome& outcome : f.engine->tasks().create_batch(requests)) {
        uuids.insert(std::get<Uuid>(outcome).str());
        // Every seventh stays open.
        if (uuids.size() % 7 != 0) CHECK_FALSE(f.engine->tasks().cancel(std::get<Uuid>(outcome)));
    }
    f.clock.advance(31 * kDay);
    const std::int64_t open = 3000 / 7;
    CHECK(f.engine->prune({}).failed_tasks == 3000 - open);
    CHECK(f.rows("task") == open);
    CHECK(f.engine->check().empty());
    f.close();

    // All of them, the newest too.
    f.open({one_step(), linear_template()});
    for (const std::string& uuid : uuids) static_cast<void>(f.engine->tasks().cancel(*Uuid::parse(uuid)));
    f.clock.advance(31 * kDay);
    CHECK(f.engine->prune({}).failed_tasks == open);
    CHECK(f.rows("task") == 0);
    f.close();
    f.open({one_step(), linear_template()});
    f.attach();
    const Uuid fresh = f.done();
    CHECK_FALSE(uuids.contains(fresh.str()));
    SqlConnection reader = open_reader(f.options.store);
    CHECK(reader.integer("SELECT min(task_id) FROM task") > 3000);
    CHECK(reader.integer("SELECT min(step_id) FROM step") > 3000);
    // Those that were pruned last are known still; the others are forgotten by now.
    CHECK(std::holds_alternative<Uuid>(f.engine->tasks().create(requests.back())));
    const SubmitOutcome again = f.engine->tasks().create(requests[6]);
    REQUIRE(std::holds_alternative<Refused>(again));
    CHECK(std::get<Refused>(again).why == Refusal::Duplicate);
}

TEST_CASE(
    "templates and lanes that nothing uses any more go with their tasks, and come back when they are used") {
    PruneFixture f;
    f.open({one_step("used"), one_step("gone", "ns.gone"), make_template("kept", {{"k", {}, "ns.kept"}})});
    f.attach(8, {{"ns", "ns.work", "", 8}});
    f.done("used");
    f.cancelled("gone");
    const Uuid kept = f.next("kept");
    CHECK(f.rows("template") == 3);
    f.clock.advance(31 * kDay);
    const PruneReport report = f.engine->prune({});
    CHECK(report.templates == 2);
    CHECK(report.lanes == 1);  // ns.gone; ns.work is offered by the worker
    CHECK(f.rows("template") == 1);
    CHECK(f.there(kept));
    const Uuid again = f.next("gone");
    CHECK(f.view(again).steps.front().state == StepState::Enqueued);
    f.done("used");
    CHECK(f.rows("template") == 3);
    CHECK(f.engine->check().empty());
}

TEST_CASE(
    "a stale task is kept while its entry is pending, and goes with its ready steps when it is resolved") {
    PruneFixture f;
    f.options.upkeep.staleness_interval_ms = 300'000;
    f.open({one_step(), one_step("unserved", "ns.nobody")});
    f.attach();
    const Uuid task = f.next("unserved");
    REQUIRE(eventually(kLimit, [&] {
        if (f.view(task).state == TaskState::Error) return true;
        f.clock.advance(300'000);
        return false;
    }));
    f.clock.advance(31 * kDay);
    const PruneReport kept = f.engine->prune({});
    CHECK(kept.failed_tasks == 0);
    CHECK(kept.kept_pending_dlq == 1);
    PruneOptions dry;
    dry.dry_run = true;
    CHECK(f.engine->prune(dry).kept_pending_dlq == 1);
    CHECK(f.there(task));

    DlqUpdate update;
    update.status = DlqStatus::PermanentlyFailed;
    CHECK_FALSE(f.engine->dlq().update(f.engine->dlq().find_by_task(task)->entry_uuid, update));
    CHECK(f.engine->prune({}).failed_tasks == 1);
    CHECK_FALSE(f.there(task));
    CHECK(f.rows("dlq") == 0);
    CHECK(f.engine->info().ready_steps == 0);
    CHECK(f.engine->check().empty());
    // Its lane is served now, and nothing comes.
    f.runtime->set_capacity({8, {{"ns", "ns.nobody", "", 8}, {"ns", "ns.work", "", 8}}});
    f.done();
}

TEST_CASE("a task that was given up but still runs is not pruned under its handler") {
    PruneFixture f;
    f.options.upkeep.staleness_interval_ms = 300'000;
    f.open({one_step()});
    f.attach();
    const Uuid task = f.next();
    const StepEvent running = f.next_event();
    REQUIRE(eventually(kLimit, [&] {
        if (f.view(task).state == TaskState::Error) return true;
        f.clock.advance(300'000);
        return false;
    }));
    DlqUpdate update;
    update.status = DlqStatus::Cancelled;
    CHECK_FALSE(f.engine->dlq().update(f.engine->dlq().find_by_task(task)->entry_uuid, update));
    f.clock.advance(31 * kDay);
    CHECK(f.engine->prune({}).failed_tasks == 0);
    CHECK(f.succeed(running) == CompletionVerdict::Accepted);
    CHECK(f.engine->prune({}).failed_tasks == 1);
    CHECK(f.engine->check().empty());
}

TEST_CASE("retention prunes by itself when it is on, and only then") {
    PruneFixture f;
    SUBCASE("on") { f.options.upkeep.retention = true; }
    SUBCASE("off") {}
    f.open({one_step()});
    f.attach();
    f.done();
    f.clock.advance(8 * kDay);
    f.flushes = 0;
    const bool gone = eventually(std::chrono::seconds{f.options.upkeep.retention ? 20 : 1}, [&] {
        f.clock.advance(3'600'000);
        return f.engine->info().tasks == 0;
    });
    CHECK(gone == f.options.upkeep.retention);
}

TEST_CASE("without a retention of identities a pruned task can be submitted again at once") {
    PruneFixture f;
    f.options.upkeep.retain_identities_ms = 0;
    f.open({one_step()});
    f.attach();
    const Uuid first = f.submit(request("one"));
    f.succeed(f.next_event());
    f.clock.advance(8 * kDay);
    CHECK(f.engine->prune({}).complete_tasks == 1);
    CHECK(f.submit(request("one")) != first);
    CHECK(f.engine->check().empty());
}

#ifdef TASKER_FAILPOINTS
TEST_CASE("a slice that the store refuses is undone, the caller is told and the rest can be pruned later") {
    PruneFixture f;
    f.open({one_step()});
    f.attach();
    for (int i = 0; i < 3; ++i) f.done();
    f.clock.advance(8 * kDay);
    arm_failpoints("prune.before_commit=error@1");
    CHECK_THROWS_AS(f.engine->prune({}), StoreUnavailable);
    arm_failpoints("");
    CHECK(f.rows("task") == 3);
    f.clock.advance(1000);
    REQUIRE(eventually(kLimit, [&] { return f.engine->trouble().empty(); }));
    CHECK(f.engine->prune({}).complete_tasks == 3);
    CHECK(f.engine->check().empty());
}
#endif

namespace {
// Tasks whose rows fill more than the 4096 pages below which nobody looks at the file's size.
struct BigPruneFixture : PruneFixture {
    BigPruneFixture() {
        open({one_step()});
        attach();
        std::string filling;
        for (int i = 0; i < 100; ++i) filling += (i > 0 ? ",\"" : "\"") + std::string(9000, 'x') + '"';
        for (int i = 0; i < 22; ++i) {
            submit(request("one", R"({"n":)" + std::to_string(i) + R"(,"filling":[)" + filling + "]}"));
            succeed(next_event());
        }
        clock.advance(8 * kDay);
    }
    std::int64_t pragma(const std::string& name) {
        SqlConnection reader = open_reader(options.store);
        return reader.integer("PRAGMA " + name);
    }
};
}  // namespace

TEST_CASE("a file that is mostly free becomes smaller once there is nothing else to do") {
    BigPruneFixture f;
    const std::int64_t pages = f.pragma("page_count");
    REQUIRE(pages > 4096);
    const PruneReport report = f.engine->prune({});
    CHECK(report.complete_tasks == 22);
    CHECK(report.free_pages > 4096);
    CHECK(eventually(kLimit, [&] { return f.pragma("freelist_count") <= 4096; }));
    CHECK(f.pragma("page_count") < pages);
    CHECK(f.engine->check().empty());
}

TEST_CASE("a compaction gives every free page back, and is not repeated by later commits") {
    BigPruneFixture f;
    PruneOptions options;
    options.compact = true;
    const PruneReport report = f.engine->prune(options);
    CHECK(report.complete_tasks == 22);
    CHECK(report.free_pages == 0);
    CHECK(report.pages < 200);
    CHECK(f.pragma("auto_vacuum") == 2);
    f.done();
    CHECK(f.engine->check().empty());
    f.close();
    {
        SqlConnection killed_while_compacting(f.options.store, SqlConnection::Mode::ReadWrite);
        killed_while_compacting.exec("PRAGMA auto_vacuum = FULL");
    }
    f.open({one_step()});
    CHECK(f.pragma("auto_vacuum") == 2);
}

}  // namespace tasker::host::testing
