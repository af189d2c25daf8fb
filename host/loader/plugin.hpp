#pragma once
// A plugin that was loaded, checked and initialised. Its handlers and their instances share it; when the last of them
// is gone, its shutdown() runs. Its code stays mapped.

#include <tasker/abi.h>

#include <filesystem>
#include <memory>
#include <string>

#include "host/loader/descriptor.hpp"
#include "host/loader/host_table.hpp"
#include "host/loader/plugin_cache.hpp"
#include "host/loader/plugin_notes.hpp"
#include "host/loader/plugin_set.hpp"
#include "host/logging/logger.hpp"

namespace tasker::host {

class Plugin {
  public:
    // Calls the entry, checks what it returns, calls init(). Throws PluginError.
    Plugin(const tasker_plugin_v0* (*entry)(const tasker_host_v0*)TASKER_NOEXCEPT, const PluginNotes& notes,
           const PluginOptions& options, const Logger& log);
    ~Plugin();
    Plugin(const Plugin&) = delete;
    Plugin& operator=(const Plugin&) = delete;

    const PluginDescriptor& descriptor() const { return descriptor_; }
    const tasker_host_v0* host() const { return host_.table.table(); }
    const std::string& config_json() const { return config_json_; }
    void* state() const { return state_; }

  private:
    // Closes the table also when the constructor throws, so that no log sink is kept for ever.
    struct HostLease {
        HostTable& table;
        ~HostLease() { table.close(); }
    };

    void init();

    HostLease host_;
    PluginDescriptor descriptor_;
    std::string config_json_ = "{}";
    void* state_ = nullptr;
};

// Loads the private copy of a plugin file. Throws PluginError.
std::shared_ptr<Plugin> load_plugin(const std::filesystem::path& copy, const PluginNotes& notes,
                                    const PluginOptions& options, const Logger& log);

}  // namespace tasker::host
