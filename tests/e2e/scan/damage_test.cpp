// Damaged copies of a good plugin through the whole scan. Whatever a damage does, it does it to a probe.
#include <cstdlib>
#include <map>
#include <random>

#include "tests/e2e/scan/scanning.hpp"

using namespace tasker::host;
using namespace tasker::host::testing;

namespace {
const std::string kGood = TASKER_BINARY_DIR "/tests/abi-plugins/good_c.so";

std::map<std::string, int> count_states(const ScanResult& result) {
    std::map<std::string, int> counts;
    for (const ScannedFile& file : result.files) {
        const PluginReport& report = file.report;
        ++counts[file.verdict.empty() ? report.state : file.verdict];
        CHECK_MESSAGE((report.state == "loaded" || !report.reason.empty()), report.path);
    }
    return counts;
}
}  // namespace

TEST_CASE("a plugin cut at every 512 bytes is refused before any code runs, or loads") {
    Scanning it;
    const std::string good = bytes_of(kGood);
    for (std::size_t size = 0; size < good.size(); size += 512)
        it.dir.write("plugins/" + std::to_string(size) + ".so", good.substr(0, size));
    it.dir.write("plugins/whole.so", good);
    const ScanResult result = it.scan();
    CHECK(result.files.size() == (good.size() + 511) / 512 + 1);
    for (const ScannedFile& file : result.files) {
        const std::string& state = file.report.state;
        // Two that load have one id.
        CHECK_MESSAGE((file.verdict == "ok" || (file.verdict.empty() && state == "rejected")),
                      file.report.path, ": ", state, " ", file.report.reason);
    }
    CHECK(it.of(result, "whole.so").verdict == "ok");
}

TEST_CASE("C12: flipped bytes anywhere give a verdict for each file, and nothing dies but probes") {
    const bool full = std::getenv("TASKER_TEST_FULL") != nullptr;
    const int files = full ? 10'000 : 300;
    Scanning it;
    // What loops is seldom, and costs three times as much.
    it.options.probe.deadline_ms = 5000;
    const std::string good = bytes_of(kGood);
    std::mt19937 random(7);
    for (int i = 0; i < files; ++i) {
        std::string damaged = good;
        const std::size_t reach = i % 3 == 0 ? 64 + 56 * 11 : i % 3 == 1 ? 4096 : damaged.size();
        for (int byte = 0; byte <= i % 4; ++byte) damaged[random() % reach] = static_cast<char>(random());
        it.dir.write("plugins/" + std::to_string(i) + ".so", damaged);
    }
    const ScanResult result = it.scan();
    CHECK(result.files.size() == static_cast<std::size_t>(files));
    const auto counts = count_states(result);
    for (const auto& [verdict, count] : counts) MESSAGE(verdict, ": ", count);
    CHECK(counts.contains("rejected"));
    CHECK(counts.contains("ok"));
    CHECK_FALSE(counts.contains("unknown"));
    CHECK_FALSE(counts.contains("settling"));
    // All of it is known the next time.
    CHECK(it.scan().probed == 0);
}
