#pragma once
// What an ELF file says of itself, read without running or mapping it. Pure over the bytes, every offset is
// checked, every count is capped: any input ends quickly in facts or in an error. The facts view into the
// bytes.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tasker::host {

struct ElfNote {
    std::uint32_t type = 0;
    std::span<const std::byte> description;
};

struct ElfFacts {
    std::vector<std::string_view> needed;     // DT_NEEDED
    std::vector<std::string_view> run_paths;  // DT_RPATH and DT_RUNPATH, undivided
    std::vector<ElfNote> notes;               // of the owner TASKER
    std::vector<std::string_view> exports;    // the first kListedExports of them
    std::size_t export_count = 0;
    bool entry_found = false;  // the entry symbol asked for is exported
    bool entry_is_function = false;
    bool text_relocations = false;
    bool executable_stack = false;
    bool stack_declared = false;  // PT_GNU_STACK is there
};
inline constexpr std::size_t kListedExports = 8;

// Throws PluginError with the reason in plain words when the bytes are not a loadable shared object for this
// machine.
ElfFacts read_elf(std::span<const std::byte> file, std::string_view entry_symbol);

}  // namespace tasker::host
