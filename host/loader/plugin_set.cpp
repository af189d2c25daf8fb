#include "host/loader/plugin_set.hpp"

#include <algorithm>
#include <set>
#include <string_view>
#include <system_error>
#include <utility>

#include "host/loader/file_trust.hpp"
#include "host/loader/plugin.hpp"
#include "host/loader/plugin_cache.hpp"
#include "host/loader/plugin_handler.hpp"
#include "host/loader/plugin_notes.hpp"
#include "host/loader/printable.hpp"

namespace tasker::host {

namespace {
struct Candidate {
    PluginReport report;
    std::shared_ptr<Plugin> plugin;  // null unless loaded
};

std::string with_hint(const Error& error) {
    return error.hint().empty() ? std::string(error.what()) : std::string(error.what()) + "; " + error.hint();
}

bool is_plugin_name(std::string_view name) {
    return name.size() > 3 && name.front() != '.' && name.ends_with(".so");
}

void list_root(const std::filesystem::path& root, const Logger& log,
               std::vector<std::filesystem::path>& files) {
    std::error_code failed;
    std::filesystem::directory_iterator entries(root, failed);
    if (failed) {
        log.warn("Plugin folder cannot be read", {{"path", root.string()}, {"error", failed.message()}});
        return;
    }
    while (entries != std::filesystem::directory_iterator()) {
        if (is_plugin_name(entries->path().filename().string())) files.push_back(entries->path());
        entries.increment(failed);
        if (failed) {
            log.warn("Plugin folder cannot be read to its end",
                     {{"path", root.string()}, {"error", failed.message()}});
            return;
        }
    }
}

std::vector<std::filesystem::path> discover(const PluginOptions& options, const Logger& log) {
    std::vector<std::filesystem::path> files;
    for (const auto& root : options.roots) list_root(root, log, files);
    std::sort(files.begin(), files.end());
    files.erase(std::unique(files.begin(), files.end()), files.end());
    return files;
}

void describe(PluginReport& report, const PluginNotes& notes) {
    report.abi = notes.abi.str();
    report.warnings.insert(report.warnings.end(), notes.warnings.begin(), notes.warnings.end());
    if (!notes.manifest) return;
    report.id = clean_utf8(notes.manifest->id, 256);
    report.version = clean_utf8(notes.manifest->version, 256);
    report.sdk = clean_utf8(notes.manifest->sdk, 256);
    report.handlers = notes.manifest->handlers;
    for (auto& handler : report.handlers) handler.source = report.path.string();
}

// Permissions, content and notes: all that comes before running the file's code.
PluginNotes examine(const TrustedFile& file, PluginReport& report, PluginBytes& bytes) {
    report.warnings = file.warnings;
    report.bytes = file.bytes;
    bytes = read_plugin(file);
    report.hash = bytes.sha256;
    PluginNotes notes = precheck_plugin(bytes.content);
    describe(report, notes);
    return notes;
}

// The files looked at so far, by what makes two of them one.
struct Seen {
    std::set<std::pair<std::uint64_t, std::uint64_t>> inodes;
    std::map<std::string, std::filesystem::path> by_hash;
    std::map<std::string, std::filesystem::path> by_id;  // of those that loaded
};

// Two plugins of one id are two versions of one thing, and an order of files must not decide which of them runs.
void require_new_id(const Seen& seen, const std::string& id) {
    const auto other = seen.by_id.find(id);
    if (other == seen.by_id.end()) return;
    throw PluginError("plugin '" + printable(id) + "' is also in " + printable(other->second.string(), 4096) +
                          ", with other content; that file is used",
                      "remove one of the two files");
}

void load_candidate(const TrustedFile& file, const PluginOptions& options, const Logger& log, Seen& seen,
                    Candidate& candidate) {
    PluginReport& report = candidate.report;
    PluginBytes bytes;
    const PluginNotes notes = examine(file, report, bytes);
    const auto [first, fresh] = seen.by_hash.emplace(bytes.sha256, report.path);
    if (!fresh) {
        report.state = "copy";
        report.reason = "same file as " + printable(first->second.string(), 4096);
        report.handlers.clear();
        return;
    }
    if (notes.manifest) require_new_id(seen, notes.manifest->id);
    const auto copy = store_plugin(options.cache_dir, file.real_path, bytes);
    candidate.plugin = load_plugin(copy, notes, options, log);
    const PluginDescriptor& descriptor = candidate.plugin->descriptor();
    report.id = descriptor.id;
    report.version = descriptor.version;
    report.sdk = descriptor.sdk;
    require_new_id(seen, descriptor.id);
    seen.by_id.emplace(descriptor.id, report.path);
    report.state = "loaded";
    report.handlers.clear();
    for (const auto& handler : descriptor.handlers) {
        report.handlers.push_back(handler.info);
        report.handlers.back().source = report.path.string();
    }
}

void reject(PluginReport& report, const std::string& reason) {
    report.state = "rejected";
    report.reason = reason;
    report.handlers.clear();
}

std::vector<Candidate> load_all(const PluginOptions& options, const Logger& log) {
    std::vector<Candidate> candidates;
    Seen seen;
    for (const auto& path : discover(options, log)) {
        Candidate candidate;
        candidate.report.path = path;
        try {
            const TrustedFile file = open_trusted(path, options.relax_permissions);
            if (!seen.inodes.insert({file.device, file.inode}).second) {
                log.debug("Plugin file found twice, loaded once", {{"path", path.string()}});
                continue;
            }
            load_candidate(file, options, log, seen, candidate);
        } catch (const Error& error) {
            candidate.plugin.reset();
            reject(candidate.report, with_hint(error));
        } catch (const std::exception& error) {
            candidate.plugin.reset();
            reject(candidate.report, error.what());
        }
        candidates.push_back(std::move(candidate));
    }
    return candidates;
}

// A callable that two files offer belongs to neither: an order of files must not decide which code runs.
std::set<std::string> find_duplicates(std::vector<Candidate>& candidates) {
    std::map<std::string, std::vector<PluginReport*>> offers;
    for (auto& candidate : candidates) {
        for (const auto& handler : candidate.report.handlers)
            offers[handler.callable].push_back(&candidate.report);
    }
    std::set<std::string> duplicates;
    for (const auto& [callable, reports] : offers) {
        if (reports.size() < 2) continue;
        duplicates.insert(callable);
        std::string files;
        for (const auto* report : reports)
            files += (files.empty() ? "" : " and ") + printable(report->path.string(), 4096);
        for (auto* report : reports) {
            report->state = "duplicate";
            report->reason += (report->reason.empty() ? "" : "; ") +
                              ("callable '" + callable + "' is offered by " + files +
                               "; none of them serves it: remove one file, or rename one callable");
        }
    }
    return duplicates;
}

void log_report(const PluginReport& report, const Logger& log) {
    const LogFields fields{
        {"path", report.path.string()}, {"plugin", report.id}, {"version", report.version}};
    for (const auto& warning : report.warnings) {
        LogFields with_warning = fields;
        with_warning.emplace_back("warning", warning);
        log.warn("Plugin warning", std::move(with_warning));
    }
    if (report.state == "loaded") {
        LogFields loaded = fields;
        loaded.emplace_back("handlers", report.handlers.size());
        loaded.emplace_back("hash", report.hash);
        log.info("Plugin loaded", std::move(loaded));
        return;
    }
    if (report.state == "copy") {
        log.info("Plugin file is a copy of another one",
                 {{"path", report.path.string()}, {"reason", report.reason}});
        return;
    }
    LogFields bad = fields;
    bad.emplace_back("reason", report.reason);
    log.error(report.state == "duplicate" ? "Plugins offer the same callable" : "Plugin rejected",
              std::move(bad));
}
}  // namespace

LoadedPlugins load_plugins(const PluginOptions& options, const Logger& log) {
    std::vector<Candidate> candidates = load_all(options, log);
    const auto duplicates = find_duplicates(candidates);
    LoadedPlugins loaded;
    for (auto& candidate : candidates) {
        PluginReport& report = candidate.report;
        std::erase_if(report.handlers,
                      [&](const auto& handler) { return duplicates.contains(handler.callable); });
        if (candidate.plugin) {
            const auto& handlers = candidate.plugin->descriptor().handlers;
            for (std::size_t i = 0; i < handlers.size(); ++i) {
                if (duplicates.contains(handlers[i].info.callable)) continue;
                loaded.registry.register_handler(
                    std::make_shared<PluginHandler>(candidate.plugin, i, report.path.string(), log));
            }
        }
        log_report(report, log);
        loaded.reports.push_back(std::move(report));
    }
    return loaded;
}

PluginReport inspect_plugin(const std::filesystem::path& file, const PluginOptions& options) {
    PluginReport report;
    report.path = file;
    try {
        PluginBytes bytes;
        const TrustedFile trusted = open_trusted(file, options.relax_permissions);
        static_cast<void>(examine(trusted, report, bytes));
        report.state = "valid";
    } catch (const Error& error) {
        reject(report, with_hint(error));
    } catch (const std::exception& error) {
        reject(report, error.what());
    }
    return report;
}

}  // namespace tasker::host
