#pragma once
// What lies in the plugin and template folders, as a scan tells it, and what that means for a namespace. Pure.

#include <cstddef>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "host/supervisor/manifest_store.hpp"

namespace tasker::host {

// A plugin file that is not used, and why.
struct RefusedFile {
    std::string path;
    std::string state;   // rejected, quarantined, settling, unknown, duplicate
    std::string sha256;  // empty: it could not be read
    std::string reason;

    bool operator==(const RefusedFile&) const = default;
};

struct FolderContents {
    struct Template {
        std::string namespace_name;
        ManifestTemplate what;
    };
    struct Missing {
        std::string namespace_name;
        std::vector<std::string> callables;
    };
    std::vector<ManifestPlugin> plugins;
    std::vector<Template> templates;
    std::vector<Missing> missing;
    std::vector<RefusedFile> refused;
    // For people: what is wrong with templates and with the scan; templates that stay as they were because their file cannot be used now.
    std::vector<std::string> findings, kept_templates;
    std::vector<std::string> link_findings;  // what templates ask of plugins in vain, for people
    std::size_t settling = 0;                // files that may still be being written

    std::set<std::string> namespaces() const;
    // A generation of this; without its number and reason.
    GenerationManifest manifest(const std::string& namespace_name) const;
};

// From the document of a scan (`scan`); nothing when the text is none.
std::optional<FolderContents> contents_from(const std::string& document);

// Whether a worker of the namespace would be another one: its templates, or plugins that it may use, differ.
bool same_for_workers(const GenerationManifest& a, const GenerationManifest& b);
// Why `next` must not take the place of `running`: callables that its templates ask for were there and are not any more, or
// none of its templates is there any more.
// Nothing: it may.
std::optional<std::string> refusal(const GenerationManifest& running, const GenerationManifest& next);

}  // namespace tasker::host
