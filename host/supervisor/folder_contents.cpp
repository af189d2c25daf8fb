#include "host/supervisor/folder_contents.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace tasker::host {

namespace {
using nlohmann::json;

// A plugin of `a` that its namespace may use and `b` does not have.
bool has_other_plugin(const GenerationManifest& a, const GenerationManifest& b) {
    return std::ranges::any_of(a.plugins, [&](const ManifestPlugin& plugin) {
        const auto& users = plugin.namespaces;
        if (!users.empty() && std::ranges::find(users, a.namespace_name) == users.end()) return false;
        return std::ranges::find(b.plugins, plugin.sha256, &ManifestPlugin::sha256) == b.plugins.end();
    });
}

std::vector<std::string> definitions(const GenerationManifest& manifest) {
    std::vector<std::string> all;
    for (const ManifestTemplate& one : manifest.templates) all.push_back(one.definition);
    std::ranges::sort(all);
    return all;
}

std::string text_or_empty(const json& object, const char* key) {
    const auto found = object.find(key);
    return found != object.end() && found->is_string() ? found->get<std::string>() : std::string{};
}
}  // namespace

std::set<std::string> FolderContents::namespaces() const {
    std::set<std::string> all;
    for (const Template& one : templates) all.insert(one.namespace_name);
    return all;
}

GenerationManifest FolderContents::manifest(const std::string& namespace_name) const {
    GenerationManifest manifest;
    manifest.namespace_name = namespace_name;
    manifest.chosen = true;
    manifest.plugins = plugins;
    for (const Template& one : templates) {
        if (one.namespace_name == namespace_name) manifest.templates.push_back(one.what);
    }
    for (const Missing& one : missing) {
        if (one.namespace_name == namespace_name) manifest.missing = one.callables;
    }
    return manifest;
}

std::optional<FolderContents> contents_from(const std::string& text) {
    try {
        const json document = json::parse(text);
        FolderContents contents;
        auto plugins = manifest_plugins_from(document.at("manifest").dump());
        if (!plugins) return std::nullopt;
        contents.plugins = std::move(*plugins);
        for (const json& one : document.at("templates"))
            contents.templates.push_back({one.at("namespace"), {one.at("path"), one.at("definition")}});
        for (const auto& [name, callables] : document.at("missing").items())
            contents.missing.push_back({name, callables});
        for (const json& one : document.at("plugins")) {
            const std::string state = one.at("state");
            if (state == "loaded" || state == "copy") continue;
            contents.refused.push_back(
                {one.at("path"), state, text_or_empty(one, "hash"), text_or_empty(one, "reason")});
        }
        contents.findings = document.at("template_findings").get<std::vector<std::string>>();
        for (const json& one : document.at("warnings")) contents.findings.push_back(one);
        contents.link_findings = document.at("link_findings").get<std::vector<std::string>>();
        contents.kept_templates = document.at("kept_templates");
        contents.settling = document.at("settling");
        return contents;
    } catch (const std::exception&) {
        return std::nullopt;
    }
}

bool same_for_workers(const GenerationManifest& a, const GenerationManifest& b) {
    return a.chosen == b.chosen && !has_other_plugin(a, b) && !has_other_plugin(b, a) &&
           definitions(a) == definitions(b);
}

std::optional<std::string> refusal(const GenerationManifest& running, const GenerationManifest& next) {
    if (!running.chosen) return std::nullopt;  // what it had is not known
    if (next.templates.empty() && !running.templates.empty())
        return "the folders have no template of the namespace any more (worker drain " +
               running.namespace_name + " ends its worker)";
    std::string gone;
    for (const std::string& callable : next.missing) {
        if (std::ranges::find(running.missing, callable) != running.missing.end()) continue;
        const bool asked_before = std::ranges::any_of(running.templates, [&](const ManifestTemplate& one) {
            return one.definition.find(json(callable).dump()) != std::string::npos;
        });
        // A new template that asks for what is not there yet takes nothing away from the others.
        if (asked_before) gone += (gone.empty() ? "'" : ", '") + callable + "'";
    }
    if (gone.empty()) return std::nullopt;
    return "no plugin offers " + gone + " any more";
}

}  // namespace tasker::host
