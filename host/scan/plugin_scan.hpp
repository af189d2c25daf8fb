#pragma once
// From plugin folders to what may be loaded: find, open, wait until at rest, check without running, copy into the plugin
// cache, probe what has no verdict yet. Runs no plugin code in this process. One bad file never stops the others, and
// however many there are, it ends: probes have a budget, the rest waits for the next scan.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "host/core/clock.hpp"
#include "host/core/random.hpp"
#include "host/loader/plugin_files.hpp"
#include "host/loader/plugin_set.hpp"
#include "host/scan/probe_pool.hpp"
#include "host/scan/verdict_cache.hpp"

namespace tasker::host {

struct ScanOptions {
    std::filesystem::path cache_dir;     // private copies, as in PluginOptions
    std::filesystem::path verdict_file;  // in a folder that exists
    VerdictRules rules;
    ProbeOptions probe;
    bool relax_permissions = false;
    // A file that was changed less than this ago and does not pass the checks may still be being written. 0: it is judged
    // at once.
    std::int64_t settle_ms = 30'000;
};

struct ScannedFile {
    // `state`: loaded (the probe could), duplicate, copy, rejected, quarantined, settling (perhaps still being written),
    // unknown (could not be probed). The paths, reasons and lists are those of PluginReport.
    PluginReport report;
    std::filesystem::path copy;  // in the cache; of loaded and duplicate
    std::string verdict;         // of the probe: ok, crashed, ...; empty: it was not asked
    bool remembered = false;     // the verdict is an earlier one
    std::string output;          // what it printed then

    // Belongs to a generation: a duplicate serves what it alone has.
    bool usable() const { return report.state == "loaded" || report.state == "duplicate"; }
};

struct ScanResult {
    std::vector<ScannedFile> files;  // sorted by path
    std::vector<std::string> warnings;
    std::size_t probed = 0, remembered = 0, settling = 0;
};

// Waits that long; the process's own way of doing so.
using Pause = std::function<void(std::int64_t ms)>;

// Never throws for what files contain. Throws nothing but std::bad_alloc: what cannot be written is a warning, and the files
// concerned say so.
ScanResult scan_plugins(const PluginFiles& found, const ScanOptions& options, const Clock& clock,
                        Random& random, const Pause& pause);

}  // namespace tasker::host
