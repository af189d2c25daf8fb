#include "host/process/plugin_discovery.hpp"

#include <optional>
#include <system_error>

#include "host/process/plugin_scanning.hpp"
#include "host/process/scratch_folder.hpp"

namespace tasker::host {

namespace fs = std::filesystem;

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
    const auto own = own_state_folder(config);
    options.quarantined = quarantined_plugins(config, log);
    // What is loaded stays mapped when its file is gone.
    options.cache_dir = (own ? *own : scratch.emplace().path()) / "plugin-cache";
    LoadedPlugins loaded = load_plugins(options, log);
    loaded.registry.fall_back_to_step_name(config.fallback_to_step_name);
    return loaded;
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
