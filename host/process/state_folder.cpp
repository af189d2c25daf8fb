#include "host/process/state_folder.hpp"

#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>
#include <variant>

#include "host/core/error.hpp"

namespace tasker::host {

namespace {
namespace fs = std::filesystem;
constexpr const char* kHint = "choose another one with TASKER_STATE_DIR or --state-dir";
}  // namespace

fs::path state_folder(const Config& config) {
    return config.state_dir.empty() ? store_path(config).parent_path() : config.state_dir;
}

fs::path api_socket(const Config& config) { return state_folder(config) / "api.sock"; }

void make_private_folder(const fs::path& folder) {
    fs::path made;
    for (const fs::path& part : folder) {
        made /= part;
        std::error_code ignored;
        if (fs::is_directory(made, ignored) || ::mkdir(made.c_str(), 0700) == 0) continue;
        const int fault = errno == EEXIST ? ENOTDIR : errno;
        if (fs::is_directory(made, ignored)) continue;  // somebody else was faster
        throw BootstrapError("the state folder " + folder.string() + " cannot be made: " + made.string() +
                                 ": " + std::strerror(fault),
                             kHint);
    }
}

StoreLock claim_state_folder(const Config& config) {
    const fs::path folder = state_folder(config);
    make_private_folder(folder);
    auto taken = StoreLock::acquire(folder / "host", "host");
    if (const auto* holder = std::get_if<StoreHolder>(&taken)) {
        throw BootstrapError("a host is already running on the state folder " + folder.string() + " (" +
                                 described(*holder) + ")",
                             "stop it, or choose another folder with TASKER_STATE_DIR or --state-dir");
    }
    return std::move(std::get<StoreLock>(taken));
}

std::string described(const StoreHolder& holder) {
    if (holder.pid == 0) return "a process that did not write its pid into the lock file";
    return holder.role + " with pid " + std::to_string(holder.pid);
}

}  // namespace tasker::host
