#pragma once
// What each generation of a namespace was made of, on the disk: <folder>/<namespace>/<number>.json, and which of them was
// the last good one. The supervisor is the only writer. Files are written beside their place and renamed, so a death leaves
// the old one.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "host/model/slot.hpp"

namespace tasker::host {

struct ManifestPlugin {
    std::string file;    // "orders.so"
    std::string sha256;  // of its content: the copy in the plugin cache
    std::string id, version;
    std::vector<std::string> namespaces{};  // whose templates use it; empty: any may
    std::string path{};                     // of the file that was copied; for people

    bool operator==(const ManifestPlugin&) const = default;
};

struct ManifestTemplate {
    std::string path;        // of the file that said it
    std::string definition;  // canonical JSON

    bool operator==(const ManifestTemplate&) const = default;
};

struct GenerationManifest {
    std::string namespace_name;
    Generation generation = 0;
    std::int64_t made_ms = 0;  // wall clock
    std::string why;           // "start", "restart", "SIGHUP"
    bool loaded = false;       // a process has loaded it: `plugins` says what that was
    bool chosen = false;  // a scan has found it: all of the following says what that was, loaded or not yet
    std::vector<ManifestPlugin> plugins;
    std::vector<ManifestTemplate> templates;  // of the namespace
    std::vector<std::string> missing;         // callables that its templates ask for in vain
    Generation copy_of =
        0;  // the generation that was made of the folders and is run again; 0: it is itself one
    Generation instead_of =
        0;  // a rollback: what the folders held then, until they hold something else; 0: none

    bool operator==(const GenerationManifest&) const = default;
};

std::string to_json(const GenerationManifest& manifest);
// Nothing when the text is none.
std::optional<GenerationManifest> manifest_from(const std::string& json);
// The plugins of a READY message: a JSON list of {"file", "sha256", "id", "version", "namespaces"}, the last of which may be
// absent. Nothing when the text is none.
std::optional<std::vector<ManifestPlugin>> manifest_plugins_from(const std::string& json);
std::string to_json(const std::vector<ManifestPlugin>& plugins);

class ManifestStore {
  public:
    // The folder is made when something is written.
    explicit ManifestStore(std::filesystem::path folder) : folder_(std::move(folder)) {}

    std::filesystem::path path(const std::string& namespace_name, Generation generation) const;
    // Durable when it returns. Throws Error (path, reason). Of each namespace the newest `kKept` and the good one stay.
    void save(const GenerationManifest& manifest) const;
    void set_good(const std::string& namespace_name, Generation generation) const;
    // Nothing when there is none, or it is damaged.
    std::optional<GenerationManifest> load(const std::string& namespace_name, Generation generation) const;
    // 0: there is none.
    Generation newest(const std::string& namespace_name) const;
    Generation good(const std::string& namespace_name) const;

    static constexpr std::size_t kKept = 10;

  private:
    std::filesystem::path folder_of(const std::string& namespace_name) const;
    std::vector<Generation> numbers(const std::string& namespace_name) const;

    std::filesystem::path folder_;
};

}  // namespace tasker::host
