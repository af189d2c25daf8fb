#include "host/loader/file_trust.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string_view>

#include "host/core/error.hpp"
#include "host/loader/printable.hpp"

namespace tasker::host {

namespace {
enum class Place { File, Folder, Ancestor };

std::string octal(mode_t mode) {
    std::array<char, 8> digits{};
    std::snprintf(digits.data(), digits.size(), "%04o", static_cast<unsigned>(mode & 07777U));
    return digits.data();
}

std::string user_name(const Accounts& accounts, uid_t uid) {
    const auto account = accounts.find(uid);
    return account ? account->name : std::to_string(uid);
}

class Inspection {
  public:
    explicit Inspection(const Accounts& accounts) : accounts_(accounts) {}

    void check(const std::string& path, const struct stat& facts, Place place) {
        const std::string what = place == Place::File ? "plugin file " : "folder ";
        const std::string where = what + printable(path, 4096);
        const std::string mode = " (mode " + octal(facts.st_mode) + ")";
        const std::string word = shell_word(path);
        const uid_t service = geteuid();
        if (facts.st_uid != 0 && facts.st_uid != service) {
            fault(where + " is owned by " + user_name(accounts_, facts.st_uid) + mode +
                  ", neither root nor the service user " + user_name(accounts_, service) + ": chown " +
                  user_name(accounts_, service) + " " + word);
        }
        const bool excused = place == Place::Ancestor && (facts.st_mode & S_ISVTX) != 0;
        if ((facts.st_mode & S_IWOTH) != 0 && !excused) {
            const std::string cure =
                place == Place::Ancestor ? "chmod o-w " + word + " (or chmod +t)" : "chmod o-w " + word;
            fault(where + " is world-writable" + mode + ", so its content is writable by others: " + cure);
        }
        if ((facts.st_mode & S_IWGRP) != 0 && !excused &&
            !is_own_group(accounts_, facts.st_uid, facts.st_gid)) {
            const std::string text = where + " is writable by group " + std::to_string(facts.st_gid) + mode +
                                     ", which is not its owner's own group: chmod g-w " + word;
            if (place == Place::Ancestor)
                warnings.push_back(text);
            else
                fault(text);
        }
        if (place == Place::File && (facts.st_mode & (S_ISUID | S_ISGID)) != 0) {
            fault(where + " is setuid or setgid" + mode + ": chmod ug-s " + word);
        }
    }

    void fault(std::string text) { faults.push_back(std::move(text)); }

    std::vector<std::string> faults, warnings;

  private:
    const Accounts& accounts_;
};

[[noreturn]] void refuse(const std::string& path, int error) {
    throw PluginError("cannot open " + printable(path, 4096) + ": " + std::strerror(error),
                      error == EACCES ? "let the service user " + user_name(system_accounts(), geteuid()) +
                                            " read it: chmod u+r,a+X"
                                      : std::string{});
}

std::string_view kind_of(mode_t mode) {
    if (S_ISDIR(mode)) return "a directory";
    if (S_ISFIFO(mode)) return "a FIFO";
    if (S_ISSOCK(mode)) return "a socket";
    if (S_ISCHR(mode) || S_ISBLK(mode)) return "a device";
    return "a symlink";
}

// Walks from "/" to the folder of `real` without following a link, checking each folder it holds.
OwnedFd open_folder(const std::filesystem::path& real, Inspection& inspection) {
    OwnedFd folder(::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!folder) refuse("/", errno);
    const std::filesystem::path parent = real.parent_path();
    std::filesystem::path at = "/";
    const auto check = [&](const OwnedFd& fd) {
        struct stat facts {};
        if (::fstat(fd.get(), &facts) != 0) refuse(at.string(), errno);
        inspection.check(at.string(), facts, at == parent ? Place::Folder : Place::Ancestor);
    };
    check(folder);
    for (const auto& name : parent.relative_path()) {
        at /= name;
        OwnedFd next(::openat(folder.get(), name.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
        if (!next) refuse(at.string(), errno);
        folder = std::move(next);
        check(folder);
    }
    return folder;
}

std::filesystem::path resolve(const std::filesystem::path& file) {
    const std::unique_ptr<char, decltype(&std::free)> real(::realpath(file.c_str(), nullptr), &std::free);
    if (!real) {
        const int error = errno;
        struct stat link {};
        if (error == ENOENT && ::lstat(file.c_str(), &link) == 0) {
            throw PluginError(printable(file.string(), 4096) + " is a symlink to nothing",
                              "remove it or restore its target");
        }
        refuse(file.string(), error);
    }
    return real.get();
}

void require_regular(const std::filesystem::path& path, const struct stat& facts) {
    if (!S_ISREG(facts.st_mode)) {
        throw PluginError(printable(path.string(), 4096) + " is " + std::string(kind_of(facts.st_mode)) +
                          ", not an ELF shared object");
    }
    if (facts.st_size <= 0)
        throw PluginError(printable(path.string(), 4096) + " is empty: not an ELF shared object");
    if (static_cast<std::uint64_t>(facts.st_size) > kMaxPluginBytes) {
        throw PluginError(printable(path.string(), 4096) + " has " + std::to_string(facts.st_size) +
                              " bytes, more than the " + std::to_string(kMaxPluginBytes) +
                              " a plugin may have",
                          "strip it (strip --strip-debug)");
    }
}

// The folder in which the plugin was found, when a link led out of it: who can write there chooses what is
// loaded.
void check_link_folder(const std::filesystem::path& file, const std::filesystem::path& real,
                       Inspection& inspection) {
    const auto folder = resolve(std::filesystem::absolute(file).parent_path());
    if (folder == real.parent_path()) return;
    static_cast<void>(open_folder(folder / "x", inspection));
}
}  // namespace

TrustedFile open_trusted(const std::filesystem::path& file, bool relax, const Accounts& accounts) {
    TrustedFile result;
    result.real_path = resolve(file);
    Inspection inspection(accounts);
    check_link_folder(file, result.real_path, inspection);
    const OwnedFd folder = open_folder(result.real_path, inspection);

    const std::string name = result.real_path.filename().string();
    struct stat seen {};
    if (::fstatat(folder.get(), name.c_str(), &seen, AT_SYMLINK_NOFOLLOW) != 0)
        refuse(result.real_path.string(), errno);
    require_regular(result.real_path, seen);
    result.fd = OwnedFd(
        ::openat(folder.get(), name.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW | O_CLOEXEC));
    if (!result.fd) refuse(result.real_path.string(), errno);
    struct stat facts {};
    if (::fstat(result.fd.get(), &facts) != 0) refuse(result.real_path.string(), errno);
    require_regular(result.real_path, facts);
    inspection.check(result.real_path.string(), facts, Place::File);

    result.bytes = static_cast<std::uint64_t>(facts.st_size);
    result.device = facts.st_dev;
    result.inode = facts.st_ino;
    result.warnings = std::move(inspection.warnings);
    if (inspection.faults.empty()) return result;
    if (relax) {
        for (auto& fault : inspection.faults) result.warnings.push_back("permission check relaxed: " + fault);
        return result;
    }
    std::string all;
    for (const auto& fault : inspection.faults) all += (all.empty() ? "" : "; ") + fault;
    throw PluginError(all);
}

}  // namespace tasker::host
