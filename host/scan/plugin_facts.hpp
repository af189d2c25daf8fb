#pragma once
// What a plugin says of itself once its code was asked: the part of a probe's report that is kept with the verdict. Pure.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "host/loader/plugin_notes.hpp"
#include "host/registry/handler.hpp"

namespace tasker::host {

struct PluginFacts {
    std::string id, version, sdk, abi;  // abi: "0.1"
    std::vector<HandlerInfo> handlers;  // without `source`
    std::vector<std::string> publishers, subscribers;
    std::vector<ResolverNote> resolvers;
};

// One JSON object on one line.
std::string facts_json(const PluginFacts& facts);
// Nothing when the text is not one that facts_json can have written: it comes from a process that ran foreign code. `json`
// is valid JSON (json_fault).
std::optional<PluginFacts> read_facts(std::string_view json);

}  // namespace tasker::host
