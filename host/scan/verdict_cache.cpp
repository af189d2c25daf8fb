#include "host/scan/verdict_cache.hpp"

#include <fcntl.h>
#include <gnu/libc-version.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

#include "host/core/durable_file.hpp"
#include "host/core/error.hpp"
#include "host/core/owned_fd.hpp"
#include "host/loader/printable.hpp"
#include "host/scan/verdict_file.hpp"

namespace tasker::host {

namespace {
namespace fs = std::filesystem;
constexpr std::int64_t kUnloadableMs = 600'000;
constexpr int kLockTries = 500, kLockPauseMs = 10;

[[noreturn]] void fail(const std::string& action, const fs::path& path, int error) {
    throw Error("cannot " + action + " " + printable(path.string(), 4096) + ": " + std::strerror(error),
                error == EACCES || error == EROFS ? "the service user must be able to write there" : "");
}

// Size and time of last change; what cannot be looked at counts as absent.
std::string stamp(const fs::path& file) {
    struct stat facts {};
    if (::stat(file.c_str(), &facts) != 0) return "none";
    return std::to_string(facts.st_size) + "-" + std::to_string(facts.st_mtim.tv_sec) + "." +
           std::to_string(facts.st_mtim.tv_nsec);
}

// Nothing when there is no such file.
VerdictFile load(const fs::path& path, const std::string& judge) {
    const OwnedFd fd(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    if (!fd && errno == ENOENT) return {};
    struct stat facts {};
    if (!fd || ::fstat(fd.get(), &facts) != 0) return {{}, std::strerror(errno)};
    if (!S_ISREG(facts.st_mode)) return {{}, "it is not a file"};
    if (static_cast<std::uint64_t>(facts.st_size) > kMostVerdictFileBytes) return {{}, "it is too large"};
    std::string text(static_cast<std::size_t>(facts.st_size), '\0');
    std::size_t done = 0;
    while (done < text.size()) {
        const ssize_t got = ::read(fd.get(), text.data() + done, text.size() - done);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return {{}, std::strerror(errno)};
        if (got == 0) break;
        done += static_cast<std::size_t>(got);
    }
    return read_verdict_file(std::string_view(text).substr(0, done), judge);
}

void keep_newest(KeptVerdicts& verdicts, std::size_t most) {
    if (verdicts.size() <= most) return;
    std::vector<std::pair<std::int64_t, std::string>> by_age;
    for (const auto& [sha256, kept] : verdicts) by_age.emplace_back(kept.made_ms, sha256);
    std::sort(by_age.begin(), by_age.end());
    for (std::size_t i = 0; i + most < by_age.size(); ++i) verdicts.erase(by_age[i].second);
}
}  // namespace

std::string loader_stamp(const std::string& library_path) {
    return stamp("/etc/ld.so.cache") + " " + library_path;
}

std::string judge_name(const std::string& version, const fs::path& host, const fs::path& probe) {
    return version + " host " + stamp(host) + " probe " + stamp(probe) + " glibc " + ::gnu_get_libc_version();
}

VerdictCache::VerdictCache(fs::path file, VerdictRules rules)
    : file_(std::move(file)), rules_(std::move(rules)) {
    VerdictFile read = load(file_, rules_.judge);
    verdicts_ = std::move(read.verdicts);
    if (!read.fault.empty())
        warning_ = "the plugin verdicts in " + printable(file_.string(), 4096) +
                   " cannot be used and start anew: " + read.fault;
}

const KeptVerdict* VerdictCache::find(const std::string& sha256, std::int64_t unix_ms) const {
    const auto found = verdicts_.find(sha256);
    if (found == verdicts_.end()) return nullptr;
    const KeptVerdict& kept = found->second;
    const std::int64_t age = unix_ms - kept.made_ms;
    if (kept.verdict.kind == VerdictKind::Unloadable &&
        (kept.loader != rules_.loader || age < 0 || age > kUnloadableMs))
        return nullptr;
    return &kept;
}

void VerdictCache::put(const std::string& sha256, KeptVerdict verdict) {
    if (!is_kept(verdict.verdict.kind)) return;
    if (verdict.verdict.kind == VerdictKind::Unloadable) verdict.loader = rules_.loader;
    verdicts_.insert_or_assign(sha256, std::move(verdict));
    put_.insert(sha256);
    forgotten_.erase(sha256);
}

bool VerdictCache::forget(const std::string& sha256) {
    if (verdicts_.erase(sha256) == 0) return false;
    forgotten_.insert(sha256);
    put_.erase(sha256);
    return true;
}

void VerdictCache::save() {
    const fs::path lock_path = file_.string() + ".lock";
    const OwnedFd lock(::open(lock_path.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!lock) fail("open", lock_path, errno);
    // Others hold it for milliseconds, unless they were stopped.
    for (int tries = 0; ::flock(lock.get(), LOCK_EX | LOCK_NB) != 0; ++tries) {
        if ((errno != EINTR && errno != EWOULDBLOCK) || tries == kLockTries) fail("lock", lock_path, errno);
        ::poll(nullptr, 0, kLockPauseMs);
    }
    KeptVerdicts merged = load(file_, rules_.judge).verdicts;
    for (const std::string& sha256 : forgotten_) merged.erase(sha256);
    for (const std::string& sha256 : put_) merged.insert_or_assign(sha256, verdicts_.at(sha256));
    keep_newest(merged, kMostVerdicts);
    write_durably(file_, verdict_file_text(merged, rules_.judge));
    verdicts_ = std::move(merged);
    put_.clear();
    forgotten_.clear();
}

std::string quarantine_reason(const std::string& sha256, const Verdict& verdict) {
    return verdict.reason + "; to have it tried again: tasker-host plugin unquarantine " +
           sha256.substr(0, 12);
}

std::map<std::string, std::string> quarantine_of(const VerdictCache& cache) {
    std::map<std::string, std::string> out;
    for (const auto& [sha256, kept] : cache.all()) {
        if (is_quarantined(kept.verdict.kind)) out.emplace(sha256, quarantine_reason(sha256, kept.verdict));
    }
    return out;
}

}  // namespace tasker::host
