#pragma once
// The strings and the symbols of an ELF file's dynamic tables. Pure, bounds-checked; errors as elf_file.hpp.

#include <elf.h>

#include <cstdint>
#include <optional>
#include <string_view>

#include "host/loader/elf_dynamic.hpp"
#include "host/loader/elf_file.hpp"
#include "host/loader/elf_layout.hpp"

namespace tasker::host {

inline constexpr std::uint64_t kMaxElfSymbols = 1'000'000;

class ElfStrings {
  public:
    ElfStrings(const ElfImage& image, const ElfDynamic& dynamic);
    // The text that starts at `offset` of DT_STRTAB; a long one is refused.
    std::string_view at(std::uint64_t offset) const;
    // The same of any length.
    std::string_view whole(std::uint64_t offset) const;
    bool is_outside(std::uint64_t offset) const { return offset >= table_.size(); }
    // The text there is `text`. False, not an error, when it lies outside; reads no more than it must.
    bool is(std::uint64_t offset, std::string_view text) const;

  private:
    std::string_view table_;
};

class ElfSymbols {
  public:
    // Checks each symbol: its name, kind, and that what it defines lies inside of the image. `tls` is PT_TLS.
    ElfSymbols(const ElfImage& image, const ElfDynamic& dynamic, const ElfStrings& strings,
               const std::optional<Elf64_Phdr>& tls);

    std::uint64_t count() const { return count_; }
    // False: no hash says how many there are, and count() is what there is room for.
    bool is_counted() const { return counted_; }
    // Precondition: i < count().
    Elf64_Sym at(std::uint64_t i) const { return image_.at<Elf64_Sym>(base_ + i * sizeof(Elf64_Sym)); }
    std::string_view name(std::uint64_t i) const { return strings_.whole(at(i).st_name); }

  private:
    const ElfImage& image_;
    const ElfStrings& strings_;
    std::uint64_t base_ = 0, count_ = 0;
    bool counted_ = false;
};

// Fills exports, export_count, entry_found and entry_is_function.
void read_exports(const ElfImage& image, const ElfSymbols& symbols, const ElfStrings& strings,
                  std::string_view entry_symbol, ElfFacts& facts);

}  // namespace tasker::host
