// The pre-check of plugin files on arbitrary bytes: facts or a PluginError, quickly, and no undefined behaviour.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "host/core/error.hpp"
#include "host/loader/plugin_notes.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    try {
        static_cast<void>(tasker::host::precheck_plugin({reinterpret_cast<const char*>(data), size}));
    } catch (const tasker::host::PluginError&) {
        return 0;
    }
    return 0;
}
