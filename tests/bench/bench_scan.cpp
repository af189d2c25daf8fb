// What a scan of plugin files costs, with and without verdicts of earlier: one JSON line.
// usage: bench_scan [--plugins N] [--at-once N] [--dir FOLDER]

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "host/scan/plugin_scan.hpp"

namespace tasker::host::bench {

namespace {
namespace fs = std::filesystem;
using SteadyClock = std::chrono::steady_clock;

double ms_since(SteadyClock::time_point start) {
    return std::chrono::duration<double, std::milli>(SteadyClock::now() - start).count();
}

std::string read(const fs::path& file) {
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

struct Options {
    int plugins = 1000;
    std::size_t at_once = std::max(1U, std::thread::hardware_concurrency());
    fs::path dir = fs::temp_directory_path();
};

int run(const Options& options) {
    std::string pattern = (options.dir / "tasker-bench-scan-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) {
        std::fprintf(stderr, "cannot make a folder in %s\n", options.dir.c_str());
        return 1;
    }
    const fs::path folder = pattern;
    fs::create_directory(folder / "plugins");
    // Bytes behind the end do not count to the loader; they make each its own content. All have one id, so all but one are
    // refused for that once they have been probed.
    const std::string plugin = read(TASKER_BENCH_PLUGIN);
    for (int i = 0; i < options.plugins; ++i)
        std::ofstream(folder / "plugins" / (std::to_string(i) + ".so"), std::ios::binary)
            << plugin << "number " << i;

    const SystemClock clock;
    SystemRandom random;
    ScanOptions scan;
    scan.cache_dir = folder / "cache";
    scan.verdict_file = folder / "verdicts.json";
    scan.rules = {"bench", "bench"};
    scan.probe.program = TASKER_BENCH_PROBE;
    scan.probe.at_once = options.at_once;
    const auto once = [&](std::size_t& probed) {
        const auto start = SteadyClock::now();
        // Without the pause for files that were just written: they are at rest.
        const ScanResult result =
            scan_plugins(find_plugin_files({folder / "plugins"}), scan, clock, random, [](std::int64_t) {});
        probed = result.probed;
        return ms_since(start);
    };
    std::size_t cold_probed = 0, warm_probed = 0;
    const double cold = once(cold_probed);
    const double warm = once(warm_probed);

    const fs::path one = folder / "plugins/0.so";
    std::vector<double> times;
    scan.probe.at_once = 1;
    for (int i = 0; i < 200; ++i) {
        const auto start = SteadyClock::now();
        ProbePool(scan.probe, clock, random).run({one}, [](std::size_t, const Verdict&) {});
        times.push_back(ms_since(start));
    }
    std::sort(times.begin(), times.end());
    std::printf(
        "{\"plugins\":%d,\"bytes_each\":%zu,\"at_once\":%zu,\"cold_ms\":%.0f,\"cold_probed\":%zu,\"warm_ms\":"
        "%.0f,"
        "\"warm_probed\":%zu,\"probe_ms_median\":%.2f,\"probe_ms_p99\":%.2f}\n",
        options.plugins, plugin.size(), options.at_once, cold, cold_probed, warm, warm_probed,
        times[times.size() / 2], times[times.size() * 99 / 100]);
    fs::remove_all(folder);
    return 0;
}
}  // namespace

}  // namespace tasker::host::bench

int main(int argc, char** argv) {
    tasker::host::bench::Options options;
    for (int i = 1; i + 1 < argc; i += 2) {
        const std::string_view name = argv[i];
        if (name == "--plugins") options.plugins = std::atoi(argv[i + 1]);
        if (name == "--at-once") options.at_once = static_cast<std::size_t>(std::atoi(argv[i + 1]));
        if (name == "--dir") options.dir = argv[i + 1];
    }
    return tasker::host::bench::run(options);
}
