#include "host/scan/plugin_scan.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <system_error>
#include <utility>

#include "host/core/error.hpp"
#include "host/loader/duplicates.hpp"
#include "host/loader/examination.hpp"
#include "host/loader/file_trust.hpp"
#include "host/loader/plugin_cache.hpp"
#include "host/loader/printable.hpp"

namespace tasker::host {

namespace {
constexpr std::int64_t kStableMs = 200;   // between two looks at a file
constexpr std::int64_t kAtRestMs = 2000;  // what has not changed for so long needs only one
constexpr std::size_t kSaveEach = 256;    // verdicts
constexpr std::size_t kSyncedEach = 16;   // copies; those beyond are synced together

// What changes when a file is written.
struct Looks {
    std::uint64_t device = 0, inode = 0;
    std::int64_t bytes = 0, modified_ns = 0, changed_ns = 0;
    friend bool operator==(const Looks&, const Looks&) = default;
};

std::int64_t ns(const timespec& time) { return time.tv_sec * 1'000'000'000 + time.tv_nsec; }

Looks looks_of(const struct stat& facts) {
    return {facts.st_dev, facts.st_ino, facts.st_size, ns(facts.st_mtim), ns(facts.st_ctim)};
}

// Nothing when it cannot be looked at; opening it will say why.
std::optional<Looks> look_at(const std::filesystem::path& file) {
    struct stat facts {};
    if (::stat(file.c_str(), &facts) != 0) return std::nullopt;
    return looks_of(facts);
}

std::optional<Looks> look_at(const OwnedFd& fd) {
    struct stat facts {};
    if (::fstat(fd.get(), &facts) != 0) return std::nullopt;
    return looks_of(facts);
}

class Scan {
  public:
    Scan(const ScanOptions& options, const Clock& clock, Random& random)
        : options_(options), clock_(clock), random_(random), cache_(options.verdict_file, options.rules) {
        if (!cache_.warning().empty()) result_.warnings.push_back(cache_.warning());
    }

    ScanResult run(const PluginFiles& found, const Pause& pause) {
        for (const auto& fault : found.faults)
            result_.warnings.push_back("the plugin folder " + printable(fault.folder.string(), 4096) + ": " +
                                       fault.reason);
        first_looks(found.paths, pause);
        for (std::size_t i = 0; i < found.paths.size(); ++i) take(found.paths[i], first_[i]);
        sync();
        probe();
        for (auto& file : result_.files) keep_id(file);
        mark_duplicates();
        save();
        for (const auto& file : result_.files) result_.settling += file.report.state == "settling" ? 1 : 0;
        return std::move(result_);
    }

  private:
    bool is_young(const Looks& looks, std::int64_t limit_ms) const {
        // What lies in the future was written under another clock: nothing is known of its age.
        return clock_.unix_ms() - looks.changed_ns / 1'000'000 < limit_ms;
    }

    void first_looks(const std::vector<std::filesystem::path>& paths, const Pause& pause) {
        bool young = false;
        for (const auto& path : paths) {
            first_.push_back(look_at(path));
            young = young || (first_.back() && is_young(*first_.back(), kAtRestMs));
        }
        if (young) pause(kStableMs);
    }

    void take(const std::filesystem::path& path, const std::optional<Looks>& first) {
        ScannedFile file;
        file.report.path = path;
        try {
            const TrustedFile opened = open_trusted(path, options_.relax_permissions);
            if (!inodes_.insert({opened.device, opened.inode}).second)
                return;  // the same file by another name
            examine(opened, first, file);
        } catch (const Error& error) {
            reject_report(file.report, with_hint(error));
        } catch (const std::exception& error) {
            reject_report(file.report, error.what());
        }
        result_.files.push_back(std::move(file));
    }

    static void settle(PluginReport& report, const std::string& reason) {
        report.state = "settling";
        report.reason = reason;
        forget_offers(report);
    }

    void examine(const TrustedFile& opened, const std::optional<Looks>& first, ScannedFile& file) {
        PluginReport& report = file.report;
        PluginBytes bytes;
        std::string fault;
        try {
            static_cast<void>(examine_plugin(opened, report, bytes));
        } catch (const Error& error) {
            fault = with_hint(error);
        }
        const auto now = look_at(opened.fd);
        if (!first || !now || *first != *now)
            return settle(report, "is being written; it is looked at again when it is at rest");
        if (!fault.empty()) {
            if (!is_young(*now, options_.settle_ms)) return reject_report(report, fault);
            return settle(report, "perhaps still being written: " + fault);
        }
        const auto [other, fresh] = by_hash_.emplace(report.hash, report.path);
        if (!fresh) {
            report.state = "copy";
            report.reason = "same file as " + printable(other->second.string(), 4096);
            return forget_offers(report);
        }
        if (const KeptVerdict* kept = cache_.find(report.hash, clock_.unix_ms())) {
            ++result_.remembered;
            file.remembered = true;
            if (kept->verdict.kind == VerdictKind::Ok) copy(opened, bytes, file);
            return apply(kept->verdict, file);
        }
        copy(opened, bytes, file);
        to_probe_.push_back(result_.files.size());
        copies_.push_back(file.copy);
    }

    void copy(const TrustedFile& opened, const PluginBytes& bytes, ScannedFile& file) {
        const bool many = to_probe_.size() >= kSyncedEach;
        synced_ = synced_ && !many;
        file.copy =
            store_plugin(options_.cache_dir, opened.real_path, bytes, many ? CopySync::Later : CopySync::Now);
    }

    // Nobody will load it. One that is mapped somewhere stays so.
    static void drop_copy(ScannedFile& file) {
        if (file.copy.empty()) return;
        std::error_code ignored;
        std::filesystem::remove(file.copy, ignored);
        file.copy.clear();
    }

    void apply(const Verdict& verdict, ScannedFile& file) {
        PluginReport& report = file.report;
        file.verdict = name(verdict.kind);
        file.output = verdict.output;
        if (verdict.kind != VerdictKind::Ok) {
            drop_copy(file);
            reject_report(report, verdict.reason);
            if (verdict.kind == VerdictKind::Unknown) report.state = "unknown";
            if (is_quarantined(verdict.kind)) {
                report.state = "quarantined";
                report.reason = quarantine_reason(report.hash, verdict);
            }
            return;
        }
        report.state = "loaded";
        const PluginFacts& facts = *verdict.facts;
        report.id = facts.id;
        report.version = facts.version;
        report.sdk = facts.sdk;
        report.handlers = facts.handlers;
        for (auto& handler : report.handlers) handler.source = report.path.string();
        report.publishers = facts.publishers;
        report.subscribers = facts.subscribers;
        report.resolvers = facts.resolvers;
        if (!verdict.output.empty()) report.warnings.emplace_back("it printed something while it was loaded");
    }

    void probe() {
        ProbePool pool(options_.probe, clock_, random_);
        std::size_t unsaved = 0;
        pool.run(copies_, [&](std::size_t index, Verdict verdict) {
            ScannedFile& file = result_.files[to_probe_[index]];
            result_.probed += verdict.kind == VerdictKind::Unknown ? 0 : 1;
            apply(verdict, file);
            cache_.put(file.report.hash,
                       {std::move(verdict), file.report.path.string(), clock_.unix_ms(), {}});
            // So that a scan which is killed is not made from its beginning again.
            if (++unsaved % kSaveEach == 0) save();
        });
    }

    // Two plugins of one id are two versions of one thing: as the loader does it, the first file is used.
    void keep_id(ScannedFile& file) {
        if (file.report.state != "loaded") return;
        const auto [other, fresh] = by_id_.emplace(file.report.id, file.report.path);
        if (fresh) return;
        file.copy.clear();
        reject_report(file.report,
                      "plugin '" + printable(file.report.id) + "' is also in " +
                          printable(other->second.string(), 4096) +
                          ", with other content; that file is used; remove one of the two files");
    }

    void mark_duplicates() {
        std::vector<PluginReport*> reports;
        for (auto& file : result_.files) reports.push_back(&file.report);
        const auto callables = mark_duplicate_callables(reports);
        const auto resolvers = mark_duplicate_resolvers(reports);
        for (auto* report : reports) {
            std::erase_if(report->handlers,
                          [&](const auto& one) { return callables.contains(one.callable); });
            std::erase_if(report->resolvers, [&](const auto& one) { return resolvers.contains(one.name); });
        }
    }

    void sync() {
        if (synced_) return;
        try {
            sync_plugins(options_.cache_dir);
        } catch (const Error& error) {
            warn(with_hint(error));
        }
    }

    void save() {
        if (!cache_.changed()) return;
        try {
            cache_.save();
        } catch (const Error& error) {
            warn("the verdicts are not kept: " + with_hint(error));
        }
    }

    void warn(const std::string& text) {
        if (std::find(result_.warnings.begin(), result_.warnings.end(), text) == result_.warnings.end())
            result_.warnings.push_back(text);
    }

    const ScanOptions& options_;
    const Clock& clock_;
    Random& random_;
    VerdictCache cache_;
    ScanResult result_;
    bool synced_ = true;                       // every copy is on the disk
    std::vector<std::optional<Looks>> first_;  // as the paths
    std::set<std::pair<std::uint64_t, std::uint64_t>> inodes_;
    std::map<std::string, std::filesystem::path> by_hash_, by_id_;
    std::vector<std::size_t> to_probe_;          // indices of result_.files
    std::vector<std::filesystem::path> copies_;  // as to_probe_
};
}  // namespace

ScanResult scan_plugins(const PluginFiles& found, const ScanOptions& options, const Clock& clock,
                        Random& random, const Pause& pause) {
    return Scan(options, clock, random).run(found, pause);
}

}  // namespace tasker::host
