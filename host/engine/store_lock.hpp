#pragma once
// Who holds a store. An flock on <store>.lock (never on the store itself: closing it would drop SQLite's own locks);
// the file names pid and role. The kernel frees it on any death, so a stale file is no obstacle.

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <variant>

namespace tasker::host {

struct StoreHolder {
    int pid = 0;       // 0: unknown
    std::string role;  // "host" or "cli"
};

// The file that a path of a store means, symbolic links followed, so that two names of one store are one store.
std::filesystem::path real_store(const std::filesystem::path& store);

class StoreLock {
  public:
    // Tries once. The holder when it is taken. Throws BootstrapError when the file cannot be made (path, reason).
    static std::variant<StoreLock, StoreHolder> try_acquire(const std::filesystem::path& store,
                                                            const std::string& role);
    // As a host: another host refuses at once, a short-lived CLI is waited for (`wait_ms`, on the real clock).
    // As a CLI: any holder but a host is waited for. The holder when it stays taken.
    static std::variant<StoreLock, StoreHolder> acquire(const std::filesystem::path& store,
                                                        const std::string& role, int wait_ms = 5000);
    StoreLock(StoreLock&& other) noexcept;
    StoreLock& operator=(StoreLock&& other) noexcept;
    ~StoreLock();

  private:
    explicit StoreLock(int fd) : fd_(fd) {}
    int fd_ = -1;
};

}  // namespace tasker::host
