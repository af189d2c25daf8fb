#include "host/process/plugin_discovery.hpp"

#include <unistd.h>

#include <optional>
#include <system_error>

#include "host/core/error.hpp"
#include "host/process/scratch_folder.hpp"
#include "host/process/state_folder.hpp"

namespace tasker::host {

namespace {
namespace fs = std::filesystem;

// Beside the store: the one folder that this user certainly owns. Nothing when there is none, or none to write to.
std::optional<fs::path> own_folder(const Config& config) {
    try {
        const fs::path folder = state_folder(config);
        make_private_folder(folder);
        if (::access(folder.c_str(), W_OK | X_OK) != 0) return std::nullopt;
        return folder;
    } catch (const Error&) {
        // What only looks or runs once needs no state folder.
        return std::nullopt;
    }
}
}  // namespace

PluginOptions plugin_options(const Config& config) {
    PluginOptions options;
    options.roots = config.plugin_path;
    options.relax_permissions = config.relax_plugin_permissions;
    options.plugin_config_json = config.plugin_config_json;
    options.worker_id = config.worker_id;
    options.namespace_name = config.namespaces.empty() ? "default" : config.namespaces.front();
    return options;
}

LoadedPlugins discover_plugins(const Config& config, const Logger& log) {
    PluginOptions options = plugin_options(config);
    std::optional<ScratchFolder> scratch;
    const auto own = own_folder(config);
    // What is loaded stays mapped when its file is gone.
    options.cache_dir = (own ? *own : scratch.emplace().path()) / "plugin-cache";
    return load_plugins(options, log);
}

std::vector<std::string> plugin_root_faults(const std::vector<fs::path>& roots) {
    std::vector<std::string> out;
    for (const fs::path& root : roots) {
        std::error_code fault;
        const fs::directory_iterator entries(root, fault);
        if (!fault) continue;
        const std::string what = "the plugin path " + root.string();
        if (fault == std::errc::no_such_file_or_directory) {
            out.push_back(what + " does not exist; correct TASKER_PLUGIN_PATH or create it");
        } else if (fault == std::errc::not_a_directory) {
            out.push_back(what + " is not a folder; name the folder that holds the plugins");
        } else {
            out.push_back(what + " cannot be read: " + fault.message());
        }
    }
    return out;
}

}  // namespace tasker::host
