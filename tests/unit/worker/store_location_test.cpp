#include "host/worker/store_location.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <string>

#include "host/core/error.hpp"
#include "tests/support/temp_dir.hpp"

using namespace tasker::host;
using namespace tasker::host::testing;

TEST_CASE("Store location: the explicit store, then the URL, then the state directory") {
    const TempDir folder;
    const std::string root = folder.path().string();
    CHECK(locate_store(root + "/a.db", "", root + "/s") == root + "/a.db");
    CHECK(locate_store("", "sqlite:///" + root.substr(1) + "/b.db", root + "/s") == root + "/b.db");
    CHECK(locate_store("", "", root + "/s") == root + "/s/tasker.db");
}

TEST_CASE("Store location: the folder is made for this user alone") {
    const TempDir folder;
    locate_store("", "", (folder / "new/state").string());
    const auto mode = std::filesystem::status(folder / "new/state").permissions();
    CHECK(mode == std::filesystem::perms::owner_all);
}

TEST_CASE("Store location: other databases and no place at all are refused") {
    CHECK_THROWS_AS(locate_store("", "postgres://x", "/s"), BootstrapError);
    CHECK_THROWS_AS(locate_store("/a.db", "postgresql://x", "/s"), BootstrapError);
    CHECK_THROWS_AS(locate_store("", "mysql://x", "/s"), BootstrapError);
    CHECK_THROWS_AS(locate_store("", "", ""), BootstrapError);
}
