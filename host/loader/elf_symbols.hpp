#pragma once
// The dynamic tables of an ELF file: strings, exported symbols, relocations. Pure, bounds-checked; errors as
// elf_file.hpp.

#include <elf.h>

#include <cstdint>
#include <span>
#include <string_view>

#include "host/loader/elf_file.hpp"
#include "host/loader/elf_layout.hpp"

namespace tasker::host {

class ElfStrings {
  public:
    ElfStrings(const ElfImage& image, std::span<const Elf64_Dyn> dynamic);
    // The text that starts at `offset` of DT_STRTAB.
    std::string_view at(std::uint64_t offset) const;
    // The text there is `text`. False, not an error, when it lies outside; reads no more than it must.
    bool is(std::uint64_t offset, std::string_view text) const;

  private:
    std::string_view table_;
};

// Fills exports, export_count, entry_found and entry_is_function.
void read_exports(const ElfImage& image, std::span<const Elf64_Dyn> dynamic, const ElfStrings& strings,
                  std::string_view entry_symbol, ElfFacts& facts);

// What the loader writes to while relocating must lie inside the image, else a damaged file kills the host.
void check_relocations(const ElfImage& image, std::span<const Elf64_Dyn> dynamic);

}  // namespace tasker::host
