#include "host/loader/plugin_notes.hpp"

#include <tasker/abi.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <span>
#include <system_error>

#include "host/core/error.hpp"
#include "host/core/json_text.hpp"
#include "host/core/json_view.hpp"
#include "host/loader/elf_file.hpp"
#include "host/loader/printable.hpp"

namespace tasker::host {

namespace {
std::string own_abi() { return std::to_string(TASKER_ABI_MAJOR) + "." + std::to_string(TASKER_ABI_MINOR); }

void check_run_paths(const ElfFacts& facts) {
    for (const auto path : facts.run_paths) {
        std::string_view rest = path;
        while (true) {
            const auto colon = rest.find(':');
            const auto folder = rest.substr(0, colon);
            std::string why;
            if (folder.empty())
                why = "an empty entry, which means the working directory";
            else if (folder.find("$ORIGIN") != std::string_view::npos ||
                     folder.find("${ORIGIN}") != std::string_view::npos) {
                why = "$ORIGIN, which does not lead to the plugin's folder because a private copy is loaded";
            } else if (folder.front() != '/')
                why = "a relative folder, so it depends on the working directory";
            if (!why.empty()) {
                throw PluginError("its RUNPATH '" + printable(path) + "' has " + why,
                                  "link with absolute folders only, or remove it: patchelf --remove-rpath");
            }
            if (colon == std::string_view::npos) break;
            rest.remove_prefix(colon + 1);
        }
    }
}

void check_entry(const ElfFacts& facts) {
    if (!facts.entry_found) {
        throw PluginError("no symbol '" TASKER_ENTRY_SYMBOL "'",
                          "export it: TASKER_PLUGIN in C++, or a function with TASKER_EXPORT that the "
                          "version script keeps global");
    }
    if (!facts.entry_is_function) throw PluginError("symbol '" TASKER_ENTRY_SYMBOL "' is not a function");
}

void check_hardening(const ElfFacts& facts, std::vector<std::string>& warnings) {
    if (facts.executable_stack)
        throw PluginError("asks for an executable stack", "link with -Wl,-z,noexecstack");
    if (facts.text_relocations) throw PluginError("has text relocations", "compile with -fPIC");
    if (!facts.stack_declared)
        warnings.emplace_back(
            "does not say whether it needs an executable stack; link with -Wl,-z,noexecstack");
}

void warn(const ElfFacts& facts, std::vector<std::string>& warnings) {
    if (facts.export_count > 1) {
        std::string names;
        for (const auto name : facts.exports) {
            if (name != TASKER_ENTRY_SYMBOL) names += (names.empty() ? "" : ", ") + printable(name, 80);
        }
        warnings.push_back(
            "exports " + std::to_string(facts.export_count) + " symbols instead of the entry alone (" +
            names + "); build it with tasker_add_plugin, or with hidden visibility and a version script");
    }
    constexpr std::array<std::string_view, 4> kSanitizers{"libasan", "libtsan", "libubsan", "libclang_rt"};
    for (const auto library : facts.needed) {
        const bool sanitizer = std::any_of(kSanitizers.begin(), kSanitizers.end(),
                                           [&](auto name) { return library.starts_with(name); });
        if (sanitizer)
            warnings.push_back("needs the sanitizer runtime " + printable(library) + ": a test build?");
    }
}

std::string_view text_of(const ElfNote& note) {
    return {reinterpret_cast<const char*>(note.description.data()), note.description.size()};
}

AbiVersion read_abi(const ElfNote& note) {
    std::array<std::uint16_t, 4> values{};
    if (note.description.size() != sizeof values) {
        throw PluginError(
            "its ABI note has " + std::to_string(note.description.size()) + " bytes instead of 8",
            "rebuild it with the SDK");
    }
    std::memcpy(values.data(), note.description.data(), sizeof values);
    if (values[3] != 0)
        throw PluginError("its ABI note has unknown flags " + std::to_string(values[3]),
                          "use a newer tasker-host");
    return {values[0], values[1], values[2]};
}

[[noreturn]] void damaged_manifest(const std::string& fault) {
    throw PluginError("its manifest note is damaged: " + fault, "rebuild it with the SDK");
}

// Empty when it is left out.
std::string text_member(std::string_view json, std::string_view key) {
    const auto text = json_string_member(json, key);
    if (!text && json_member(json, key)) damaged_manifest("'" + std::string(key) + "' is not a text");
    return text.value_or("");
}

bool is_array(std::string_view json) { return json.starts_with('['); }

void read_handler(std::string_view json, Manifest& manifest) {
    if (!json_is_object(json)) damaged_manifest("a handler is not an object");
    HandlerInfo info;
    info.callable = text_member(json, "callable");
    info.kind = text_member(json, "kind");
    info.summary = clean_utf8(text_member(json, "summary"), 1000);
    if (!is_callable_name(info.callable))
        throw PluginError("its manifest has an invalid callable name '" + printable(info.callable) + "'");
    const bool repeated = std::any_of(manifest.handlers.begin(), manifest.handlers.end(),
                                      [&](const auto& other) { return other.callable == info.callable; });
    if (repeated) damaged_manifest("it lists the callable '" + info.callable + "' twice");
    if (const auto methods = json_member(json, "methods")) {
        if (!is_array(*methods)) damaged_manifest("'methods' is not a list");
        manifest.with_methods.insert(info.callable);
        for (JsonWalk method(*methods); method.next();) {
            if (!method.value().starts_with('"')) damaged_manifest("a method is not a text");
            info.methods.push_back(json_unescape(method.value()));
        }
    }
    manifest.handlers.push_back(std::move(info));
}

// Calls read() with each element of a list of at most 64.
template <class Read>
void read_list(std::string_view list, const std::string& key, Read read) {
    constexpr std::size_t kMaxExtensions = 64;
    if (!is_array(list)) damaged_manifest("'" + key + "' is not a list");
    std::size_t count = 0;
    for (JsonWalk element(list); element.next();) {
        if (++count > kMaxExtensions) damaged_manifest("'" + key + "' lists more than 64");
        read(element.value());
    }
}

void require_name(const std::string& name, const std::string& key) {
    if (!is_callable_name(name))
        damaged_manifest("'" + key + "' has the invalid name '" + printable(name, 60) + "'");
}

std::optional<std::vector<std::string>> read_names(std::string_view json, const std::string& key) {
    const auto list = json_member(json, key);
    if (!list) return std::nullopt;
    std::vector<std::string> names;
    read_list(*list, key, [&](std::string_view name) {
        if (!name.starts_with('"')) damaged_manifest("'" + key + "' has a name that is not a text");
        names.push_back(json_unescape(name));
        require_name(names.back(), key);
    });
    return names;
}

std::optional<std::vector<ResolverNote>> read_resolvers(std::string_view json) {
    const auto list = json_member(json, "resolvers");
    if (!list) return std::nullopt;
    std::vector<ResolverNote> resolvers;
    read_list(*list, "resolvers", [&](std::string_view one) {
        if (!json_is_object(one)) damaged_manifest("a resolver is not an object");
        ResolverNote note;
        note.name = text_member(one, "name");
        require_name(note.name, "resolvers");
        const std::string_view priority = json_member(one, "priority").value_or("50");
        const auto [end, fault] =
            std::from_chars(priority.data(), priority.data() + priority.size(), note.priority);
        if (fault != std::errc{} || end != priority.data() + priority.size())
            damaged_manifest("the priority of resolver '" + note.name + "' is not a whole number");
        note.prefix = clean_utf8(text_member(one, "prefix"), 256);
        note.pattern = clean_utf8(text_member(one, "pattern"), 256);
        resolvers.push_back(std::move(note));
    });
    return resolvers;
}
}  // namespace

Manifest read_manifest(std::string_view json) {
    constexpr std::size_t kMaxHandlers = 1024;
    if (const auto fault = json_fault(json)) damaged_manifest(*fault);
    if (!json_is_object(json)) damaged_manifest("not an object");
    Manifest manifest;
    manifest.id = text_member(json, "id");
    manifest.version = text_member(json, "version");
    manifest.sdk = text_member(json, "sdk");
    if (const auto handlers = json_member(json, "handlers")) {
        if (!is_array(*handlers)) damaged_manifest("'handlers' is not a list");
        manifest.with_handlers = true;
        for (JsonWalk handler(*handlers); handler.next();) {
            if (manifest.handlers.size() == kMaxHandlers)
                throw PluginError("its manifest lists more than 1024 handlers");
            read_handler(handler.value(), manifest);
        }
    }
    manifest.publishers = read_names(json, "publishers");
    manifest.subscribers = read_names(json, "subscribers");
    manifest.resolvers = read_resolvers(json);
    for (auto& handler : manifest.handlers) {
        handler.plugin_id = clean_utf8(manifest.id, 256);
        handler.plugin_version = clean_utf8(manifest.version, 256);
    }
    return manifest;
}

bool is_callable_name(std::string_view name) {
    constexpr std::string_view kAllowed =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.:-";
    return !name.empty() && name.size() <= 128 && name.find_first_not_of(kAllowed) == std::string_view::npos;
}

void require_compatible(const AbiVersion& plugin, std::string_view sdk) {
    const std::string built =
        "built for plugin ABI " + plugin.str() + (sdk.empty() ? "" : " (" + printable(sdk, 80) + ")");
    if (plugin.major != TASKER_ABI_MAJOR) {
        throw PluginError(built + ", this host speaks " + own_abi(),
                          plugin.major > TASKER_ABI_MAJOR
                              ? "use a newer tasker-host, or rebuild the plugin with this host's SDK"
                              : "rebuild the plugin with this host's SDK");
    }
    if (plugin.min_host_minor > TASKER_ABI_MINOR) {
        throw PluginError(built + " and needs at least " + std::to_string(plugin.major) + "." +
                              std::to_string(plugin.min_host_minor) + " of its host, this host speaks " +
                              own_abi(),
                          "use a newer tasker-host");
    }
}

PluginNotes precheck_plugin(std::string_view file) {
    const ElfFacts facts = read_elf(std::as_bytes(std::span(file)), TASKER_ENTRY_SYMBOL);
    PluginNotes notes;
    std::optional<AbiVersion> abi;
    for (const auto& note : facts.notes) {
        if (note.type == TASKER_NOTE_ABI && abi)
            throw PluginError("it has two ABI notes", "use TASKER_PLUGIN once in a plugin");
        if (note.type == TASKER_NOTE_ABI) abi = read_abi(note);
        if (note.type == TASKER_NOTE_MANIFEST && notes.manifest)
            throw PluginError("it has two manifest notes", "use TASKER_PLUGIN once in a plugin");
        if (note.type == TASKER_NOTE_MANIFEST) notes.manifest = read_manifest(text_of(note));
    }
    // Before the entry: a plugin of another major has another entry, and its version is the better answer.
    if (abi) require_compatible(*abi, notes.manifest ? notes.manifest->sdk : "");
    check_entry(facts);
    if (!abi) {
        throw PluginError("it has no ABI note: built without TASKER_PLUGIN (C++) or TASKER_C_NOTE (C)",
                          "add the macro to one source file and rebuild");
    }
    notes.abi = *abi;
    check_run_paths(facts);
    check_hardening(facts, notes.warnings);
    warn(facts, notes.warnings);
    return notes;
}

}  // namespace tasker::host
