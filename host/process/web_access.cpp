#include "host/process/web_access.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "host/core/error.hpp"
#include "host/core/owned_fd.hpp"

namespace tasker::host {

namespace {
constexpr std::size_t kShortest = 16, kLongest = 1024;

[[noreturn]] void refuse_token(const std::filesystem::path& path, const std::string& why,
                               const std::string& hint) {
    throw ConfigError("TASKER_WEB_TOKEN_FILE (host.web_token_file): " + path.string() + ": " + why, hint);
}

// What the descriptor says counts, not the name: nobody can put another file there in between.
void check_file(int fd, const std::filesystem::path& path) {
    struct stat info {};
    if (::fstat(fd, &info) != 0) refuse_token(path, std::strerror(errno), "name a file that can be read");
    if (!S_ISREG(info.st_mode)) refuse_token(path, "is no file", "name a file that holds the token alone");
    if ((info.st_mode & S_IRWXO) != 0)
        refuse_token(path, "everybody may read it", "chmod 600 " + path.string());
    if (info.st_uid != 0 && info.st_uid != ::geteuid())
        refuse_token(path, "it belongs to another user", "make this worker's user its owner");
}

std::string read_token(const std::filesystem::path& path) {
    // O_NONBLOCK: a pipe under that name must not hold up the start.
    const OwnedFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (!fd) refuse_token(path, std::strerror(errno), "name a file that can be read");
    check_file(fd.get(), path);
    std::array<char, kLongest + 3> bytes{};
    const ssize_t got = ::read(fd.get(), bytes.data(), bytes.size());
    if (got < 0) refuse_token(path, std::strerror(errno), "name a file that can be read");
    std::string token(bytes.data(), static_cast<std::size_t>(got));
    while (!token.empty() && (token.back() == '\n' || token.back() == '\r')) token.pop_back();
    if (token.size() < kShortest || token.size() > kLongest)
        refuse_token(path, "the token must have from 16 to 1024 characters",
                     "make one: openssl rand -hex 32");
    // What may stand in a header without quoting.
    if (!std::all_of(token.begin(), token.end(), [](char c) { return c > 0x20 && c < 0x7f; }))
        refuse_token(path, "the token must be one word of printable ASCII", "make one: openssl rand -hex 32");
    return token;
}
}  // namespace

std::string web_token(const Config& config) {
    return config.web_token_file.empty() ? std::string{} : read_token(config.web_token_file);
}

WebAccess web_access(const Config& config) {
    WebAccess out;
    out.token = web_token(config);
    if (config.web_bind_address.empty()) return out;
    out.address = parse_web_address(config.web_bind_address);
    if (!out.address->loopback && out.token.empty()) {
        throw ConfigError("TASKER_WEB_BIND_ADDRESS (host.web_bind_address): other machines reach " +
                              out.address->str() + ", and no token is asked for",
                          "set TASKER_WEB_TOKEN_FILE, or bind to 127.0.0.1");
    }
    return out;
}

}  // namespace tasker::host
