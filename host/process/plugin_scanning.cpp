#include "host/process/plugin_scanning.hpp"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <system_error>
#include <thread>
#include <utility>

#include "host/api/json_writer.hpp"
#include "host/api/plugin_documents.hpp"
#include "host/core/error.hpp"
#include "host/process/state_folder.hpp"

namespace tasker::host {

namespace {
namespace fs = std::filesystem;
constexpr const char* kVerdicts = "plugin-verdicts.json";
constexpr const char* kLibraryPath = "LD_LIBRARY_PATH";

fs::path probe_of(const fs::path& executable) { return executable.parent_path() / "tasker-plugin-probe"; }

VerdictRules rules_of(const fs::path& executable, const std::string& library_path) {
    return {judge_name(version_text(), executable, probe_of(executable)), loader_stamp(library_path)};
}

// Not a wait for something to happen: the distance between two looks.
void pause(std::int64_t ms) { static_cast<void>(::poll(nullptr, 0, static_cast<int>(ms))); }
}  // namespace

std::optional<fs::path> own_state_folder(const Config& config) {
    try {
        const fs::path folder = state_folder(config);
        make_private_folder(folder);
        if (::access(folder.c_str(), W_OK | X_OK) != 0) return std::nullopt;
        return folder;
    } catch (const Error&) {
        // What only looks or runs once needs no state folder.
        return std::nullopt;
    }
}

std::map<std::string, std::string> quarantined_plugins(const Config& config, const Logger& log) {
    fs::path folder;
    try {
        folder = state_folder(config);
    } catch (const ConfigError&) {
        return {};  // with PostgreSQL there may be none
    }
    std::error_code ignored;
    if (!fs::exists(folder / kVerdicts, ignored)) return {};
    const VerdictCache cache(folder / kVerdicts, rules_of(fs::read_symlink("/proc/self/exe", ignored), {}));
    if (!cache.warning().empty()) log.warn("Plugin quarantine is lost", {{"reason", cache.warning()}});
    return quarantine_of(cache);
}

PluginScanner::PluginScanner(const Command& command, const Config& config) {
    const auto own = own_state_folder(config);
    const fs::path folder = own ? *own : scratch_.emplace().path();
    const auto library_path = command.environment.find(kLibraryPath);
    const std::string libraries =
        library_path == command.environment.end() ? std::string{} : library_path->second;
    options_.cache_dir = folder / "plugin-cache";
    options_.verdict_file = folder / kVerdicts;
    options_.rules = rules_of(command.executable, libraries);
    options_.relax_permissions = config.relax_plugin_permissions;
    options_.settle_ms = 0;
    options_.probe.program = probe_of(command.executable);
    // A worker would find its libraries there, too.
    if (!libraries.empty()) options_.probe.environment = {kLibraryPath + ("=" + libraries)};
    options_.probe.deadline_ms = config.probe_deadline_ms;
    options_.probe.at_once = std::clamp(std::thread::hardware_concurrency(), 1U, 16U);
}

ScanResult PluginScanner::scan(const PluginFiles& files) const {
    const SystemClock clock;
    SystemRandom random;
    return scan_plugins(files, options_, clock, random, pause);
}

std::string scanned_document(const ScannedFile& file) {
    std::string more;
    JsonObject object(more);
    object.maybe_text("verdict", file.verdict)
        .boolean("remembered", file.remembered)
        .maybe_text("output", file.output)
        .maybe_text("copy", file.copy.string());
    object.end();
    std::string out = plugin_document(file.report);
    out.back() = ',';
    return out + more.substr(1);
}

}  // namespace tasker::host
