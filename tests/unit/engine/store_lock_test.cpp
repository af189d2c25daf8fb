#include <doctest/doctest.h>
#include <unistd.h>

#include <fstream>
#include <thread>

#include "host/core/error.hpp"
#include "host/engine/store_lock.hpp"
#include "tests/support/temp_dir.hpp"

using namespace tasker::host;
using tasker::host::testing::TempDir;

TEST_CASE("The second holder is told who has the store") {
    const TempDir folder;
    auto first = StoreLock::try_acquire(folder / "tasker.db", "host");
    REQUIRE(std::holds_alternative<StoreLock>(first));
    const auto second = StoreLock::try_acquire(folder / "tasker.db", "cli");
    REQUIRE(std::holds_alternative<StoreHolder>(second));
    CHECK(std::get<StoreHolder>(second).pid == getpid());
    CHECK(std::get<StoreHolder>(second).role == "host");
}

TEST_CASE("A lock that was let go, or left by a dead process, is free") {
    const TempDir folder;
    folder.write("tasker.db.lock", "1 host\n");
    { CHECK(std::holds_alternative<StoreLock>(StoreLock::try_acquire(folder / "tasker.db", "host"))); }
    CHECK(std::holds_alternative<StoreLock>(StoreLock::try_acquire(folder / "tasker.db", "host")));
}

TEST_CASE("A host is not waited for") {
    const TempDir folder;
    const auto held = StoreLock::try_acquire(folder / "tasker.db", "host");
    const auto start = std::chrono::steady_clock::now();
    const auto refused = StoreLock::acquire(folder / "tasker.db", "host", 60'000);
    CHECK(std::holds_alternative<StoreHolder>(refused));
    CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds{30});
}

TEST_CASE("A short command is waited for") {
    const TempDir folder;
    auto held = StoreLock::try_acquire(folder / "tasker.db", "cli");
    REQUIRE(std::holds_alternative<StoreLock>(held));
    std::jthread letting_go(
        [lock = std::get<StoreLock>(std::move(held))]() mutable { StoreLock ends = std::move(lock); });
    CHECK(std::holds_alternative<StoreLock>(StoreLock::acquire(folder / "tasker.db", "host", 20'000)));
}

TEST_CASE("Garbage in the lock file is an unknown holder, and an impossible path is an error") {
    const TempDir folder;
    const auto held = StoreLock::try_acquire(folder / "tasker.db", "host");
    std::ofstream(folder / "tasker.db.lock") << "\xFF\xFFgarbage";
    const auto refused = StoreLock::try_acquire(folder / "tasker.db", "host");
    REQUIRE(std::holds_alternative<StoreHolder>(refused));
    CHECK(std::get<StoreHolder>(refused).pid == 0);
    CHECK_THROWS_AS(StoreLock::try_acquire(folder / "none/tasker.db", "host"), BootstrapError);
}
