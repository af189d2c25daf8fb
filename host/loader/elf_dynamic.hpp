#pragma once
// The dynamic section of an ELF file as a table of distinct tags. Pure; errors as elf_file.hpp.

#include <elf.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "host/loader/elf_layout.hpp"

namespace tasker::host {

class ElfDynamic {
  public:
    // The entries before DT_NULL. Refuses tags that no shared object has, tags that are there twice and tags without
    // those that the system loader takes for granted beside them: it asserts or follows a null pointer.
    explicit ElfDynamic(std::vector<Elf64_Dyn> entries);

    std::span<const Elf64_Dyn> entries() const { return entries_; }
    std::optional<std::uint64_t> value(std::int64_t tag) const;
    bool has(std::int64_t tag) const { return value(tag).has_value(); }

  private:
    std::vector<Elf64_Dyn> entries_;
};

// What the loader runs or reads by address besides symbols and relocations: constructors, their tables, the name.
void check_constructors(const ElfImage& image, const ElfDynamic& dynamic);

}  // namespace tasker::host
