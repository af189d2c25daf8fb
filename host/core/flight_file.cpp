#include "host/core/flight_file.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string_view>

#include "host/core/flight_layout.hpp"

namespace tasker::host {

std::filesystem::path flight_folder(const std::filesystem::path& state_folder) {
    return state_folder / "flight";
}

OwnedFd open_flight(const std::filesystem::path& file) {
    OwnedFd fd(::open(file.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    struct stat found {};
    if (!fd || ::fstat(fd.get(), &found) != 0 || !S_ISREG(found.st_mode) || found.st_uid != ::geteuid())
        return {};
    return fd;
}

std::string read_flight(const OwnedFd& file) {
    std::string bytes;
    std::array<char, 65536> part{};
    while (true) {
        const ssize_t got = ::pread(file.get(), part.data(), part.size(), static_cast<off_t>(bytes.size()));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return {};
        if (got == 0) return bytes;
        bytes.append(part.data(), static_cast<std::size_t>(got));
        if (bytes.size() > kMaxFlightBytes) return {};
    }
}

bool flight_is_over(const OwnedFd& file) {
    if (::flock(file.get(), LOCK_SH | LOCK_NB) != 0) return false;
    ::flock(file.get(), LOCK_UN);
    return true;
}

Uuid boot_of_this_machine() {
    const OwnedFd fd(::open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC));
    std::array<char, 36> text{};
    if (!fd || ::read(fd.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) return {};
    return Uuid::parse({text.data(), text.size()}).value_or(Uuid{});
}

}  // namespace tasker::host
