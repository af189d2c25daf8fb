#include "host/loader/elf_symbols.hpp"

#include <algorithm>
#include <string>

#include "host/core/error.hpp"
#include "host/loader/elf_hash.hpp"

namespace tasker::host {

namespace {
constexpr std::size_t kMaxName = 4096;

bool is_exported(const Elf64_Sym& symbol) {
    const unsigned bind = ELF64_ST_BIND(symbol.st_info);
    const unsigned visibility = ELF64_ST_VISIBILITY(symbol.st_other);
    return symbol.st_shndx != SHN_UNDEF &&
           (bind == STB_GLOBAL || bind == STB_WEAK || bind == STB_GNU_UNIQUE) &&
           (visibility == STV_DEFAULT || visibility == STV_PROTECTED);
}

bool is_known(unsigned bind, unsigned type) {
    const bool bound = bind == STB_LOCAL || bind == STB_GLOBAL || bind == STB_WEAK || bind == STB_GNU_UNIQUE;
    return bound && (type <= STT_TLS || type == STT_GNU_IFUNC);
}

// The system loader takes a symbol that it cannot find elsewhere from this file: a call of it jumps to address 0.
bool is_looked_up(const Elf64_Sym& symbol) {
    const unsigned visibility = ELF64_ST_VISIBILITY(symbol.st_other);
    return ELF64_ST_BIND(symbol.st_info) != STB_LOCAL &&
           (visibility == STV_DEFAULT || visibility == STV_PROTECTED);
}

bool lies_inside(const ElfImage& image, const Elf64_Sym& symbol, const std::optional<Elf64_Phdr>& tls) {
    if (symbol.st_shndx == SHN_ABS) return true;
    switch (ELF64_ST_TYPE(symbol.st_info)) {
        case STT_TLS:
            return tls && fits(symbol.st_value, symbol.st_size, tls->p_memsz);
        case STT_FUNC:
        case STT_GNU_IFUNC:
            return image.is_mapped(symbol.st_value, std::max<std::uint64_t>(symbol.st_size, 1), PF_X);
        default:
            // Names like _end point behind the last byte.
            return image.is_mapped(symbol.st_value, symbol.st_size) ||
                   (symbol.st_size == 0 && symbol.st_value <= image.end());
    }
}

void check_symbol(const ElfImage& image, const Elf64_Sym& symbol, const std::optional<Elf64_Phdr>& tls) {
    if (!is_known(ELF64_ST_BIND(symbol.st_info), ELF64_ST_TYPE(symbol.st_info)))
        elf_damaged("a symbol of an unknown kind");
    if (symbol.st_shndx >= SHN_LORESERVE && symbol.st_shndx != SHN_ABS)
        elf_damaged("a symbol of an unknown section");
    if (symbol.st_shndx == SHN_UNDEF) {
        if (!is_looked_up(symbol)) elf_damaged("a symbol that is defined nowhere");
        return;
    }
    if (!lies_inside(image, symbol, tls)) elf_damaged("a symbol lies outside of its segments");
}
}  // namespace

ElfStrings::ElfStrings(const ElfImage& image, const ElfDynamic& dynamic) {
    const auto address = dynamic.value(DT_STRTAB);
    const auto size = dynamic.value(DT_STRSZ);
    if (!address || !size || *size == 0) elf_damaged("it has no string table");
    const auto offset = image.offset_of(*address, *size, "the string table");
    table_ = {reinterpret_cast<const char*>(image.bytes().data()) + offset, *size};
    if (table_.back() != '\0') elf_damaged("the string table has no end");
}

std::string_view ElfStrings::whole(std::uint64_t offset) const {
    if (offset >= table_.size()) elf_damaged("a name lies outside of the string table");
    const auto tail = table_.substr(offset);
    return tail.substr(0, tail.find('\0'));
}

std::string_view ElfStrings::at(std::uint64_t offset) const {
    if (offset >= table_.size()) elf_damaged("a name lies outside of the string table");
    const auto tail = table_.substr(offset, kMaxName + 1);
    const auto end = tail.find('\0');
    if (end == std::string_view::npos)
        elf_damaged("a name of more than " + std::to_string(kMaxName) + " bytes");
    return tail.substr(0, end);
}

bool ElfStrings::is(std::uint64_t offset, std::string_view text) const {
    if (!fits(offset, text.size() + 1, table_.size())) return false;
    return table_.substr(offset, text.size()) == text && table_[offset + text.size()] == '\0';
}

ElfSymbols::ElfSymbols(const ElfImage& image, const ElfDynamic& dynamic, const ElfStrings& strings,
                       const std::optional<Elf64_Phdr>& tls)
    : image_(image), strings_(strings) {
    const auto address = dynamic.value(DT_SYMTAB);
    if (!address) elf_damaged("it has no symbol table");
    if (dynamic.value(DT_SYMENT) != sizeof(Elf64_Sym)) elf_damaged("symbols of an unknown size");
    // A hash without exports says nothing of the undefined symbols; then what could be one counts.
    count_ = count_by_hash(image, dynamic).value_or(0);
    counted_ = count_ > 0;
    if (!counted_) count_ = std::min(image.bytes_after(*address) / sizeof(Elf64_Sym), kMaxElfSymbols);
    if (count_ > kMaxElfSymbols) elf_damaged("more than " + std::to_string(kMaxElfSymbols) + " symbols");
    base_ = image.offset_of(*address, count_ * sizeof(Elf64_Sym), "the symbol table");
    for (std::uint64_t i = 1; counted_ && i < count_; ++i) {
        const Elf64_Sym symbol = at(i);
        check_symbol(image, symbol, tls);
        if (strings.is_outside(symbol.st_name)) elf_damaged("a name lies outside of the string table");
    }
}

void read_exports(const ElfImage& image, const ElfSymbols& symbols, const ElfStrings& strings,
                  std::string_view entry_symbol, ElfFacts& facts) {
    for (std::uint64_t i = 1; symbols.is_counted() && i < symbols.count(); ++i) {
        const auto symbol = symbols.at(i);
        if (!is_exported(symbol)) continue;
        const unsigned type = ELF64_ST_TYPE(symbol.st_info);
        // A version script's node is listed as an absolute object; it is no symbol of the author.
        if (symbol.st_shndx == SHN_ABS && type == STT_OBJECT) continue;
        ++facts.export_count;
        if (facts.exports.size() < kListedExports) facts.exports.push_back(strings.at(symbol.st_name));
        if (!strings.is(symbol.st_name, entry_symbol)) continue;
        facts.entry_found = true;
        facts.entry_is_function = type == STT_FUNC && image.is_mapped(symbol.st_value, 1, PF_X);
    }
}

}  // namespace tasker::host
