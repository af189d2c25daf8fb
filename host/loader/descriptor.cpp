#include "host/loader/descriptor.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <optional>
#include <set>
#include <string_view>

#include "host/core/error.hpp"
#include "host/core/json_text.hpp"
#include "host/loader/memory_probe.hpp"
#include "host/loader/printable.hpp"
#include "host/model/input_schema.hpp"

namespace tasker::host {

namespace {
constexpr std::size_t kMaxHandlers = 1024;
constexpr std::size_t kMaxMethods = 64;
constexpr std::size_t kMaxStruct = 4096;
constexpr std::size_t kMaxName = 256;
constexpr std::size_t kMaxSummary = 4096;
constexpr std::size_t kMaxSchema = std::size_t{1} << 20U;

[[noreturn]] void invalid(const std::string& member, const std::string& fault) {
    throw PluginError("invalid plugin table: " + member + " " + fault,
                      "rebuild the plugin with this host's SDK");
}

// Reads the plugin's structures; `at` names the place for errors ("handlers[2]").
class Reader {
  public:
    template <class T>
    T table(const T* from, const std::string& at) const {
        if (from == nullptr) invalid(at, "is NULL");
        if (reinterpret_cast<std::uintptr_t>(from) % alignof(T) != 0) invalid(at, "is not aligned");
        std::uint32_t size = 0;
        if (!probe_.copy(&size, from, sizeof size)) invalid(at, "points to nowhere");
        if (size < sizeof(T)) {
            invalid(at + ".struct_size", "is " + std::to_string(size) + ", ABI " +
                                             std::to_string(TASKER_ABI_MAJOR) + "." +
                                             std::to_string(TASKER_ABI_MINOR) + " of this host needs " +
                                             std::to_string(sizeof(T)));
        }
        if (size > kMaxStruct || size % 8 != 0)
            invalid(at + ".struct_size", "is " + std::to_string(size) + ", which no version has");
        T copy;
        if (!probe_.copy(&copy, from, sizeof(T))) invalid(at, "points to nowhere");
        return copy;
    }
    std::string text(const char* from, const std::string& at, std::size_t max_bytes) const {
        if (from == nullptr) return {};
        const auto read = probe_.text(from, max_bytes);
        if (!read) invalid(at, "is not readable, or longer than " + std::to_string(max_bytes) + " bytes");
        return *read;
    }
    std::string required_text(const char* from, const std::string& at) const {
        if (from == nullptr) invalid(at, "is NULL");
        std::string read = text(from, at, kMaxName);
        if (read.empty()) invalid(at, "is empty");
        if (read != clean_utf8(read, kMaxName) || printable(read, kMaxName) != read)
            invalid(at, "is not plain text: '" + printable(read) + "'");
        return read;
    }
    template <class T>
    T element(const T* array, std::size_t index, const std::string& at) const {
        T value{};
        if (!probe_.copy(&value, array + index, sizeof(T))) invalid(at, "is not readable");
        return value;
    }

  private:
    MemoryProbe probe_;
};

std::string kind_name(std::uint32_t kind, const std::string& at) {
    switch (kind) {
        case TASKER_KIND_STEP:
            return "step";
        case TASKER_KIND_DECISION:
            return "decision";
        case TASKER_KIND_BATCH_ANALYZER:
            return "batch_analyzer";
        case TASKER_KIND_BATCH_WORKER:
            return "batch_worker";
        default:
            invalid(at + ".kind", "is " + std::to_string(kind) + ", which this host does not know");
    }
}

Threading threading_of(std::uint32_t threads, const std::string& at) {
    switch (threads) {
        case TASKER_THREADS_SERIAL:
            return Threading::Serial;
        case TASKER_THREADS_REENTRANT:
            return Threading::Reentrant;
        case TASKER_THREADS_AFFINE:
            return Threading::Affine;
        default:
            invalid(at + ".threads", "is " + std::to_string(threads) + ", which this host does not know");
    }
}

std::string read_callable(const Reader& reader, const char* from, const std::string& at) {
    if (from == nullptr) invalid(at, "is NULL");
    const auto name = reader.text(from, at, std::size_t{64} << 10U);
    if (!is_callable_name(name)) {
        invalid(at,
                "is an invalid callable name '" + printable(name, 60) + "': 1 to 128 of A-Z a-z 0-9 _ . : -");
    }
    return name;
}

std::string read_schema(const Reader& reader, const char* from, const std::string& at) {
    std::string json = reader.text(from, at, kMaxSchema);
    if (json.empty()) return json;
    if (const auto fault = json_fault(json)) invalid(at, "is " + *fault);
    // What it cannot say at a step is said here, once.
    for (const SchemaRemark& remark : InputSchema(json).remarks()) {
        if (remark.unusable)
            invalid(at, "cannot be used: " + (remark.pointer.empty() ? "" : remark.pointer + " ") +
                            remark.message);
    }
    return json;
}

HandlerDescriptor read_handler(const Reader& reader, const tasker_handler_v0* from, const std::string& at) {
    HandlerDescriptor handler;
    handler.original = from;
    handler.table = reader.table(from, at);
    const tasker_handler_v0& table = handler.table;
    HandlerInfo& info = handler.info;
    info.callable = read_callable(reader, table.callable, at + ".callable");
    info.kind = kind_name(table.kind, at);
    info.threading = threading_of(table.threads, at);
    info.max_instances = table.max_instances;
    info.capabilities = table.capabilities;
    info.summary = clean_utf8(reader.text(table.summary, at + ".summary", kMaxSummary), kMaxSummary);
    if (table.call == nullptr) invalid(at + ".call", "is NULL");
    if (table.method_count > kMaxMethods)
        invalid(at + ".method_count", "is " + std::to_string(table.method_count) + ", more than 64");
    if (table.method_count > 0 && table.methods == nullptr) invalid(at + ".methods", "is NULL");
    for (std::size_t i = 0; i < table.method_count; ++i) {
        const std::string member = at + ".methods[" + std::to_string(i) + "]";
        info.methods.push_back(reader.required_text(reader.element(table.methods, i, member), member));
    }
    info.config_schema_json = read_schema(reader, table.config_schema_json, at + ".config_schema_json");
    info.input_schema_json = read_schema(reader, table.input_schema_json, at + ".input_schema_json");
    info.result_schema_json = read_schema(reader, table.result_schema_json, at + ".result_schema_json");
    if (table.version != nullptr) info.plugin_version = reader.required_text(table.version, at + ".version");
    return handler;
}

void read_handlers(const Reader& reader, PluginDescriptor& plugin) {
    const tasker_plugin_v0& table = plugin.table;
    if (table.handler_count == 0 || table.handler_count > kMaxHandlers) {
        invalid("handler_count", "is " + std::to_string(table.handler_count) + ", must be 1 to " +
                                     std::to_string(kMaxHandlers));
    }
    if (table.handlers == nullptr) invalid("handlers", "is NULL");
    std::set<std::string> seen;
    for (std::size_t i = 0; i < table.handler_count; ++i) {
        const std::string at = "handlers[" + std::to_string(i) + "]";
        HandlerDescriptor handler = read_handler(reader, reader.element(table.handlers, i, at), at);
        if (!seen.insert(handler.info.callable).second)
            invalid(at + ".callable", "'" + handler.info.callable + "' is there twice");
        handler.info.plugin_id = plugin.id;
        if (handler.info.plugin_version.empty()) handler.info.plugin_version = plugin.version;
        plugin.handlers.push_back(std::move(handler));
    }
}

[[noreturn]] void differs(const std::string& what, const std::string& note, const std::string& code) {
    throw PluginError("its note and its code disagree: " + what + " is '" + printable(note) +
                          "' in the note and '" + printable(code) + "' in the plugin table",
                      "rebuild the plugin; do not edit its notes");
}

// In one order, since a list of methods has none.
std::string listed(std::vector<std::string> names) {
    std::sort(names.begin(), names.end());
    std::string text;
    for (const auto& name : names) text += (text.empty() ? "" : ", ") + name;
    return text;
}

void require_equal_handlers(const Manifest& manifest, const PluginDescriptor& plugin) {
    if (manifest.handlers.size() != plugin.handlers.size()) {
        differs("the number of handlers", std::to_string(manifest.handlers.size()),
                std::to_string(plugin.handlers.size()));
    }
    for (const auto& noted : manifest.handlers) {
        const auto same =
            std::find_if(plugin.handlers.begin(), plugin.handlers.end(),
                         [&](const auto& handler) { return handler.info.callable == noted.callable; });
        if (same == plugin.handlers.end()) differs("a callable", noted.callable, "(absent)");
        if (!noted.kind.empty() && noted.kind != same->info.kind)
            differs("the kind of " + noted.callable, noted.kind, same->info.kind);
        const std::string noted_methods = listed(noted.methods), methods = listed(same->info.methods);
        if (manifest.with_methods.contains(noted.callable) && noted_methods != methods)
            differs("the methods of " + noted.callable, noted_methods, methods);
    }
}
}  // namespace

PluginDescriptor read_descriptor(const tasker_plugin_v0* from) {
    const Reader reader;
    PluginDescriptor plugin;
    plugin.original = from;
    // The version before the sizes: what another major means by them is not known.
    if (from != nullptr && reinterpret_cast<std::uintptr_t>(from) % alignof(tasker_plugin_v0) == 0) {
        constexpr std::size_t kVersions = offsetof(tasker_plugin_v0, reserved0);
        tasker_plugin_v0 head{};
        if (MemoryProbe().copy(&head, from, kVersions)) {
            plugin.abi = {head.abi_major, head.abi_minor, head.min_host_minor};
            if (head.struct_size >= kVersions) require_compatible(plugin.abi, {});
        }
    }
    plugin.table = reader.table(from, "plugin");
    if (plugin.table.reserved0 != 0 || plugin.table.reserved1 != 0) invalid("a reserved member", "is not 0");
    plugin.id = reader.required_text(plugin.table.id, "id");
    plugin.version = reader.required_text(plugin.table.version, "version");
    plugin.sdk = clean_utf8(reader.text(plugin.table.sdk, "sdk", kMaxName), kMaxName);
    read_handlers(reader, plugin);
    return plugin;
}

void require_equal(const PluginNotes& notes, const PluginDescriptor& plugin) {
    if (notes.abi.str() != plugin.abi.str()) differs("the ABI", notes.abi.str(), plugin.abi.str());
    if (notes.abi.min_host_minor != plugin.abi.min_host_minor) {
        differs("min_host_minor", std::to_string(notes.abi.min_host_minor),
                std::to_string(plugin.abi.min_host_minor));
    }
    if (!notes.manifest) return;
    const Manifest& manifest = *notes.manifest;
    if (!manifest.id.empty() && manifest.id != plugin.id) differs("the id", manifest.id, plugin.id);
    if (!manifest.version.empty() && manifest.version != plugin.version)
        differs("the version", manifest.version, plugin.version);
    if (!manifest.sdk.empty() && clean_utf8(manifest.sdk, kMaxName) != plugin.sdk)
        differs("the SDK", manifest.sdk, plugin.sdk);
    if (manifest.with_handlers) require_equal_handlers(manifest, plugin);
}

void require_equal_extensions(const Manifest& manifest, const std::vector<std::string>& publishers,
                              const std::vector<std::string>& subscribers,
                              const std::vector<ResolverNote>& resolvers) {
    const auto same_names = [](const char* what, const std::optional<std::vector<std::string>>& noted,
                               const std::vector<std::string>& names) {
        if (noted && listed(*noted) != listed(names)) differs(what, listed(*noted), listed(names));
    };
    same_names("the list of publishers", manifest.publishers, publishers);
    same_names("the list of subscribers", manifest.subscribers, subscribers);
    if (!manifest.resolvers) return;
    std::vector<std::string> noted, found;
    const auto said = [](const ResolverNote& note) {
        return note.name + " (" + std::to_string(note.priority) + ") " +
               (note.pattern.empty() ? "prefix " + note.prefix : "pattern " + note.pattern);
    };
    for (const ResolverNote& note : *manifest.resolvers) noted.push_back(said(note));
    for (const ResolverNote& note : resolvers) found.push_back(said(note));
    same_names("the list of resolvers", noted, found);
}

}  // namespace tasker::host
