#pragma once
// Discovery of plugin files: roots -> one verdict a file, and a registry of what loaded. Call from one
// thread.

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "host/core/error.hpp"
#include "host/loader/plugin_notes.hpp"
#include "host/logging/logger.hpp"
#include "host/registry/event_extensions.hpp"
#include "host/registry/handler_registry.hpp"

namespace tasker::host {

struct PluginOptions {
    std::vector<std::filesystem::path> roots;  // scanned one level deep for *.so, sorted
    std::vector<std::filesystem::path> files;  // these and nothing else, when there are any
    std::map<std::filesystem::path, std::filesystem::path>
        origins;                      // of `files` that are copies: what reports call them
    std::filesystem::path cache_dir;  // private content-addressed copies; made 0700
    bool relax_permissions = false;   // each relaxed fault is a warning instead of a refusal
    std::map<std::string, std::string>
        plugin_config_json;                 // plugin id -> its configuration section, given to create()
    std::string worker_id, namespace_name;  // told to plugins through the host table
    std::map<std::string, std::string> quarantined;  // sha256 -> why: skipped with a warning
};

struct PluginReport {
    std::filesystem::path path;
    std::string
        state;  // loaded, rejected, quarantined, duplicate (of a callable or a resolver), copy (the same
                // file once more, loaded once)
    std::string reason;          // why not; with the remedy. Empty when loaded
    std::filesystem::path copy;  // in the cache, of one that is loaded
    std::string hash;            // sha256 of the content; empty when it could not be read
    std::uint64_t bytes = 0;
    std::string id, version, sdk, abi;  // abi: "0.0"
    std::vector<HandlerInfo> handlers;
    // Domain events' publishers and subscribers, and resolvers; of a file that is not loaded as its manifest lists them.
    std::vector<std::string> publishers, subscribers;
    std::vector<ResolverNote> resolvers;
    std::vector<std::string> warnings;
};

struct LoadedPlugins {
    HandlerRegistry registry;                       // with the plugins' resolvers, of equal priority by name
    std::shared_ptr<const EventExtensions> events;  // never null
    std::vector<PluginReport> reports;              // one a file, sorted by path
};

// The seed's HandlerRegistry.instance(). Never throws for what a file contains. Never unloads: a plugin stays
// mapped until the process ends. Shutdown hooks of plugins run when `keep_alive` of the last handler is gone.
LoadedPlugins load_plugins(const PluginOptions& options, const Logger& log);

// What can be said of a file without running any of its code (permissions, ELF, notes, manifest).
PluginReport inspect_plugin(const std::filesystem::path& file, const PluginOptions& options);

}  // namespace tasker::host
