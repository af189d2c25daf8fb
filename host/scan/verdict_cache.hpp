#pragma once
// Verdicts by content, in one file of the state folder, and so the quarantine, too. A file that is damaged, or was written
// under another judge, counts as empty. Several processes may use it: what each has changed is merged under a lock, and the
// file is replaced by rename. One object is for one thread.

#include <cstdint>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "host/scan/verdict.hpp"

namespace tasker::host {

struct KeptVerdict {
    Verdict verdict;
    std::string file;          // the path under which it was met
    std::int64_t made_ms = 0;  // wall clock
    std::string loader;        // of Unloadable: where libraries were searched, see VerdictRules
};
using KeptVerdicts = std::map<std::string, KeptVerdict>;  // by sha256

// Under what verdicts hold.
struct VerdictRules {
    std::string judge;  // which host and which probe; other ones may judge otherwise
    std::string
        loader;  // what the system loader goes by; Unloadable holds while it is the same, at most ten minutes
};
// The state of /etc/ld.so.cache and LD_LIBRARY_PATH as one word.
std::string loader_stamp(const std::string& library_path);
// Version and files of host and probe as one word; `host` and `probe` are the executables.
std::string judge_name(const std::string& version, const std::filesystem::path& host,
                       const std::filesystem::path& probe);

class VerdictCache {
  public:
    static constexpr std::size_t kMostVerdicts = 20'000;

    // Reads the file; one that is not there is an empty one.
    VerdictCache(std::filesystem::path file, VerdictRules rules);

    // Why the file counts as empty; empty when it does not.
    const std::string& warning() const { return warning_; }
    // Null when there is none that holds now.
    const KeptVerdict* find(const std::string& sha256, std::int64_t unix_ms) const;
    const KeptVerdicts& all() const { return verdicts_; }
    // A verdict that is not kept changes nothing.
    void put(const std::string& sha256, KeptVerdict verdict);
    // False when there is none.
    bool forget(const std::string& sha256);
    bool changed() const { return !put_.empty() || !forgotten_.empty(); }
    // Durable when it returns: what others wrote meanwhile stays, the newest kMostVerdicts of all. Throws Error (path,
    // reason); what was changed is then still unsaved.
    void save();

  private:
    std::filesystem::path file_;
    const VerdictRules rules_;
    std::string warning_;
    KeptVerdicts verdicts_;
    std::set<std::string> put_, forgotten_;  // since the last save
};

// The quarantined ones: sha256 to a reason with the remedy, for PluginOptions::quarantined.
std::map<std::string, std::string> quarantine_of(const VerdictCache& cache);
// "died with SIGSEGV in load; after a look at it: tasker-host plugin unquarantine 0123456789ab"
std::string quarantine_reason(const std::string& sha256, const Verdict& verdict);

}  // namespace tasker::host
