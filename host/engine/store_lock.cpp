#include "host/engine/store_lock.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <string_view>
#include <utility>

#include "host/core/error.hpp"

namespace tasker::host {

namespace {
constexpr std::string_view kHostRole = "host";
constexpr std::chrono::milliseconds kRetryEvery{20};

std::string lock_path(const std::filesystem::path& store) { return real_store(store).string() + ".lock"; }

StoreHolder read_holder(int fd) {
    std::array<char, 64> buffer{};
    const auto size = pread(fd, buffer.data(), buffer.size(), 0);
    StoreHolder holder;
    if (size <= 0) return holder;
    const std::string_view text(buffer.data(), static_cast<std::size_t>(size));
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), holder.pid);
    if (parsed.ec != std::errc{}) return StoreHolder{};
    const auto blank = text.find(' ');
    if (blank != std::string_view::npos) holder.role = text.substr(blank + 1, text.find('\n') - blank - 1);
    return holder;
}

void write_holder(int fd, const std::string& role) {
    const std::string text = std::to_string(getpid()) + " " + role + "\n";
    // For people and for the other side's message only; the lock holds without it.
    if (ftruncate(fd, 0) == 0 && pwrite(fd, text.data(), text.size(), 0) < 0) return;
}

[[noreturn]] void fail(const std::filesystem::path& store, int error) {
    throw BootstrapError(
        "cannot lock the store '" + store.string() + "': '" + lock_path(store) + "': " + std::strerror(error),
        "check that the folder exists and that this user can write it");
}
}  // namespace

std::filesystem::path real_store(const std::filesystem::path& store) {
    std::error_code problem;
    auto real = std::filesystem::weakly_canonical(store, problem);
    return problem ? store : real;
}

std::variant<StoreLock, StoreHolder> StoreLock::try_acquire(const std::filesystem::path& store,
                                                            const std::string& role) {
    const int fd = open(lock_path(store).c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) fail(store, errno);
    StoreLock lock(fd);
    int result = 0;
    do {
        result = flock(fd, LOCK_EX | LOCK_NB);
    } while (result != 0 && errno == EINTR);
    if (result != 0) {
        if (errno != EWOULDBLOCK) fail(store, errno);
        return read_holder(fd);
    }
    write_holder(fd, role);
    return lock;
}

std::variant<StoreLock, StoreHolder> StoreLock::acquire(const std::filesystem::path& store,
                                                        const std::string& role, int wait_ms) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(wait_ms);
    std::mutex mutex;
    std::condition_variable never;
    std::unique_lock waiting(mutex);
    while (true) {
        auto attempt = try_acquire(store, role);
        if (std::holds_alternative<StoreLock>(attempt)) return attempt;
        // A host stays for long: nobody waits for it. Anything else is a short command.
        if (std::get<StoreHolder>(attempt).role == kHostRole) return attempt;
        if (std::chrono::steady_clock::now() >= deadline) return attempt;
        never.wait_for(waiting, kRetryEvery);
    }
}

StoreLock::StoreLock(StoreLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

StoreLock& StoreLock::operator=(StoreLock&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
}

StoreLock::~StoreLock() {
    if (fd_ >= 0) close(fd_);
}

}  // namespace tasker::host
