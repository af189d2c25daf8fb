// Damaged copies of a good plugin. What the pre-check lets through is really loaded, in a child process: the loader
// trusts the bytes it relocates and runs, so a child may die there, but it must be this side of the pre-check's rules.
#include <doctest/doctest.h>

#include <filesystem>
#include <random>
#include <string>

#include "tests/abi/child_load.hpp"
#include "tests/support/temp_dir.hpp"

using namespace tasker::host;
using namespace tasker::host::testing;
namespace fs = std::filesystem;

namespace {
std::string good_plugin() { return plugin_bytes(fs::path(TASKER_ABI_PLUGINS) / "good_c.so"); }
}  // namespace

TEST_CASE("a plugin cut at every 512 bytes is refused or loads, and never kills the host") {
    const TempDir dir;
    const std::string good = good_plugin();
    int refused = 0, loaded = 0;
    for (std::size_t size = 512; size < good.size(); size += 512) {
        const std::string cut = good.substr(0, size);
        std::string reason;
        if (!passes_precheck(cut, reason)) {
            ++refused;
            CHECK_MESSAGE(reason.find("truncated") != std::string::npos, size, ": ", reason);
            continue;
        }
        ++loaded;
        CHECK_MESSAGE(load_in_child(dir.path(), cut) == Ending::Loaded, size);
    }
    CHECK(refused >= 3);
    CHECK(load_in_child(dir.path(), good) == Ending::Loaded);
}

TEST_CASE("flipped bytes in headers, notes and tables are refused with a reason before any code runs") {
    const TempDir dir;
    const std::string good = good_plugin();
    std::mt19937 random(1);
    int refused = 0, tried = 0, died = 0;
    constexpr int kRounds = 3000;
    // A child costs milliseconds, a pre-check microseconds: a sample of what passes is loaded.
    constexpr int kChildren = 150;
    for (int round = 0; round < kRounds; ++round) {
        std::string damaged = good;
        const std::size_t reach = round % 3 == 0 ? 64 + 56 * 11 : round % 3 == 1 ? 4096 : damaged.size();
        damaged[random() % reach] = static_cast<char>(random());
        std::string reason;
        if (!passes_precheck(damaged, reason)) {
            ++refused;
            CHECK_FALSE(reason.empty());
        } else if (tried < kChildren) {
            ++tried;
            if (load_in_child(dir.path(), damaged) == Ending::Died) ++died;
        }
    }
    MESSAGE("refused ", refused, " of ", kRounds, ", loaded ", tried, ", of which died ", died);
    CHECK(refused > kRounds / 20);
    // What a flip in code or in a relocation's value does cannot be known without running it.
    CHECK(died < tried / 5);
}
