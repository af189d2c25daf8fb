#include "host/loader/elf_sections.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "host/core/error.hpp"

namespace tasker::host {

namespace {
constexpr std::uint64_t kPage = 4096;

// Which section an entry of the dynamic section points to the start of.
struct Home {
    std::int64_t address, size;  // size: the tag of its length; 0: none
    std::uint32_t type;
    const char* name;
};
constexpr std::array kHomes{
    Home{DT_SYMTAB, 0, SHT_DYNSYM, "DT_SYMTAB"},
    Home{DT_STRTAB, DT_STRSZ, SHT_STRTAB, "DT_STRTAB"},
    Home{DT_HASH, 0, SHT_HASH, "DT_HASH"},
    Home{DT_GNU_HASH, 0, SHT_GNU_HASH, "DT_GNU_HASH"},
    Home{DT_VERSYM, 0, SHT_GNU_versym, "DT_VERSYM"},
    Home{DT_VERNEED, 0, SHT_GNU_verneed, "DT_VERNEED"},
    Home{DT_VERDEF, 0, SHT_GNU_verdef, "DT_VERDEF"},
    Home{DT_RELA, 0, SHT_RELA, "DT_RELA"},
    Home{DT_JMPREL, 0, SHT_RELA, "DT_JMPREL"},
    Home{DT_INIT_ARRAY, DT_INIT_ARRAYSZ, SHT_INIT_ARRAY, "DT_INIT_ARRAY"},
    Home{DT_FINI_ARRAY, DT_FINI_ARRAYSZ, SHT_FINI_ARRAY, "DT_FINI_ARRAY"},
};

// The sections that are loaded, and their names.
struct Sections {
    std::vector<Elf64_Shdr> all;
    std::string_view names;

    bool has_name(const Elf64_Shdr& section, std::string_view start) const {
        return section.sh_name < names.size() && names.substr(section.sh_name).starts_with(start);
    }
};

Sections read_sections(const ElfImage& image, const Elf64_Ehdr& header) {
    Sections sections;
    const std::uint64_t bytes = std::uint64_t{header.e_shnum} * sizeof(Elf64_Shdr);
    // Nothing that is loaded lies behind it: a file that lost its end there is whole enough.
    if (header.e_shoff == 0 || header.e_shnum == 0 || header.e_shentsize != sizeof(Elf64_Shdr) ||
        !fits(header.e_shoff, bytes, image.size())) {
        return sections;
    }
    for (std::size_t i = 0; i < header.e_shnum; ++i) {
        const auto one = image.at<Elf64_Shdr>(header.e_shoff + i * sizeof(Elf64_Shdr));
        if (i == header.e_shstrndx && fits(one.sh_offset, one.sh_size, image.size())) {
            sections.names = {reinterpret_cast<const char*>(image.bytes().data()) + one.sh_offset,
                              one.sh_size};
        }
        if ((one.sh_flags & SHF_ALLOC) != 0) sections.all.push_back(one);
    }
    return sections;
}

void check_place(const ElfImage& image, const Elf64_Shdr& section) {
    if (section.sh_size == 0) return;
    if (section.sh_type == SHT_NOBITS) {
        // Thread-local zeros have no place of their own.
        if ((section.sh_flags & SHF_TLS) == 0 && !image.is_mapped(section.sh_addr, section.sh_size))
            elf_damaged("a section lies outside of its segments");
        return;
    }
    if (image.offset_of(section.sh_addr, section.sh_size, "a section") != section.sh_offset)
        elf_damaged("a section is not where its segment says");
    const std::uint32_t flags = ((section.sh_flags & SHF_WRITE) != 0 ? PF_W : 0U) |
                                ((section.sh_flags & SHF_EXECINSTR) != 0 ? PF_X : 0U);
    if (!image.is_mapped(section.sh_addr, section.sh_size, flags))
        elf_damaged("a section has rights that its segment has not");
}

void check_home(const std::vector<Elf64_Shdr>& sections, const ElfDynamic& dynamic, const Home& home) {
    const auto address = dynamic.value(home.address);
    const auto is_kind = [&](const Elf64_Shdr& one) { return one.sh_type == home.type; };
    if (!address || std::none_of(sections.begin(), sections.end(), is_kind)) return;
    const bool found = std::any_of(sections.begin(), sections.end(), [&](const Elf64_Shdr& one) {
        if (!is_kind(one) || one.sh_addr != *address) return false;
        return home.size == 0 || dynamic.value(home.size) == one.sh_size;
    });
    if (!found) elf_damaged(std::string(home.name) + " is not the start of its section, or not as long");
}

// The relocations of a table end where a section of relocations ends.
void check_end(const std::vector<Elf64_Shdr>& sections, const ElfDynamic& dynamic, std::int64_t start,
               std::int64_t size) {
    const auto address = dynamic.value(start);
    if (!address) return;
    const std::uint64_t end = *address + dynamic.value(size).value_or(0);
    bool any = false;
    for (const auto& one : sections) {
        if (one.sh_type != SHT_RELA) continue;
        any = true;
        if (one.sh_addr + one.sh_size == end) return;
    }
    if (any) elf_damaged("the relocations do not end where their section ends");
}

// What becomes read-only after relocation must not take in what the plugin writes to.
void check_relro(const Sections& sections, const Elf64_Phdr& relro) {
    const std::uint64_t end = (relro.p_vaddr + relro.p_memsz) / kPage * kPage;
    for (const auto& one : sections.all) {
        if (one.sh_size == 0 || one.sh_addr + one.sh_size <= relro.p_vaddr || one.sh_addr >= end) continue;
        if (sections.has_name(one, {".data\0", 6}) || sections.has_name(one, {".bss\0", 5}))
            elf_damaged("its data would be read-only");
    }
}

// The unwinder's sorted table lists where functions start.
bool is_unwound_function(const ElfImage& image, const Elf64_Phdr& segment, std::uint64_t address) {
    struct Header {
        std::uint8_t version, frame_form, count_form, table_form;
        std::uint32_t frame, count;
    };
    struct Row {
        std::int32_t start, frame;  // from the header
    };
    constexpr std::uint8_t kUnsigned4 = 0x03, kSigned4FromHeader = 0x3B;
    const auto base = image.find(segment.p_vaddr, sizeof(Header));
    if (!base) return false;
    const auto header = image.at<Header>(*base);
    if (header.version != 1 || header.count_form != kUnsigned4 || header.table_form != kSigned4FromHeader)
        return true;  // not the form that linkers write: it says nothing
    const std::uint64_t bytes = sizeof(Header) + std::uint64_t{header.count} * sizeof(Row);
    if (!image.find(segment.p_vaddr, bytes)) return false;
    for (std::uint64_t at = sizeof(Header); at < bytes; at += sizeof(Row)) {
        const auto start = static_cast<std::uint64_t>(std::int64_t{image.at<Row>(*base + at).start});
        if (segment.p_vaddr + start == address) return true;
    }
    return false;
}

// DT_INIT and DT_FINI are the start of the sections made for them, or a function given to the linker (-init, -fini).
void check_function(const ElfImage& image, const Sections& sections, const std::optional<Elf64_Phdr>& unwind,
                    std::uint64_t address, const char* name) {
    bool stub = false;
    for (const auto& one : sections.all) {
        // BOLT moves functions away from their sections.
        if (sections.has_name(one, ".bolt.org")) return;
        if ((one.sh_flags & SHF_EXECINSTR) == 0) continue;
        if (sections.has_name(one, ".plt")) {
            stub = stub || (address >= one.sh_addr && address - one.sh_addr < one.sh_size);
        } else if (one.sh_addr == address && !sections.has_name(one, ".text")) {
            return;
        }
    }
    if (!stub && unwind && is_unwound_function(image, *unwind, address)) return;
    elf_damaged(std::string(name) + " is not the start of a function");
}
}  // namespace

void check_sections(const ElfImage& image, const Elf64_Ehdr& header, const ElfDynamic& dynamic,
                    const ElfSymbols& symbols, const SpecialSegments& segments) {
    const Sections sections = read_sections(image, header);
    if (sections.all.empty()) return;
    for (const auto& section : sections.all) {
        check_place(image, section);
        if (section.sh_type == SHT_DYNSYM && symbols.is_counted() &&
            section.sh_size != symbols.count() * sizeof(Elf64_Sym)) {
            elf_damaged("the symbol hash does not reach all symbols");
        }
    }
    for (const Home& home : kHomes) check_home(sections.all, dynamic, home);
    check_end(sections.all, dynamic, DT_RELA, DT_RELASZ);
    check_end(sections.all, dynamic, DT_JMPREL, DT_PLTRELSZ);
    if (const auto start = dynamic.value(DT_INIT))
        check_function(image, sections, segments.unwind, *start, "DT_INIT");
    if (const auto end = dynamic.value(DT_FINI))
        check_function(image, sections, segments.unwind, *end, "DT_FINI");
    if (segments.relro) check_relro(sections, *segments.relro);
}

}  // namespace tasker::host
