// Any bytes as a configuration file: entries or faults, never a crash.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "host/config/toml_file.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto file = tasker::host::parse_toml(text, "fuzz.toml", {{"HOME", "/tmp/u"}});
    for (const auto& entry : file.entries) {
        // Each entry has a place to name in a message.
        if (entry.line < 1 || entry.column < 1 || entry.key().empty()) std::abort();
    }
    return 0;
}
