#include "host/process/plugin_discovery.hpp"

#include "host/process/connection.hpp"

namespace tasker::host {

PluginOptions plugin_options(const Config& config) {
    PluginOptions options;
    options.roots = config.plugin_path;
    // Beside the store: the one folder that this user certainly owns.
    options.cache_dir = api_socket(config).parent_path() / "plugin-cache";
    options.relax_permissions = config.relax_plugin_permissions;
    options.plugin_config_json = config.plugin_config_json;
    options.worker_id = config.worker_id;
    options.namespace_name = config.namespaces.empty() ? "default" : config.namespaces.front();
    return options;
}

LoadedPlugins discover_plugins(const Config& config, const Logger& log) {
    make_store_folder(api_socket(config));
    return load_plugins(plugin_options(config), log);
}

}  // namespace tasker::host
