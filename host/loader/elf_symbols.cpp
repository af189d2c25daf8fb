#include "host/loader/elf_symbols.hpp"

#include <algorithm>
#include <optional>
#include <string>

#include "host/core/error.hpp"

namespace tasker::host {

namespace {
constexpr std::uint64_t kMaxSymbols = 1'000'000;
constexpr std::uint64_t kMaxRelocations = 2'000'000;
constexpr std::size_t kMaxName = 4096;

[[noreturn]] void damaged(const std::string& what) { throw PluginError("damaged ELF file: " + what); }

std::optional<std::uint64_t> value_of(std::span<const Elf64_Dyn> dynamic, std::int64_t tag) {
    for (const auto& entry : dynamic) {
        if (entry.d_tag == tag) return entry.d_un.d_val;
    }
    return std::nullopt;
}

// The table has no length of its own: the highest symbol that a bucket's chain reaches ends it.
std::uint64_t count_by_gnu_hash(const ElfImage& image, std::uint64_t address) {
    struct Header {
        std::uint32_t buckets, first_symbol, bloom_words, bloom_shift;
    };
    const auto base = image.offset_of(address, sizeof(Header), "the symbol hash");
    const auto header = image.at<Header>(base);
    if (header.buckets == 0 || header.buckets > kMaxSymbols || header.bloom_words == 0 ||
        header.bloom_words > kMaxSymbols) {
        damaged("a symbol hash with impossible sizes");
    }
    const std::uint64_t buckets_at = sizeof(Header) + std::uint64_t{header.bloom_words} * 8;
    const std::uint64_t fixed = buckets_at + std::uint64_t{header.buckets} * 4;
    static_cast<void>(image.offset_of(address, fixed, "the symbol hash"));
    std::uint64_t last = 0;
    for (std::uint64_t i = 0; i < header.buckets; ++i) {
        last = std::max<std::uint64_t>(last, image.at<std::uint32_t>(base + buckets_at + i * 4));
    }
    if (last < header.first_symbol) return header.first_symbol;  // every bucket is empty
    const std::uint64_t available = image.bytes_after(address);
    for (;; ++last) {
        const std::uint64_t at = fixed + (last - header.first_symbol) * 4;
        if (!fits(at, 4, available)) damaged("a symbol chain without an end");
        if ((image.at<std::uint32_t>(base + at) & 1U) != 0) return last + 1;
    }
}

std::uint64_t count_symbols(const ElfImage& image, std::span<const Elf64_Dyn> dynamic) {
    if (const auto gnu = value_of(dynamic, DT_GNU_HASH)) return count_by_gnu_hash(image, *gnu);
    if (const auto hash = value_of(dynamic, DT_HASH)) {
        return image.at<std::uint32_t>(image.offset_of(*hash, 8, "the symbol hash") + 4);
    }
    damaged("it has no symbol hash");
}

bool is_exported(const Elf64_Sym& symbol) {
    const unsigned bind = ELF64_ST_BIND(symbol.st_info);
    const unsigned visibility = ELF64_ST_VISIBILITY(symbol.st_other);
    return symbol.st_shndx != SHN_UNDEF &&
           (bind == STB_GLOBAL || bind == STB_WEAK || bind == STB_GNU_UNIQUE) &&
           (visibility == STV_DEFAULT || visibility == STV_PROTECTED);
}

void check_table(const ElfImage& image, std::uint64_t address, std::uint64_t bytes, std::uint64_t symbols) {
    if (bytes % sizeof(Elf64_Rela) != 0 || bytes / sizeof(Elf64_Rela) > kMaxRelocations)
        damaged("relocations with impossible sizes");
    const std::uint64_t base = image.offset_of(address, bytes, "the relocations");
    for (std::uint64_t at = 0; at < bytes; at += sizeof(Elf64_Rela)) {
        const auto entry = image.at<Elf64_Rela>(base + at);
        if (!image.is_mapped(entry.r_offset, 8) ||
            ELF64_R_SYM(entry.r_info) >= std::max<std::uint64_t>(symbols, 1)) {
            damaged("a relocation points outside of the image");
        }
    }
}
}  // namespace

ElfStrings::ElfStrings(const ElfImage& image, std::span<const Elf64_Dyn> dynamic) {
    const auto address = value_of(dynamic, DT_STRTAB);
    const auto size = value_of(dynamic, DT_STRSZ);
    if (!address || !size || *size == 0) damaged("it has no string table");
    const auto offset = image.offset_of(*address, *size, "the string table");
    table_ = {reinterpret_cast<const char*>(image.bytes().data()) + offset, *size};
    if (table_.back() != '\0') damaged("the string table has no end");
}

std::string_view ElfStrings::at(std::uint64_t offset) const {
    if (offset >= table_.size()) damaged("a name lies outside of the string table");
    const auto tail = table_.substr(offset, kMaxName + 1);
    const auto end = tail.find('\0');
    if (end == std::string_view::npos) damaged("a name of more than " + std::to_string(kMaxName) + " bytes");
    return tail.substr(0, end);
}

bool ElfStrings::is(std::uint64_t offset, std::string_view text) const {
    if (!fits(offset, text.size() + 1, table_.size())) return false;
    return table_.substr(offset, text.size()) == text && table_[offset + text.size()] == '\0';
}

void read_exports(const ElfImage& image, std::span<const Elf64_Dyn> dynamic, const ElfStrings& strings,
                  std::string_view entry_symbol, ElfFacts& facts) {
    const auto address = value_of(dynamic, DT_SYMTAB);
    if (!address) damaged("it has no symbol table");
    if (value_of(dynamic, DT_SYMENT).value_or(sizeof(Elf64_Sym)) != sizeof(Elf64_Sym))
        damaged("symbols of an unknown size");
    const std::uint64_t count = count_symbols(image, dynamic);
    if (count > kMaxSymbols) damaged("more than " + std::to_string(kMaxSymbols) + " symbols");
    const auto base = image.offset_of(*address, count * sizeof(Elf64_Sym), "the symbol table");
    for (std::uint64_t i = 1; i < count; ++i) {
        const auto symbol = image.at<Elf64_Sym>(base + i * sizeof(Elf64_Sym));
        if (!is_exported(symbol)) continue;
        const unsigned type = ELF64_ST_TYPE(symbol.st_info);
        // A version script's node is listed as an absolute object; it is no symbol of the author.
        if (symbol.st_shndx == SHN_ABS && type == STT_OBJECT) continue;
        ++facts.export_count;
        if (facts.exports.size() < kListedExports) facts.exports.push_back(strings.at(symbol.st_name));
        if (!strings.is(symbol.st_name, entry_symbol)) continue;
        facts.entry_found = true;
        facts.entry_is_function = type == STT_FUNC && image.is_mapped(symbol.st_value, 1);
    }
}

void check_relocations(const ElfImage& image, std::span<const Elf64_Dyn> dynamic) {
    // Not the hash's count: a hash without exports says nothing of the undefined symbols.
    const std::uint64_t symbols =
        image.bytes_after(value_of(dynamic, DT_SYMTAB).value_or(0)) / sizeof(Elf64_Sym);
    if (const auto table = value_of(dynamic, DT_RELA)) {
        if (value_of(dynamic, DT_RELAENT).value_or(sizeof(Elf64_Rela)) != sizeof(Elf64_Rela))
            damaged("relocations of an unknown size");
        check_table(image, *table, value_of(dynamic, DT_RELASZ).value_or(0), symbols);
    }
    if (const auto table = value_of(dynamic, DT_JMPREL)) {
        check_table(image, *table, value_of(dynamic, DT_PLTRELSZ).value_or(0), symbols);
    }
    const auto check_array = [&](std::int64_t start, std::int64_t size) {
        const auto address = value_of(dynamic, start);
        if (address && !image.is_mapped(*address, value_of(dynamic, size).value_or(0))) {
            damaged("a constructor table outside of the image");
        }
    };
    check_array(DT_INIT_ARRAY, DT_INIT_ARRAYSZ);
    check_array(DT_FINI_ARRAY, DT_FINI_ARRAYSZ);
    for (const auto tag : {DT_INIT, DT_FINI}) {
        const auto address = value_of(dynamic, tag);
        if (address && !image.is_mapped(*address, 1)) damaged("a constructor outside of the image");
    }
}

}  // namespace tasker::host
