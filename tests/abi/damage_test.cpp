// Damaged copies of a good plugin. What the pre-check lets through is really loaded, in a child process: the loader
// trusts the bytes it relocates and runs, so a child may die there, but it must be this side of the pre-check's rules.
#include <doctest/doctest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>

#include "host/loader/plugin_notes.hpp"
#include "host/loader/plugin_set.hpp"
#include "tests/support/temp_dir.hpp"

using namespace tasker::host;
using namespace tasker::host::testing;
namespace fs = std::filesystem;

namespace {
std::string good_plugin() {
    std::ifstream in(fs::path(TASKER_ABI_PLUGINS) / "good_c.so", std::ios::binary);
    std::string content{std::istreambuf_iterator<char>(in), {}};
    REQUIRE(content.size() > 4096);
    return content;
}

bool passes_precheck(const std::string& file, std::string& reason) {
    try {
        precheck_plugin(file);
        return true;
    } catch (const PluginError& error) {
        reason = error.what();
        return false;
    }
}

enum class Ending { Loaded, Refused, Died };

// Loads a file in a child process with little time and no core dump.
Ending load_in_child(const fs::path& folder, const std::string& content) {
    const auto root = folder / "plugins";
    fs::create_directories(root);
    std::ofstream(root / "damaged.so", std::ios::binary) << content;
    const pid_t child = fork();
    if (child == 0) {
        // The test framework's handlers would report the child's death as the test's.
        for (const int signal : {SIGSEGV, SIGBUS, SIGABRT, SIGILL, SIGFPE}) std::signal(signal, SIG_DFL);
        const rlimit no_core{0, 0};
        const rlimit little_time{5, 5};
        setrlimit(RLIMIT_CORE, &no_core);
        setrlimit(RLIMIT_CPU, &little_time);
        PluginOptions options;
        options.roots = {root};
        options.cache_dir = folder / "cas";
        const auto loaded = load_plugins(options, Logger{});
        const bool good = loaded.reports.size() == 1 && loaded.reports[0].state == "loaded";
        const bool named = loaded.reports.size() == 1 && !loaded.reports[0].reason.empty();
        _exit(good ? 10 : named ? 11 : 12);
    }
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    if (!WIFEXITED(status)) return Ending::Died;
    if (WEXITSTATUS(status) == 10) return Ending::Loaded;
    return WEXITSTATUS(status) == 11 ? Ending::Refused : Ending::Died;
}
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
