#pragma once
// The scan of plugin files as the configuration says, for the verbs: where it keeps verdicts and copies, which probe it
// starts.

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "host/config/config.hpp"
#include "host/process/commands.hpp"
#include "host/process/scratch_folder.hpp"
#include "host/scan/plugin_scan.hpp"

namespace tasker::host {

// The folder of this user's state: made when it is missing, nothing when there is none or it cannot be written.
std::optional<std::filesystem::path> own_state_folder(const Config& config);

// What a host of this program must not load, by content. Reads a file and starts nothing; empty when there is no state
// folder. What is wrong with that file is told to `log`.
std::map<std::string, std::string> quarantined_plugins(const Config& config, const Logger& log);

class PluginScanner {
  public:
    // Where the state folder cannot be written, verdicts and copies lie in a temporary one, as long as this object.
    PluginScanner(const Command& command, const Config& config);

    const ScanOptions& options() const { return options_; }
    // A young file that does not pass the checks gets the time to be written to its end, instead of a verdict.
    void let_settle() { options_.settle_ms = ScanOptions{}.settle_ms; }
    // Blocks as long as probes take; single-threaded.
    ScanResult scan(const PluginFiles& files) const;

  private:
    std::optional<ScratchFolder> scratch_;
    ScanOptions options_;
};

// A file of a scan with everything that is known of it, as a JSON object.
std::string scanned_document(const ScannedFile& file);

}  // namespace tasker::host
