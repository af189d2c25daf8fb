#include "host/loader/extension_tables.hpp"

#include "host/loader/plugin_notes.hpp"
#include "host/loader/printable.hpp"

namespace tasker::host {

void invalid_extension(const std::string& member, const std::string& fault) {
    throw PluginError("invalid extension: " + member + " " + fault,
                      "rebuild the plugin with this host's SDK");
}

std::string read_extension_text(const MemoryProbe& probe, const char* from, const std::string& at,
                                std::size_t most) {
    if (from == nullptr) invalid_extension(at, "is NULL");
    const auto text = probe.text(from, most);
    if (!text) invalid_extension(at, "is not readable, or longer than " + std::to_string(most) + " bytes");
    return *text;
}

std::string read_extension_name(const MemoryProbe& probe, const char* from, const std::string& at) {
    std::string name = read_extension_text(probe, from, at, 256);
    if (!is_callable_name(name))
        invalid_extension(at, "'" + printable(name, 60) + "' is not 1 to 128 of A-Z a-z 0-9 _ . : -");
    return name;
}

}  // namespace tasker::host
