#include "host/supervisor/manifest_store.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <nlohmann/json.hpp>
#include <system_error>

#include "host/core/durable_file.hpp"
#include "host/core/error.hpp"
#include "host/core/sha256.hpp"

namespace tasker::host {

namespace {
namespace fs = std::filesystem;
using nlohmann::json;

constexpr std::size_t kMaxBytes = std::size_t{64} << 20U;

// A namespace is a name of a template, so it may hold what a file name cannot.
std::string file_name(const std::string& name) {
    static constexpr char kDigits[] = "0123456789abcdef";
    std::string out;
    for (const char c : name) {
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                           c == '_' || c == '-';
        if (plain) {
            out += c;
        } else {
            const auto byte = static_cast<unsigned char>(c);
            out += '%';
            out += kDigits[byte >> 4U];
            out += kDigits[byte & 15U];
        }
    }
    return out;
}

Generation number_in(std::string_view text) {
    Generation number = 0;
    const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), number);
    return fault == std::errc{} && end == text.data() + text.size() ? number : 0;
}

std::vector<ManifestPlugin> plugins_in(const json& list) {
    std::vector<ManifestPlugin> plugins;
    for (const json& one : list) {
        ManifestPlugin plugin{one.at("file"), one.at("sha256"), one.at("id"), one.at("version")};
        // They become a path.
        if (!is_sha256_hex(plugin.sha256) || plugin.file.find('/') != std::string::npos ||
            plugin.file.empty())
            throw std::invalid_argument("no plugin");
        plugin.namespaces = one.value("namespaces", std::vector<std::string>{});
        plugin.path = one.value("path", "");
        plugins.push_back(std::move(plugin));
    }
    return plugins;
}

std::vector<ManifestTemplate> templates_in(const json& list) {
    std::vector<ManifestTemplate> templates;
    for (const json& one : list) templates.push_back({one.at("path"), one.at("definition")});
    return templates;
}

json list_of(const std::vector<ManifestTemplate>& templates) {
    json list = json::array();
    for (const ManifestTemplate& one : templates)
        list.push_back({{"path", one.path}, {"definition", one.definition}});
    return list;
}

json list_of(const std::vector<ManifestPlugin>& plugins) {
    json list = json::array();
    for (const ManifestPlugin& plugin : plugins) {
        list.push_back({{"file", plugin.file},
                        {"sha256", plugin.sha256},
                        {"id", plugin.id},
                        {"version", plugin.version},
                        {"namespaces", plugin.namespaces},
                        {"path", plugin.path}});
    }
    return list;
}
}  // namespace

std::string to_json(const std::vector<ManifestPlugin>& plugins) {
    return list_of(plugins).dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string to_json(const GenerationManifest& manifest) {
    const json document{{"namespace", manifest.namespace_name},
                        {"generation", manifest.generation},
                        {"made_ms", manifest.made_ms},
                        {"why", manifest.why},
                        {"loaded", manifest.loaded},
                        {"chosen", manifest.chosen},
                        {"plugins", list_of(manifest.plugins)},
                        {"templates", list_of(manifest.templates)},
                        {"missing", manifest.missing},
                        {"copy_of", manifest.copy_of},
                        {"instead_of", manifest.instead_of}};
    return document.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

std::optional<std::vector<ManifestPlugin>> manifest_plugins_from(const std::string& text) {
    try {
        return plugins_in(json::parse(text));
    } catch (const std::exception&) {
        return std::nullopt;
    }
}

std::optional<GenerationManifest> manifest_from(const std::string& text) {
    try {
        const json document = json::parse(text);
        GenerationManifest manifest;
        manifest.namespace_name = document.at("namespace");
        manifest.generation = document.at("generation");
        manifest.made_ms = document.at("made_ms");
        manifest.why = document.at("why");
        manifest.loaded = document.at("loaded");
        manifest.chosen = document.at("chosen");
        manifest.plugins = plugins_in(document.at("plugins"));
        manifest.templates = templates_in(document.at("templates"));
        manifest.missing = document.at("missing");
        manifest.copy_of = document.value("copy_of", Generation{0});
        manifest.instead_of = document.value("instead_of", Generation{0});
        return manifest;
    } catch (const std::exception&) {
        return std::nullopt;
    }
}

fs::path ManifestStore::folder_of(const std::string& namespace_name) const {
    return folder_ / file_name(namespace_name);
}

fs::path ManifestStore::path(const std::string& namespace_name, Generation generation) const {
    return folder_of(namespace_name) / (std::to_string(generation) + ".json");
}

std::vector<Generation> ManifestStore::numbers(const std::string& namespace_name) const {
    std::vector<Generation> all;
    std::error_code fault;
    for (fs::directory_iterator entry(folder_of(namespace_name), fault), end; !fault && entry != end;
         entry.increment(fault)) {
        if (entry->path().extension() != ".json") continue;
        if (const Generation number = number_in(entry->path().stem().string()); number != 0)
            all.push_back(number);
    }
    std::ranges::sort(all);
    return all;
}

void ManifestStore::save(const GenerationManifest& manifest) const {
    const fs::path folder = folder_of(manifest.namespace_name);
    std::error_code fault;
    fs::create_directories(folder, fault);
    fs::permissions(folder_, fs::perms::owner_all, fault);
    write_durably(path(manifest.namespace_name, manifest.generation), to_json(manifest));
    const std::vector<Generation> all = numbers(manifest.namespace_name);
    const Generation kept = good(manifest.namespace_name);
    for (std::size_t i = 0; i + kKept < all.size(); ++i) {
        if (all[i] != kept) fs::remove(path(manifest.namespace_name, all[i]), fault);
    }
}

void ManifestStore::set_good(const std::string& namespace_name, Generation generation) const {
    std::error_code fault;
    fs::create_directories(folder_of(namespace_name), fault);
    write_durably(folder_of(namespace_name) / "good", std::to_string(generation));
}

std::optional<GenerationManifest> ManifestStore::load(const std::string& namespace_name,
                                                      Generation generation) const {
    const auto text = read_whole(path(namespace_name, generation), kMaxBytes);
    if (!text) return std::nullopt;
    auto manifest = manifest_from(*text);
    // Not one that was copied there.
    if (manifest && (manifest->namespace_name != namespace_name || manifest->generation != generation))
        return std::nullopt;
    return manifest;
}

Generation ManifestStore::newest(const std::string& namespace_name) const {
    const auto all = numbers(namespace_name);
    return std::max(all.empty() ? 0 : all.back(), good(namespace_name));
}

Generation ManifestStore::good(const std::string& namespace_name) const {
    const auto text = read_whole(folder_of(namespace_name) / "good");
    return text ? number_in(*text) : 0;
}

}  // namespace tasker::host
