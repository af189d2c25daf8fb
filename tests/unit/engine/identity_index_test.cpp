#include "host/engine/identity_index.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <string>

#include "host/core/sha256.hpp"
#include "host/engine/store_file.hpp"
#include "tests/unit/engine/engine_fixture.hpp"

namespace tasker::host::testing {

namespace {
constexpr std::size_t kFewWaiting = 7;

// The writer's connection, with tasks that are an identity and nothing else.
struct Identities {
    TempDir folder;
    ManualClock clock;
    SeededRandom random{7};
    SqlConnection connection;
    std::unique_ptr<IdentityIndex> index;
    std::int64_t tasks = 0;

    Identities() : connection(open()) { reload(); }
    SqlConnection open() {
        EngineOptions options;
        options.store = folder.path() / "tasker.db";
        return open_store(options, clock, random);
    }
    void reload() { index = std::make_unique<IdentityIndex>(connection, kFewWaiting); }
    static std::string identity(std::int64_t task) {
        Sha256 hash;
        hash.update("task " + std::to_string(task));
        const auto digest = hash.finish();
        return {digest.begin(), digest.end()};
    }
    bool knows(std::int64_t task) { return index->contains(identity_prefix(identity(task)), identity(task)); }
    void add(int count) {
        connection.exec("BEGIN");
        for (int i = 0; i < count; ++i) {
            const std::string text = identity(++tasks);
            connection
                .prepare(
                    "INSERT INTO task(task_id, template_id, first_step, state, state_ms, created_ms, "
                    "priority, identity_prefix, identity) VALUES(?, 1, 1, 1, 1, 1, 0, ?, ?)")
                .run(tasks, identity_prefix(text), Blob{text});
            index->add(identity_prefix(text), tasks);
        }
        index->flush();
    }
    void commit() {
        connection.exec("COMMIT");
        index->committed();
    }
    void roll_back(int count) {
        connection.exec("ROLLBACK");
        index->rolled_back();
        tasks -= count;
    }
    std::int64_t indexed() { return connection.integer("SELECT count(*) FROM task_identity"); }
    std::int64_t upto() { return connection.integer("SELECT v FROM meta WHERE k = 'identities_upto'"); }
    std::int64_t missing_below_upto() {
        return connection.integer(
            "SELECT count(*) FROM task t WHERE task_id <= (SELECT v FROM meta WHERE k = 'identities_upto') "
            "AND NOT EXISTS (SELECT 1 FROM task_identity i WHERE i.task_id = t.task_id AND i.prefix = "
            "t.identity_prefix)");
    }
    bool knows_exactly_its_tasks() {
        for (std::int64_t task = 1; task <= tasks; ++task) {
            if (!knows(task)) return false;
        }
        for (std::int64_t task = tasks + 1; task <= tasks + 50; ++task) {
            if (knows(task)) return false;
        }
        return true;
    }
};
}  // namespace

TEST_CASE("An identity is known from its submission on, in memory and in the index") {
    Identities store;
    CHECK(store.knows_exactly_its_tasks());
    for (int batch = 0; batch < 60; ++batch) {
        store.add(1 + batch % 5);
        CHECK(store.knows_exactly_its_tasks());
        store.commit();
        CHECK(store.knows_exactly_its_tasks());
        CHECK(store.indexed() == std::max<std::int64_t>(store.tasks - std::int64_t{kFewWaiting}, 0));
        CHECK(store.missing_below_upto() == 0);
    }
    CHECK(store.upto() > 0);
}

TEST_CASE("A restart in the middle of a sweep forgets no identity and indexes none twice") {
    Identities store;
    for (int batch = 0; batch < 60; ++batch) {
        store.add(3);
        store.commit();
        store.reload();
        CHECK(store.knows_exactly_its_tasks());
        CHECK(store.missing_below_upto() == 0);
    }
    CHECK(store.upto() > 0);
    CHECK(store.indexed() <= store.tasks);
}

TEST_CASE("What is rolled back was never submitted, and what it moved is kept") {
    Identities store;
    for (int batch = 0; batch < 60; ++batch) {
        store.add(4);
        store.roll_back(4);
        CHECK(store.knows_exactly_its_tasks());
        store.add(2);
        store.commit();
        CHECK(store.knows_exactly_its_tasks());
        CHECK(store.missing_below_upto() == 0);
    }
    CHECK(store.indexed() == store.tasks - std::int64_t{kFewWaiting});
}

}  // namespace tasker::host::testing
