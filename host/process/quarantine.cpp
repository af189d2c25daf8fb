#include "host/process/quarantine.hpp"

#include <utility>

#include "host/core/clock.hpp"
#include "host/core/error.hpp"
#include "host/process/plugin_scanning.hpp"

namespace tasker::host {

void quarantine_plugin(const Command& command, const Config& config, const std::string& file,
                       const std::string& sha256, const std::string& what_it_did, const Logger& log) {
    const LogFields fields{{"component", "supervisor"}, {"operation", "quarantine"}, {"path", file}};
    try {
        const PluginScanner scanner(command, config);
        VerdictCache cache(scanner.options().verdict_file, scanner.options().rules);
        KeptVerdict kept;
        kept.verdict.kind = VerdictKind::Crashed;
        kept.verdict.reason = what_it_did;
        kept.file = file;
        kept.made_ms = SystemClock().unix_ms();
        cache.put(sha256, std::move(kept));
        cache.save();
        log.error("Plugin " + file + " is quarantined: it " + what_it_did, fields);
    } catch (const Error& error) {
        log.error("Plugin " + file + " should be quarantined: " + error.what(), fields);
    }
}

}  // namespace tasker::host
