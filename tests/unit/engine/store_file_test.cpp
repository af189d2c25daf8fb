#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <iterator>

#include "host/core/failpoint.hpp"
#include "host/engine/schema.hpp"
#include "host/engine/sqlite.hpp"
#include "host/engine/store_file.hpp"
#include "tests/unit/engine/engine_fixture.hpp"

using namespace tasker::host;
using namespace tasker::host::testing;
namespace fs = std::filesystem;

namespace {
std::string bytes_of(const fs::path& file) {
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

void overwrite(const fs::path& file, std::size_t at, const std::string& bytes) {
    std::fstream out(file, std::ios::binary | std::ios::in | std::ios::out);
    out.seekp(static_cast<std::streamoff>(at));
    out << bytes;
}

// A store with some tasks in it, properly closed.
void fill(EngineFixture& fixture) {
    fixture.open({linear_template()});
    for (int i = 0; i < 200; ++i) fixture.submit(request("linear", R"({"n":)" + std::to_string(i) + "}"));
    fixture.close();
}

std::string refusal(EngineFixture& fixture) {
    const std::string before = bytes_of(fixture.options.store);
    const auto written = fs::last_write_time(fixture.options.store);
    std::string message;
    try {
        fixture.open({});
    } catch (const StoreRefused& error) {
        message = error.what();
        CHECK_FALSE(error.hint().empty());
    }
    CHECK(bytes_of(fixture.options.store) == before);
    CHECK(fs::last_write_time(fixture.options.store) == written);
    CHECK(message.find(fixture.options.store.string()) != std::string::npos);
    CHECK(message.find("not modified") != std::string::npos);
    return message;
}
}  // namespace

TEST_CASE("A new store has the schema's version and no log left after a stop") {
    EngineFixture fixture;
    fixture.open({});
    CHECK(fixture.engine->info().schema_version == kSchemaVersion);
    fixture.close();
    CHECK(fs::exists(fixture.options.store));
    CHECK_FALSE(fs::exists(fixture.options.store.string() + ".new"));
    const auto log = wal_path(fixture.options.store);
    CHECK((!fs::exists(log) || fs::file_size(log) == 0));
}

TEST_CASE("A file that is no database is refused untouched") {
    EngineFixture fixture;
    SUBCASE("text") { fixture.folder.write("tasker.db", std::string(5000, 'x')); }
    SUBCASE("short text") { fixture.folder.write("tasker.db", "hello"); }
    SUBCASE("empty") { fixture.folder.write("tasker.db", ""); }
    SUBCASE("random header") {
        fill(fixture);
        overwrite(fixture.options.store, 0, std::string(60, '\x5A'));
    }
    refusal(fixture);
}

TEST_CASE("A database of another application is refused untouched") {
    EngineFixture fixture;
    SqlConnection other(fixture.options.store, SqlConnection::Mode::ReadWriteCreate);
    other.exec("CREATE TABLE t(x)");
    other.close();
    CHECK(refusal(fixture).find("another application") != std::string::npos);
}

TEST_CASE("A newer schema is refused untouched with both versions named") {
    EngineFixture fixture;
    fill(fixture);
    SqlConnection newer(fixture.options.store, SqlConnection::Mode::ReadWrite);
    newer.exec("PRAGMA user_version = 9");
    newer.exec("PRAGMA wal_checkpoint(TRUNCATE)");
    newer.close();
    CHECK(refusal(fixture).find("schema 9, this build supports up to " + std::to_string(kSchemaVersion)) !=
          std::string::npos);
}

TEST_CASE("A newer schema that is still only in the log is refused too") {
    EngineFixture fixture;
    fill(fixture);
    SqlConnection newer(fixture.options.store, SqlConnection::Mode::ReadWrite);
    newer.exec("PRAGMA user_version = 9");
    newer.close();
    REQUIRE(fs::exists(wal_path(fixture.options.store)));
    CHECK(refusal(fixture).find("schema 9") != std::string::npos);
}

TEST_CASE("Damaged pages are refused untouched") {
    EngineFixture fixture;
    fill(fixture);
    const auto size = static_cast<std::size_t>(fs::file_size(fixture.options.store));
    SUBCASE("a page overwritten") {
        overwrite(fixture.options.store, size / 2 / 4096 * 4096, std::string(4096, '\x5A'));
    }
    SUBCASE("cut short") { fs::resize_file(fixture.options.store, size / 2); }
    refusal(fixture);
}

TEST_CASE("A missing log is noticed when the store was not closed") {
    EngineFixture fixture;
    fixture.open({linear_template()});
    fixture.submit(request("linear"));
    const fs::path copied = fixture.folder / "copied.db";
    fs::copy_file(fixture.options.store, copied);
    fixture.close();
    fixture.options.store = copied;
    CHECK(refusal(fixture).find("is missing") != std::string::npos);
}

TEST_CASE("A log without its store is refused") {
    EngineFixture fixture;
    fixture.folder.write("tasker.db-wal", "something");
    CHECK_THROWS_AS(fixture.open({}), StoreRefused);
    CHECK_FALSE(fs::exists(fixture.options.store));
}

TEST_CASE("A store that cannot be opened says where and why") {
    EngineFixture fixture;
    std::string expected;
    SUBCASE("no folder") {
        fixture.options.store = fixture.folder / "none/tasker.db";
        expected = "does not exist";
    }
    SUBCASE("missing and not to be created") {
        fixture.options.create = false;
        expected = "does not exist";
    }
    if (geteuid() != 0) {
        SUBCASE("folder not writable") {
            chmod(fixture.folder.path().c_str(), 0500);
            expected = "not writable";
        }
    }
    try {
        fixture.open({});
        FAIL("it was opened");
    } catch (const BootstrapError& error) {
        CHECK(std::string(error.what()).find(expected) != std::string::npos);
        CHECK(std::string(error.what()).find(fixture.options.store.string()) != std::string::npos);
    }
    chmod(fixture.folder.path().c_str(), 0700);
}

TEST_CASE("A store left by a killed host opens with all that was committed") {
    EngineFixture fixture;
    fixture.open({linear_template()});
    fixture.submit(request("linear"));
    // What a kill would leave: the file and its log as they are now.
    const fs::path copied = fixture.folder / "killed.db";
    fs::copy_file(fixture.options.store, copied);
    fs::copy_file(wal_path(fixture.options.store), wal_path(copied));
    fixture.close();
    fixture.options.store = copied;
    fixture.open({linear_template()});
    CHECK(fixture.engine->info().tasks == 1);
    CHECK(fixture.engine->check().empty());
}

#ifdef TASKER_FAILPOINTS
TEST_CASE("A failure in the middle of the first migration leaves no store behind") {
    EngineFixture fixture;
    arm_failpoints("migration.mid=error");
    CHECK_THROWS_AS(fixture.open({}), BootstrapError);
    arm_failpoints("");
    CHECK_FALSE(fs::exists(fixture.options.store));
    fixture.open({});
    CHECK(fixture.engine->check().empty());
}
#endif

TEST_CASE("A backup opens as a store of its own and never overwrites a file") {
    EngineFixture fixture;
    fixture.open({linear_template()});
    const Uuid task = fixture.submit(request("linear"));
    const fs::path target = fixture.folder / "backup.db";
    fixture.engine->backup(target);
    CHECK_THROWS_AS(fixture.engine->backup(target), Error);
    fixture.submit(request("linear", R"({"later":true})"));
    fixture.close();
    fixture.options.store = target;
    fixture.open({linear_template()});
    CHECK(fixture.engine->info().tasks == 1);
    CHECK(fixture.view(task).total_steps == 4);
    CHECK(fixture.engine->check().empty());
}

TEST_CASE("The check names a row that breaks an invariant") {
    EngineFixture fixture;
    fill(fixture);
    {
        SqlConnection connection(fixture.options.store, SqlConnection::Mode::ReadWrite);
        connection.exec("UPDATE step SET parents_left = 7 WHERE step_id = 3");
        connection.exec("DELETE FROM task_doc WHERE task_id = 5");
    }
    fixture.open({linear_template()});
    const auto faults = fixture.engine->check();
    REQUIRE(faults.size() == 2);
    CHECK(faults[0] == "task without its document: task row 5");
    CHECK(faults[1] == "step with a wrong number of open parents: step row 3");
}
