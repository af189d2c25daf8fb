#pragma once
// Notices that what lies in some folders has changed and is at rest again. Folders are watched, never files: a file that is
// replaced would fall silent. What the kernel does not tell is found by looking: a folder that was replaced, that appears
// or to which a symlink now leads within seconds, all else (network disks, no watches left) every minute. One thread: wait
// for fd() until due_ms(), then call turn().

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "host/core/clock.hpp"
#include "host/core/owned_fd.hpp"
#include "host/scan/debounce.hpp"

namespace tasker::host {

struct WatchedFolder {
    std::filesystem::path path;
    std::vector<std::string> endings;  // ".so": which files count; those that begin with a dot never do
    int depth = 1;                     // 1: the files in it; 2: those of its folders too
};

struct FolderWatchOptions {
    std::int64_t quiet_ms = 500;     // without an event, before it is looked at
    std::int64_t at_most_ms = 5000;  // for which events may go on
    std::int64_t rescan_ms = 60'000;
    std::int64_t root_ms = 2000;  // between two looks at which folders the paths lead to
};

class FolderWatch {
  public:
    static constexpr std::size_t kMostFiles = 20'000;   // what is beyond is not noticed
    static constexpr std::size_t kMostFolders = 1'000;  // likewise

    // What lies there now is no change. Never throws for what folders hold; without inotify it only looks. `clock` outlives
    // it.
    FolderWatch(std::vector<WatchedFolder> folders, const Clock& clock, FolderWatchOptions options = {});

    int fd() const { return inotify_.get(); }  // readable when there are events; -1: none
    std::int64_t due_ms() const;               // steady time
    // Takes events and looks where that is due; never blocks. True once for each change that has come to rest.
    bool turn();
    // turn() is to be true once more after the quiet time, changed or not: something was found unfinished.
    void look_again();
    // Folders that are looked at but not watched, with the reason; those that do not exist are none.
    const std::vector<std::string>& faults() const { return faults_; }

  private:
    struct File {
        std::uint64_t device = 0, inode = 0;
        std::int64_t bytes = 0, modified_ns = 0, changed_ns = 0;
        friend bool operator==(const File&, const File&) = default;
    };
    using Files = std::map<std::filesystem::path, File>;
    using Place = std::pair<std::uint64_t, std::uint64_t>;  // device, inode; zeros: there is nothing

    bool read_events();
    bool counts_event(int watch, std::uint32_t mask, const char* name) const;
    std::vector<Place> root_places() const;
    Files look();
    void look_into(const std::filesystem::path& folder, const WatchedFolder& what, int depth, Files& files,
                   std::map<int, const WatchedFolder*>& watches);
    void watch(const std::filesystem::path& folder, const WatchedFolder& what,
               std::map<int, const WatchedFolder*>& watches);

    const std::vector<WatchedFolder> folders_;
    const Clock& clock_;
    const FolderWatchOptions options_;
    OwnedFd inotify_;
    std::map<int, const WatchedFolder*> watches_;
    std::vector<std::string> faults_;
    std::vector<Place> roots_;
    Files accepted_;  // as last told
    Debounce debounce_;
    bool again_ = false;
    std::int64_t next_rescan_ms_, next_root_look_ms_;
};

}  // namespace tasker::host
