#pragma once
// The versions of symbols: which library must have which version, and which version each symbol has. Pure; errors as
// elf_file.hpp.

#include <span>
#include <string_view>

#include "host/loader/elf_dynamic.hpp"
#include "host/loader/elf_layout.hpp"
#include "host/loader/elf_symbols.hpp"

namespace tasker::host {

// The system loader follows these tables without a look at their bounds, and asserts that a library they name is needed.
void check_versions(const ElfImage& image, const ElfDynamic& dynamic, const ElfStrings& strings,
                    const ElfSymbols& symbols, std::span<const std::string_view> needed);

}  // namespace tasker::host
