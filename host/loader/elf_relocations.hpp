#pragma once
// What the system loader writes while it relocates. Pure; errors as elf_file.hpp.

#include <elf.h>

#include <optional>

#include "host/loader/elf_dynamic.hpp"
#include "host/loader/elf_layout.hpp"
#include "host/loader/elf_symbols.hpp"

namespace tasker::host {

// Every relocation is of a known kind, writes into a writable segment and computes an address inside of the image;
// every slot of the constructor tables gets the address of code. `tls` is PT_TLS.
void check_relocations(const ElfImage& image, const ElfDynamic& dynamic, const ElfSymbols& symbols,
                       const std::optional<Elf64_Phdr>& tls);

}  // namespace tasker::host
