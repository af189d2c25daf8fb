#pragma once
// A plugin folder and a scan of it with the real probe, in this process.

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <string>

#include "host/scan/plugin_scan.hpp"
#include "tests/support/temp_dir.hpp"

namespace tasker::host::testing {

namespace fs = std::filesystem;

// The machine's time, some of it later.
class LaterClock final : public Clock {
  public:
    std::int64_t unix_ms() const override { return system_.unix_ms() + later_ms; }
    std::int64_t steady_ms() const override { return system_.steady_ms(); }
    std::chrono::milliseconds real_wait(std::int64_t due_ms) const override {
        return system_.real_wait(due_ms);
    }
    std::int64_t later_ms = 0;

  private:
    SystemClock system_;
};

struct Scanning {
    TempDir dir;
    fs::path folder = dir / "plugins";
    LaterClock clock;
    SystemRandom random;
    ScanOptions options;
    std::function<void()> while_paused = [] {};
    int pauses = 0;

    Scanning() {
        fs::create_directory(folder);
        fs::create_directory(dir / "state");
        options.cache_dir = dir / "state/cache";
        options.verdict_file = dir / "state/verdicts.json";
        options.rules = {"judge", "loader"};
        options.settle_ms = 0;
        options.probe.program = TASKER_BINARY_DIR "/bin/tasker-plugin-probe";
        options.probe.deadline_ms = 30'000;
        options.probe.budget_ms = 3'600'000;
    }

    void add(const fs::path& built, const std::string& name) const { fs::copy_file(built, folder / name); }
    ScanResult scan() {
        return scan_plugins(find_plugin_files({folder}), options, clock, random, [&](std::int64_t) {
            ++pauses;
            while_paused();
        });
    }
    static const ScannedFile& of(const ScanResult& result, const std::string& name) {
        for (const ScannedFile& file : result.files) {
            if (file.report.path.filename() == name) return file;
        }
        FAIL("not in the result: " << name);
        return result.files.front();
    }
};

inline std::string bytes_of(const fs::path& file) {
    std::ifstream in(file, std::ios::binary);
    std::string content{std::istreambuf_iterator<char>(in), {}};
    REQUIRE_MESSAGE(content.size() > 4096, file);
    return content;
}

}  // namespace tasker::host::testing
