#pragma once
// The hash tables by which the system loader finds symbols. Pure; errors as elf_file.hpp.

#include <cstdint>
#include <optional>

#include "host/loader/elf_dynamic.hpp"
#include "host/loader/elf_layout.hpp"

namespace tasker::host {

class ElfSymbols;

// How many symbols the tables say there are; nothing when they list none. Refuses tables whose own parts lie outside.
std::optional<std::uint64_t> count_by_hash(const ElfImage& image, const ElfDynamic& dynamic);

// Every chain ends within the table and holds the symbols whose names belong there.
void check_hashes(const ElfImage& image, const ElfDynamic& dynamic, const ElfSymbols& symbols);

}  // namespace tasker::host
