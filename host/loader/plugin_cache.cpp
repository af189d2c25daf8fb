#include "host/loader/plugin_cache.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string_view>

#include "host/core/error.hpp"
#include "host/core/sha256.hpp"
#include "host/loader/printable.hpp"

namespace tasker::host {

namespace {
constexpr std::size_t kChunk = std::size_t{256} << 10U;

[[noreturn]] void fail(const std::string& action, const std::filesystem::path& path, int error) {
    std::string hint;
    if (error == ENOSPC || error == EDQUOT) hint = "free space there, or choose another state directory";
    if (error == EACCES || error == EPERM || error == EROFS)
        hint = "the service user must be able to write there";
    throw PluginError("cannot " + action + " " + printable(path.string(), 4096) + ": " + std::strerror(error),
                      hint);
}

void make_private(const std::filesystem::path& folder) {
    if (::mkdir(folder.c_str(), 0700) == 0) return;
    if (errno != EEXIST) fail("make the plugin cache folder", folder, errno);
    struct stat facts {};
    if (::lstat(folder.c_str(), &facts) != 0) fail("look at the plugin cache folder", folder, errno);
    if (!S_ISDIR(facts.st_mode)) fail("use the plugin cache folder", folder, ENOTDIR);
    if (facts.st_uid != ::geteuid() && facts.st_uid != 0) {
        throw PluginError(
            "the plugin cache folder " + printable(folder.string(), 4096) + " belongs to another user",
            "remove it, or choose another state directory");
    }
    if ((facts.st_mode & 0077U) != 0 && ::chmod(folder.c_str(), 0700) != 0)
        fail("make private", folder, errno);
}

// True when the file is private, executable by its owner and holds exactly `content`.
bool is_intact(const std::filesystem::path& path, std::string_view content) {
    const OwnedFd fd(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC));
    struct stat facts {};
    if (!fd || ::fstat(fd.get(), &facts) != 0 || !S_ISREG(facts.st_mode)) return false;
    if ((facts.st_mode & 0777U) != 0500 || static_cast<std::uint64_t>(facts.st_size) != content.size())
        return false;
    std::string chunk(kChunk, '\0');
    while (!content.empty()) {
        const ssize_t got = ::read(fd.get(), chunk.data(), std::min(chunk.size(), content.size()));
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return false;
        const auto size = static_cast<std::size_t>(got);
        if (content.substr(0, size) != std::string_view(chunk).substr(0, size)) return false;
        content.remove_prefix(size);
    }
    return true;
}

// A temporary file that is gone unless it was published.
class Draft {
  public:
    explicit Draft(const std::filesystem::path& folder) : path_((folder / ".draft-XXXXXX").string()) {
        fd_ = OwnedFd(::mkostemp(path_.data(), O_CLOEXEC));
        if (!fd_) fail("write the plugin cache in", folder, errno);
    }
    ~Draft() {
        if (fd_) ::unlink(path_.c_str());
    }
    Draft(const Draft&) = delete;
    Draft& operator=(const Draft&) = delete;

    void write(std::string_view content) {
        while (!content.empty()) {
            const ssize_t put = ::write(fd_.get(), content.data(), content.size());
            if (put < 0 && errno == EINTR) continue;
            if (put < 0) fail("write the plugin copy", path_, errno);
            content.remove_prefix(static_cast<std::size_t>(put));
        }
        if (::fchmod(fd_.get(), 0500) != 0) fail("write the plugin copy", path_, errno);
    }
    void sync() const {
        if (::fsync(fd_.get()) != 0) fail("write the plugin copy", path_, errno);
    }
    void publish(const std::filesystem::path& target) {
        if (::rename(path_.c_str(), target.c_str()) != 0) fail("publish the plugin copy", target, errno);
        fd_.reset();
    }

  private:
    std::string path_;
    OwnedFd fd_;
};

void sync_folder(const std::filesystem::path& folder) {
    const OwnedFd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!fd || ::fsync(fd.get()) != 0) fail("write the plugin cache in", folder, errno);
}
}  // namespace

PluginBytes read_plugin(const TrustedFile& file) {
    PluginBytes plugin;
    plugin.content.resize(file.bytes);
    std::size_t done = 0;
    while (done < plugin.content.size()) {
        const ssize_t got = ::pread(file.fd.get(), plugin.content.data() + done, plugin.content.size() - done,
                                    static_cast<off_t>(done));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) fail("read", file.real_path, errno);
        if (got == 0) break;
        done += static_cast<std::size_t>(got);
    }
    struct stat facts {};
    if (::fstat(file.fd.get(), &facts) != 0) fail("read", file.real_path, errno);
    if (done != plugin.content.size() || static_cast<std::uint64_t>(facts.st_size) != file.bytes) {
        throw PluginError(printable(file.real_path.string(), 4096) + " changed while it was read",
                          "copy it to a temporary name in the same folder and rename it");
    }
    plugin.sha256 = to_hex(sha256(plugin.content));
    return plugin;
}

std::filesystem::path store_plugin(const std::filesystem::path& cache_dir,
                                   const std::filesystem::path& original, const PluginBytes& plugin,
                                   CopySync sync) {
    std::error_code failed;
    std::filesystem::create_directories(cache_dir.parent_path(), failed);
    if (failed) fail("make the folder", cache_dir.parent_path(), failed.value());
    const auto shelf = cache_dir / plugin.sha256.substr(0, 2);
    const auto folder = shelf / plugin.sha256;
    for (const auto& path : {cache_dir, shelf, folder}) make_private(path);

    const auto copy = std::filesystem::absolute(folder) / original.filename();
    if (is_intact(copy, plugin.content)) return copy;
    Draft draft(folder);
    draft.write(plugin.content);
    if (sync == CopySync::Now) draft.sync();
    draft.publish(copy);
    if (sync == CopySync::Now) sync_folder(folder);
    return copy;
}

void sync_plugins(const std::filesystem::path& cache_dir) {
    const OwnedFd fd(::open(cache_dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!fd || ::syncfs(fd.get()) != 0) fail("write the plugin cache in", cache_dir, errno);
}

}  // namespace tasker::host
