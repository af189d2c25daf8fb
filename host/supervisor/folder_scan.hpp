#pragma once
// Looks at the plugin and template folders in a process of its own. One thread: wait on wait_for() until due_ms(), then
// call turn().

#include <poll.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "host/core/clock.hpp"
#include "host/core/owned_fd.hpp"
#include "host/core/random.hpp"
#include "host/core/wakeup.hpp"
#include "host/supervisor/child_process.hpp"
#include "host/supervisor/folder_contents.hpp"

namespace tasker::host {

struct FolderScanOptions {
    ChildProgram program;  // prints one document and ends with 0
    std::filesystem::path
        kept;  // the document of the last scan: read by the next one as --kept, also after a restart
    std::int64_t within_ms = 60'000;  // one that takes longer is killed
};

class FolderScan {
  public:
    FolderScan(FolderScanOptions options, const Clock& clock, Random& random);
    ~FolderScan();
    FolderScan(const FolderScan&) = delete;
    FolderScan& operator=(const FolderScan&) = delete;

    bool running() const { return child_ != nullptr; }
    // Starts one, unless one runs. Throws Error when that is not possible.
    void begin();
    void wait_for(std::vector<pollfd>& on) const;
    std::int64_t due_ms() const { return due_ms_; }
    struct Failure {
        std::string why;
    };
    // Once for each that was begun, when it has ended.
    std::optional<std::variant<FolderContents, Failure>> turn();
    // What the last scan that did not fail has found, also one of an earlier supervisor; nothing when there is none.
    std::optional<FolderContents> kept() const;

  private:
    static constexpr std::size_t kMostBytes = 256U << 20U;

    void read();
    void keep(const std::string& document) const;

    const FolderScanOptions options_;
    const Clock& clock_;
    Random& random_;
    std::unique_ptr<ChildProcess> child_;
    OwnedFd output_;
    std::string text_;
    std::string killed_;  // why
    std::int64_t due_ms_ = kNever;
};

}  // namespace tasker::host
