#include "host/scan/folder_watch.hpp"

#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <system_error>

#include "host/loader/printable.hpp"

namespace tasker::host {

namespace {
namespace fs = std::filesystem;
// Not IN_MODIFY and, for files, not IN_CREATE: what is being written is not looked at. IN_CREATE is for folders.
constexpr std::uint32_t kEvents = IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ATTRIB |
                                  IN_CREATE | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;
constexpr std::uint32_t kOfFolder = IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED | IN_UNMOUNT;

bool counts(std::string_view name, const std::vector<std::string>& endings) {
    return !name.starts_with('.') &&
           std::any_of(endings.begin(), endings.end(), [&](const std::string& ending) {
               return name.size() > ending.size() && name.ends_with(ending);
           });
}

std::int64_t ns(const timespec& time) { return time.tv_sec * 1'000'000'000 + time.tv_nsec; }
}  // namespace

FolderWatch::FolderWatch(std::vector<WatchedFolder> folders, const Clock& clock, FolderWatchOptions options)
    : folders_(std::move(folders)),
      clock_(clock),
      options_(options),
      inotify_(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK)),
      debounce_(options.quiet_ms, options.at_most_ms),
      next_rescan_ms_(clock.steady_ms() + options.rescan_ms),
      next_root_look_ms_(clock.steady_ms() + options.root_ms) {
    accepted_ = look();
}

std::int64_t FolderWatch::due_ms() const {
    return std::min({debounce_.due_ms(), next_rescan_ms_, next_root_look_ms_});
}

void FolderWatch::look_again() {
    again_ = true;
    debounce_.event(clock_.steady_ms());
}

bool FolderWatch::counts_event(int watch, std::uint32_t mask, const char* name) const {
    if ((mask & (IN_Q_OVERFLOW | kOfFolder)) != 0) {
        // The end of a watch that was given back says nothing.
        return (mask & IN_IGNORED) == 0 || watches_.contains(watch);
    }
    const auto found = watches_.find(watch);
    if (found == watches_.end()) return false;
    if ((mask & IN_ISDIR) != 0) return found->second->depth > 1 && name[0] != '\0' && name[0] != '.';
    return (mask & IN_CREATE) == 0 && counts(name, found->second->endings);
}

bool FolderWatch::read_events() {
    alignas(inotify_event) std::array<char, 16 * 1024> bytes;
    bool any = false;
    // A writer that never rests must not keep the caller here.
    for (int round = 0; inotify_ && round < 64; ++round) {
        const ssize_t got = ::read(inotify_.get(), bytes.data(), bytes.size());
        if (got <= 0) break;
        for (std::size_t at = 0; at + sizeof(inotify_event) <= static_cast<std::size_t>(got);) {
            inotify_event event{};
            std::memcpy(&event, bytes.data() + at, sizeof event);
            const char* name = event.len > 0 ? bytes.data() + at + sizeof event : "";
            any = any || counts_event(event.wd, event.mask, name);
            at += sizeof event + event.len;
        }
    }
    return any;
}

std::vector<FolderWatch::Place> FolderWatch::root_places() const {
    std::vector<Place> places;
    for (const WatchedFolder& folder : folders_) {
        struct stat facts {};
        const bool there = ::stat(folder.path.c_str(), &facts) == 0;
        places.push_back(there ? Place{facts.st_dev, facts.st_ino} : Place{0, 0});
    }
    return places;
}

bool FolderWatch::turn() {
    const std::int64_t now = clock_.steady_ms();
    if (read_events()) debounce_.event(now);
    if (now >= next_root_look_ms_) {
        next_root_look_ms_ = now + options_.root_ms;
        if (root_places() != roots_ && !debounce_.pending()) debounce_.event(now);
    }
    if (now < std::min(debounce_.due_ms(), next_rescan_ms_)) return false;
    next_rescan_ms_ = now + options_.rescan_ms;
    debounce_.clear();
    Files files = look();
    const bool told = again_ || files != accepted_;
    again_ = false;
    accepted_ = std::move(files);
    return told;
}

FolderWatch::Files FolderWatch::look() {
    Files files;
    std::map<int, const WatchedFolder*> watches;
    faults_.clear();
    roots_ = root_places();
    for (const WatchedFolder& folder : folders_) look_into(folder.path, folder, folder.depth, files, watches);
    for (const auto& [old, folder] : watches_) {
        if (!watches.contains(old)) ::inotify_rm_watch(inotify_.get(), old);
    }
    watches_ = std::move(watches);
    return files;
}

void FolderWatch::watch(const fs::path& folder, const WatchedFolder& what,
                        std::map<int, const WatchedFolder*>& watches) {
    if (!inotify_) return;
    const int watch = ::inotify_add_watch(inotify_.get(), folder.c_str(), kEvents);
    if (watch >= 0) {
        watches.emplace(watch, &what);
    } else if (errno != ENOENT) {
        faults_.push_back("changes in " + printable(folder.string(), 4096) + " are noticed only every " +
                          std::to_string(options_.rescan_ms / 1000) + " s: " + std::strerror(errno) +
                          (errno == ENOSPC ? "; raise fs.inotify.max_user_watches" : ""));
    }
}

void FolderWatch::look_into(const fs::path& folder, const WatchedFolder& what, int depth, Files& files,
                            std::map<int, const WatchedFolder*>& watches) {
    if (watches.size() >= kMostFolders) return;
    // Before it is read: what comes in between is an event.
    watch(folder, what, watches);
    std::error_code fault;
    for (fs::directory_iterator entry(folder, fault), end; !fault && entry != end; entry.increment(fault)) {
        if (files.size() >= kMostFiles) return;
        const std::string name = entry->path().filename().string();
        struct stat facts {};
        if (name.starts_with('.') || ::stat(entry->path().c_str(), &facts) != 0) continue;
        if (S_ISDIR(facts.st_mode)) {
            if (depth > 1) look_into(entry->path(), what, depth - 1, files, watches);
        } else if (counts(name, what.endings)) {
            files[entry->path()] = {facts.st_dev, facts.st_ino, facts.st_size, ns(facts.st_mtim),
                                    ns(facts.st_ctim)};
        }
    }
}

}  // namespace tasker::host
