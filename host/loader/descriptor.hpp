#pragma once
// The table that a plugin's entry returned, checked member by member before anything uses it.

#include <tasker/abi.h>

#include <string>
#include <vector>

#include "host/loader/plugin_notes.hpp"
#include "host/registry/handler.hpp"

namespace tasker::host {

struct HandlerDescriptor {
    const tasker_handler_v0* original = nullptr;  // what the plugin's functions expect to be given
    tasker_handler_v0 table{};                    // a copy, zero beyond what the plugin's build knows
    HandlerInfo info;                             // `source` is left empty
};

struct PluginDescriptor {
    const tasker_plugin_v0* original = nullptr;
    tasker_plugin_v0 table{};
    std::string id, version, sdk;
    AbiVersion abi;
    std::vector<HandlerDescriptor> handlers;
};

// Throws PluginError that names the member at fault.
PluginDescriptor read_descriptor(const tasker_plugin_v0* plugin);

// Throws PluginError on the first difference between what the file's notes say and what its code says.
void require_equal(const PluginNotes& notes, const PluginDescriptor& plugin);
// The same of its extensions; what the manifest does not list is not compared.
void require_equal_extensions(const Manifest& manifest, const std::vector<std::string>& publishers,
                              const std::vector<std::string>& subscribers,
                              const std::vector<ResolverNote>& resolvers);

}  // namespace tasker::host
