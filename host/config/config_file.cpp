#include "host/config/config_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <vector>

#include "host/core/error.hpp"

namespace tasker::host {

namespace {
constexpr std::size_t kMaxBytes = std::size_t{1} << 20U;

std::string variable(const ConfigInputs& inputs, const std::string& name) {
    const auto found = inputs.environment.find(name);
    return found == inputs.environment.end() ? std::string{} : found->second;
}

class Descriptor {
  public:
    explicit Descriptor(int fd) : fd_(fd) {}
    ~Descriptor() {
        if (fd_ >= 0) ::close(fd_);
    }
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    int get() const { return fd_; }

  private:
    int fd_;
};

std::string read_all(int fd, const std::string& file) {
    std::string text;
    std::vector<char> chunk(65536);
    for (;;) {
        const ssize_t got = ::read(fd, chunk.data(), chunk.size());
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) throw ConfigError(file + ": cannot be read: " + std::strerror(errno));
        if (got == 0) return text;
        text.append(chunk.data(), static_cast<std::size_t>(got));
        if (text.size() > kMaxBytes)
            throw ConfigError(file + ": is larger than 1 MiB; a configuration file is not");
    }
}

// Nothing when the file is missing and `required` is false.
std::optional<ConfigText> read(const std::filesystem::path& path, bool required,
                               const std::string& asked_by) {
    const std::string file = path.string();
    // Without O_NONBLOCK a FIFO would hang the start.
    const Descriptor descriptor(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (descriptor.get() < 0) {
        // A default place that this user may not even look into (HOME of another account) holds nothing for him.
        const bool hidden = errno == EACCES && ::access(path.parent_path().c_str(), X_OK) != 0;
        if (!required && (errno == ENOENT || errno == ENOTDIR || hidden)) return std::nullopt;
        if (errno == ENOENT) throw ConfigError(file + ": not found (" + asked_by + ")");
        throw ConfigError(file + ": cannot be opened: " + std::strerror(errno));
    }
    struct stat status {};
    if (::fstat(descriptor.get(), &status) != 0)
        throw ConfigError(file + ": cannot be examined: " + std::strerror(errno));
    if (S_ISDIR(status.st_mode))
        throw ConfigError(file + ": is a directory, not a configuration file (" + asked_by + ")");
    if (!S_ISREG(status.st_mode)) throw ConfigError(file + ": is not a regular file");
    return ConfigText{path, read_all(descriptor.get(), file), (status.st_mode & S_IROTH) != 0};
}
}  // namespace

std::optional<ConfigText> find_config_file(const ConfigInputs& inputs) {
    if (inputs.config_flag)
        return read(inputs.working_directory / *inputs.config_flag, true, "asked for by --config");
    if (const std::string path = variable(inputs, "TASKER_CONFIG_PATH"); !path.empty()) {
        return read(inputs.working_directory / path, true, "asked for by TASKER_CONFIG_PATH");
    }
    std::vector<std::filesystem::path> places{inputs.working_directory / "tasker-host.toml"};
    if (const std::string xdg = variable(inputs, "XDG_CONFIG_HOME"); xdg.starts_with('/')) {
        places.push_back(std::filesystem::path{xdg} / "tasker-host/config.toml");
    } else if (const std::string home = variable(inputs, "HOME"); home.starts_with('/')) {
        places.push_back(std::filesystem::path{home} / ".config/tasker-host/config.toml");
    }
    places.emplace_back("/etc/tasker-host/config.toml");
    for (const auto& place : places) {
        if (auto found = read(place, false, "a default place")) return found;
    }
    return std::nullopt;
}

}  // namespace tasker::host
