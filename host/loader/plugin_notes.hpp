#pragma once
// What the pre-check of a plugin file comes to: the rules over its ELF facts and its TASKER notes. No code of the file
// runs. Pure.

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "host/registry/handler.hpp"

namespace tasker::host {

struct AbiVersion {
    std::uint16_t major = 0, minor = 0, min_host_minor = 0;
    std::string str() const { return std::to_string(major) + "." + std::to_string(minor); }
};

// A resolver of a plugin, as it is declared.
struct ResolverNote {
    std::string name;
    int priority = 0;
    std::string prefix, pattern;  // one of the two
    friend bool operator==(const ResolverNote&, const ResolverNote&) = default;
};

// The manifest of the note, as far as it says something: what it leaves out is not compared with the descriptor.
struct Manifest {
    std::string id, version, sdk;                                     // empty: left out
    std::vector<HandlerInfo> handlers;                                // each callable once
    bool with_handlers = false;                                       // it lists them
    std::set<std::string> with_methods;                               // the callables whose methods it lists
    std::optional<std::vector<std::string>> publishers, subscribers;  // names; nullopt: not listed
    std::optional<std::vector<ResolverNote>> resolvers;
};

struct PluginNotes {
    AbiVersion abi;
    std::optional<Manifest> manifest;
    std::vector<std::string> warnings;
};

// Throws PluginError when the file must not be loaded.
PluginNotes precheck_plugin(std::string_view file);

// The JSON of a manifest note. Throws PluginError.
Manifest read_manifest(std::string_view json);

// The rule of versions, shared by note and descriptor. Throws PluginError with both versions and the remedy.
void require_compatible(const AbiVersion& plugin, std::string_view sdk);

// 1 to 128 of [A-Za-z0-9_.:-].
bool is_callable_name(std::string_view name);

}  // namespace tasker::host
