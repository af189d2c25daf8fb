#pragma once
// The section headers say a second time where things are. The system loader never reads them: what they are good for
// here is that damage to the tables it does read shows. A file stripped of them passes. Pure; errors as elf_file.hpp.

#include <elf.h>

#include <optional>

#include "host/loader/elf_dynamic.hpp"
#include "host/loader/elf_layout.hpp"
#include "host/loader/elf_symbols.hpp"

namespace tasker::host {

struct SpecialSegments {
    std::optional<Elf64_Phdr> relro;   // PT_GNU_RELRO
    std::optional<Elf64_Phdr> unwind;  // PT_GNU_EH_FRAME
};

void check_sections(const ElfImage& image, const Elf64_Ehdr& header, const ElfDynamic& dynamic,
                    const ElfSymbols& symbols, const SpecialSegments& segments);

}  // namespace tasker::host
