#include "host/templates/discovery.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <optional>
#include <set>
#include <system_error>
#include <utility>

#include "host/templates/findings.hpp"

namespace tasker::host {

namespace fs = std::filesystem;

namespace {

constexpr int kMaxFolderDepth = 32;
constexpr std::size_t kMaxFiles = 100'000;

bool is_template_name(const fs::path& path) {
    std::string extension = path.extension().string();
    std::transform(extension.begin(), extension.end(), extension.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return extension == ".yaml" || extension == ".yml";
}

std::string kind_of(mode_t mode) {
    if (S_ISDIR(mode)) return "a folder";
    if (S_ISFIFO(mode)) return "a FIFO";
    if (S_ISSOCK(mode)) return "a socket";
    if (S_ISCHR(mode) || S_ISBLK(mode)) return "a device";
    return "not a regular file";
}

bool is_below(const fs::path& path, const fs::path& root) {
    return std::mismatch(root.begin(), root.end(), path.begin(), path.end()).first == root.end();
}

class Walk {
  public:
    void root(const fs::path& path);
    Discovery result;

  private:
    void folder(const fs::path& path, int depth);
    void entry(const fs::path& path, int depth);
    void file(const fs::path& path, const struct stat& info);
    void say(Severity severity, std::string code, const fs::path& path, std::string message) {
        result.diagnostics.push_back({.severity = severity,
                                      .code = std::move(code),
                                      .file = path.string(),
                                      .line = 0,
                                      .column = 0,
                                      .path = {},
                                      .message = std::move(message)});
    }
    void skip(const fs::path& path, const std::string& why) {
        say(Severity::Warning, "SKIPPED", path, "skipped: " + why);
    }
    // Why a symlink is not followed; nothing when its target lies below the root.
    std::optional<std::string> link_fault(const fs::path& path) const;

    fs::path top_;                            // the root with its links resolved
    std::set<std::pair<dev_t, ino_t>> seen_;  // of all roots, so that overlapping ones give each file once
};

std::optional<std::string> Walk::link_fault(const fs::path& path) const {
    std::error_code error;
    const fs::path target = fs::canonical(path, error);
    if (error) return "the symlink leads nowhere: " + error.message();
    if (!is_below(target, top_)) return "the symlink leads out of the folder, to " + target.string();
    return std::nullopt;
}

void Walk::file(const fs::path& path, const struct stat& info) {
    if (!seen_.insert({info.st_dev, info.st_ino}).second) return;
    if (result.files.size() < kMaxFiles) {
        result.files.push_back(path);
    } else if (result.files.size() == kMaxFiles) {
        say(Severity::Error, "TOO_MANY_FILES", path,
            "more than " + std::to_string(kMaxFiles) + " templates, this and further ones are not read");
    }
}

void Walk::entry(const fs::path& path, int depth) {
    struct stat info {};
    if (::lstat(path.c_str(), &info) != 0) return;  // gone since the folder was read
    if (S_ISLNK(info.st_mode)) {
        const auto fault = link_fault(path);
        const bool to_folder = ::stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
        if (fault) {
            if (to_folder || is_template_name(path)) skip(path, *fault);
            return;
        }
    }
    const bool named_like_a_template = is_template_name(path);
    if (S_ISDIR(info.st_mode) && !named_like_a_template) {
        if (seen_.insert({info.st_dev, info.st_ino}).second) folder(path, depth + 1);
    } else if (named_like_a_template && !S_ISREG(info.st_mode)) {
        skip(path, "it is " + kind_of(info.st_mode) + ", not a regular file");
    } else if (named_like_a_template) {
        file(path, info);
    }
}

void Walk::folder(const fs::path& path, int depth) {
    if (depth > kMaxFolderDepth) {
        skip(path, "folders nest deeper than " + std::to_string(kMaxFolderDepth));
        return;
    }
    std::error_code error;
    std::vector<fs::path> names;
    for (fs::directory_iterator at(path, error), end; !error && at != end; at.increment(error)) {
        const fs::path name = at->path().filename();
        if (!name.native().starts_with('.')) names.push_back(name);
    }
    if (error) {
        const bool denied = error == std::errc::permission_denied;
        say(Severity::Error, denied ? "PERMISSION_DENIED" : "UNREADABLE", path,
            denied ? "permission denied: the folder is not readable for this user (chmod u+rx)"
                   : "the folder cannot be read: " + error.message());
    }
    std::sort(names.begin(), names.end());
    for (const fs::path& name : names) entry(path / name, depth);
}

void Walk::root(const fs::path& path) {
    struct stat info {};
    if (path.empty() || ::stat(path.c_str(), &info) != 0) {
        const int error = path.empty() ? ENOENT : errno;
        say(Severity::Error, error == EACCES ? "PERMISSION_DENIED" : "NOT_FOUND", path,
            error == ENOENT ? "the template path " + shown(path.string()) +
                                  " does not exist; correct TASKER_TEMPLATE_PATH or create it"
                            : "the template path " + shown(path.string()) +
                                  " cannot be used: " + std::generic_category().message(error));
        return;
    }
    if (S_ISREG(info.st_mode)) {
        file(path, info);
        return;
    }
    if (!S_ISDIR(info.st_mode)) {
        say(Severity::Error, "NOT_A_FILE", path,
            "the template path is " + kind_of(info.st_mode) + ", not a folder or a file");
        return;
    }
    std::error_code error;
    top_ = fs::canonical(path, error);
    if (seen_.insert({info.st_dev, info.st_ino}).second) folder(path, 0);
}

}  // namespace

Discovery discover(const std::vector<fs::path>& roots) {
    Walk walk;
    for (const fs::path& root : roots) walk.root(root);
    return std::move(walk.result);
}

}  // namespace tasker::host
