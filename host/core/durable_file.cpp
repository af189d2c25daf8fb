#include "host/core/durable_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "host/core/error.hpp"
#include "host/core/owned_fd.hpp"

namespace tasker::host {

namespace {
namespace fs = std::filesystem;

[[noreturn]] void fail(const fs::path& path, const char* what) {
    throw Error("cannot write " + path.string() + ": " + what + ": " + std::strerror(errno),
                errno == EACCES || errno == EROFS ? "the service user must be able to write there"
                                                  : "check the disk");
}
}  // namespace

void write_durably(const fs::path& path, const std::string& text) {
    const fs::path draft = path.string() + ".new";
    OwnedFd file(::open(draft.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!file) fail(draft, "open");
    for (std::size_t at = 0; at < text.size();) {
        const auto wrote = ::write(file.get(), text.data() + at, text.size() - at);
        if (wrote < 0 && errno == EINTR) continue;
        if (wrote <= 0) fail(draft, "write");
        at += static_cast<std::size_t>(wrote);
    }
    if (::fsync(file.get()) != 0) fail(draft, "fsync");
    if (::rename(draft.c_str(), path.c_str()) != 0) fail(path, "rename");
    const OwnedFd folder(::open(path.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!folder || ::fsync(folder.get()) != 0) fail(path.parent_path(), "fsync");
}

std::optional<std::string> read_whole(const fs::path& path, std::size_t most) {
    const OwnedFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    if (!file) return std::nullopt;
    std::string text;
    std::array<char, 65536> some;
    for (;;) {
        const auto got = ::read(file.get(), some.data(), some.size());
        if (got < 0 && errno == EINTR) continue;
        if (got < 0 || text.size() > most) return std::nullopt;
        if (got == 0) return text;
        text.append(some.data(), static_cast<std::size_t>(got));
    }
}

}  // namespace tasker::host
