#include "host/loader/plugin.hpp"

#include "host/core/error.hpp"
#include "host/loader/error_text.hpp"
#include "host/loader/shared_object.hpp"

namespace tasker::host {

Plugin::Plugin(const tasker_plugin_v0* (*entry)(const tasker_host_v0*)TASKER_NOEXCEPT,
               const PluginNotes& notes, const PluginOptions& options, const Logger& log)
    : host_{HostTable::make({options.namespace_name, options.worker_id, log})} {
    const tasker_plugin_v0* table = entry(host_.table.table());
    if (table == nullptr) {
        throw PluginError("its entry refused this host (plugin ABI " + std::to_string(TASKER_ABI_MAJOR) +
                              "." + std::to_string(TASKER_ABI_MINOR) + ")",
                          "rebuild the plugin with this host's SDK");
    }
    descriptor_ = read_descriptor(table);
    require_equal(notes, descriptor_);
    if (const auto config = options.plugin_config_json.find(descriptor_.id);
        config != options.plugin_config_json.end()) {
        config_json_ = config->second;
    }
    host_.table.open(descriptor_.id, config_json_);
    init();
}

void Plugin::init() {
    if (descriptor_.table.init == nullptr) return;
    ErrorText error;
    const int32_t status =
        descriptor_.table.init(descriptor_.original, host_.table.table(), &state_, error.sink());
    if (status == TASKER_OK) return;
    const std::string text = error.text();
    throw PluginError("init() of plugin " + descriptor_.id + " failed with " + status_name(status) +
                      (text.empty() ? "" : ": " + text));
}

Plugin::~Plugin() {
    if (descriptor_.table.shutdown != nullptr) descriptor_.table.shutdown(descriptor_.original, state_);
}

std::shared_ptr<Plugin> load_plugin(const std::filesystem::path& copy, const PluginNotes& notes,
                                    const PluginOptions& options, const Logger& log) {
    const SharedObject object(copy);
    const auto entry = reinterpret_cast<tasker_plugin_entry_v0_fn>(object.function(TASKER_ENTRY_SYMBOL));
    return std::make_shared<Plugin>(entry, notes, options, log);
}

}  // namespace tasker::host
