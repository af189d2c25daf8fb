#include "host/loader/plugin_set.hpp"

#include <algorithm>
#include <set>
#include <string_view>
#include <system_error>
#include <utility>

#include "host/loader/descriptor.hpp"
#include "host/loader/duplicates.hpp"
#include "host/loader/event_extensions.hpp"
#include "host/loader/examination.hpp"
#include "host/loader/file_trust.hpp"
#include "host/loader/plugin.hpp"
#include "host/loader/plugin_cache.hpp"
#include "host/loader/plugin_files.hpp"
#include "host/loader/plugin_handler.hpp"
#include "host/loader/plugin_notes.hpp"
#include "host/loader/printable.hpp"
#include "host/loader/resolver_extensions.hpp"

namespace tasker::host {

namespace {
struct Candidate {
    PluginReport report;
    std::shared_ptr<Plugin> plugin;  // null unless loaded
    PluginEventExtensions events;
    std::vector<std::shared_ptr<PluginResolver>> resolvers;
};

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
    const PluginNotes notes = examine_plugin(file, report, bytes);
    const auto [first, fresh] = seen.by_hash.emplace(bytes.sha256, report.path);
    if (!fresh) {
        report.state = "copy";
        report.reason = "same file as " + printable(first->second.string(), 4096);
        forget_offers(report);
        return;
    }
    if (const auto why = options.quarantined.find(bytes.sha256); why != options.quarantined.end()) {
        report.state = "quarantined";
        report.reason = why->second;
        forget_offers(report);
        return;
    }
    if (notes.manifest) require_new_id(seen, notes.manifest->id);
    const auto copy = store_plugin(options.cache_dir, file.real_path, bytes);
    candidate.plugin = load_plugin(copy, notes, options, log);
    report.copy = copy;
    const PluginDescriptor& descriptor = candidate.plugin->descriptor();
    report.id = descriptor.id;
    report.version = descriptor.version;
    report.sdk = descriptor.sdk;
    require_new_id(seen, descriptor.id);
    forget_offers(report);
    candidate.events = load_event_extensions(candidate.plugin, report.path.string());
    for (const auto& one : candidate.events.publishers) report.publishers.push_back(one->name());
    for (const auto& one : candidate.events.subscribers) report.subscribers.push_back(one->name());
    candidate.resolvers = load_resolver_extensions(candidate.plugin, report.path.string());
    for (const auto& one : candidate.resolvers) report.resolvers.push_back(one->note());
    if (notes.manifest)
        require_equal_extensions(*notes.manifest, report.publishers, report.subscribers, report.resolvers);
    seen.by_id.emplace(descriptor.id, report.path);
    report.state = "loaded";
    for (const auto& handler : descriptor.handlers) {
        report.handlers.push_back(handler.info);
        report.handlers.back().source = report.path.string();
    }
}

void reject(Candidate& candidate, const std::string& reason) {
    candidate.events = {};
    candidate.resolvers.clear();
    candidate.plugin.reset();
    reject_report(candidate.report, reason);
}

std::vector<Candidate> load_all(const PluginOptions& options, const Logger& log) {
    std::vector<Candidate> candidates;
    Seen seen;
    PluginFiles files =
        options.files.empty() ? find_plugin_files(options.roots) : PluginFiles{options.files, {}};
    for (const auto& fault : files.faults)
        log.warn("Plugin folder cannot be read", {{"path", fault.folder.string()}, {"error", fault.reason}});
    for (const auto& path : files.paths) {
        Candidate candidate;
        const auto origin = options.origins.find(path);
        candidate.report.path = origin == options.origins.end() ? path : origin->second;
        try {
            const TrustedFile file = open_trusted(path, options.relax_permissions);
            if (!seen.inodes.insert({file.device, file.inode}).second) {
                log.debug("Plugin file found twice, loaded once", {{"path", path.string()}});
                continue;
            }
            load_candidate(file, options, log, seen, candidate);
        } catch (const Error& error) {
            reject(candidate, with_hint(error));
        } catch (const std::exception& error) {
            reject(candidate, error.what());
        }
        candidates.push_back(std::move(candidate));
    }
    return candidates;
}

// The registry keeps those of equal priority as they come: by name, so that no order of files decides.
void add_resolvers(std::vector<std::shared_ptr<PluginResolver>> resolvers, HandlerRegistry& registry) {
    std::sort(resolvers.begin(), resolvers.end(),
              [](const auto& a, const auto& b) { return a->name() < b->name(); });
    for (auto& resolver : resolvers) registry.add_resolver(std::move(resolver));
}

// As for callables. The file's handlers are not touched by it.
std::shared_ptr<const EventExtensions> gather_events(std::vector<Candidate>& candidates) {
    auto all = std::make_shared<EventExtensions>();
    std::map<std::string, std::vector<PluginReport*>> offers;
    for (auto& candidate : candidates) {
        for (const auto& name : candidate.report.publishers) offers[name].push_back(&candidate.report);
    }
    for (auto& candidate : candidates) {
        for (auto& one : candidate.events.publishers) {
            const auto& files = offers.at(one->name());
            if (files.size() == 1) {
                all->add(std::move(one));
                continue;
            }
            const auto* other = files[0] == &candidate.report ? files[1] : files[0];
            candidate.report.warnings.push_back("publisher '" + one->name() + "' is also in " +
                                                printable(other->path.string(), 4096) +
                                                "; none of them is used: remove one file, or rename one");
        }
        for (auto& one : candidate.events.subscribers) all->add(std::move(one));
    }
    return all;
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
        if (!report.resolvers.empty()) loaded.emplace_back("resolvers", report.resolvers.size());
        if (!report.publishers.empty()) loaded.emplace_back("publishers", report.publishers.size());
        if (!report.subscribers.empty()) loaded.emplace_back("subscribers", report.subscribers.size());
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
    if (report.state == "quarantined") {
        bad.emplace_back("hash", report.hash);
        log.warn("Plugin is quarantined and was skipped", std::move(bad));
        return;
    }
    log.error(report.state == "duplicate" ? "Plugins offer the same name" : "Plugin rejected",
              std::move(bad));
}
}  // namespace

LoadedPlugins load_plugins(const PluginOptions& options, const Logger& log) {
    std::vector<Candidate> candidates = load_all(options, log);
    std::vector<PluginReport*> reports;
    for (auto& candidate : candidates) reports.push_back(&candidate.report);
    const auto duplicates = mark_duplicate_callables(reports);
    const auto twice = mark_duplicate_resolvers(reports);
    LoadedPlugins loaded;
    std::vector<std::shared_ptr<PluginResolver>> resolvers;
    loaded.events = gather_events(candidates);
    for (auto& candidate : candidates) {
        PluginReport& report = candidate.report;
        std::erase_if(report.handlers,
                      [&](const auto& handler) { return duplicates.contains(handler.callable); });
        std::erase_if(report.resolvers, [&](const auto& one) { return twice.contains(one.name); });
        HandlersByCallable own;
        if (candidate.plugin) {
            const auto& handlers = candidate.plugin->descriptor().handlers;
            for (std::size_t i = 0; i < handlers.size(); ++i) {
                if (duplicates.contains(handlers[i].info.callable)) continue;
                auto handler =
                    std::make_shared<PluginHandler>(candidate.plugin, i, report.path.string(), log);
                own.emplace(handlers[i].info.callable, handler);
                loaded.registry.register_handler(std::move(handler));
            }
        }
        for (auto& resolver : candidate.resolvers) {
            if (twice.contains(resolver->name())) continue;
            resolver->lead_to(own);
            resolvers.push_back(std::move(resolver));
        }
        log_report(report, log);
        loaded.reports.push_back(std::move(report));
    }
    add_resolvers(std::move(resolvers), loaded.registry);
    return loaded;
}

}  // namespace tasker::host
