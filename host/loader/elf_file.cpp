#include "host/loader/elf_file.hpp"

#include <elf.h>

#include <algorithm>
#include <array>
#include <bit>

#include "host/core/error.hpp"
#include "host/loader/elf_dynamic.hpp"
#include "host/loader/elf_hash.hpp"
#include "host/loader/elf_layout.hpp"
#include "host/loader/elf_relocations.hpp"
#include "host/loader/elf_sections.hpp"
#include "host/loader/elf_symbols.hpp"
#include "host/loader/elf_versions.hpp"
#include "host/loader/printable.hpp"

namespace tasker::host {

namespace {
constexpr std::size_t kMaxProgramHeaders = 128;
constexpr std::size_t kMaxDynamicEntries = 4096;
constexpr std::size_t kMaxNeeded = 256;
constexpr std::size_t kMaxNotes = 256;
constexpr std::uint64_t kMaxImageBytes = std::uint64_t{2} << 30U;
constexpr std::uint64_t kPage = 4096;

#if defined(__x86_64__)
constexpr std::uint16_t kHostMachine = EM_X86_64;
#elif defined(__aarch64__)
constexpr std::uint16_t kHostMachine = EM_AARCH64;
#elif defined(__riscv)
constexpr std::uint16_t kHostMachine = EM_RISCV;
#else
#error "add the ELF machine number of this architecture"
#endif

std::string machine_name(std::uint16_t machine) {
    switch (machine) {
        case EM_X86_64:
            return "x86-64";
        case EM_AARCH64:
            return "aarch64";
        case EM_386:
            return "i386";
        case EM_ARM:
            return "arm";
        case EM_RISCV:
            return "riscv";
        case EM_PPC64:
            return "ppc64";
        case EM_S390:
            return "s390";
        case EM_MIPS:
            return "mips";
        case EM_LOONGARCH:
            return "loongarch";
        default:
            return "machine " + std::to_string(machine);
    }
}

[[noreturn]] void refuse(const std::string& reason, std::string hint = {}) {
    throw PluginError(reason, std::move(hint));
}

bool starts_with(std::span<const std::byte> file, std::string_view magic) {
    return file.size() >= magic.size() && std::memcmp(file.data(), magic.data(), magic.size()) == 0;
}

void check_identity(std::span<const std::byte> file) {
    if (starts_with(file, "!<arch>\n")) refuse("not an ELF shared object: it is a static library (.a)");
    if (!starts_with(file, ELFMAG)) refuse("not an ELF shared object");
    if (file.size() < EI_NIDENT) refuse("not an ELF shared object: the header is cut off (truncated?)");
    const auto ident = [&](std::size_t at) { return std::to_integer<unsigned>(file[at]); };
    if (ident(EI_CLASS) == ELFCLASS32)
        refuse("a 32-bit shared object, this host is 64-bit " + machine_name(kHostMachine));
    if (ident(EI_CLASS) != ELFCLASS64)
        refuse("not an ELF shared object: unknown class " + std::to_string(ident(EI_CLASS)));
    if (ident(EI_DATA) == ELFDATA2MSB) refuse("a big-endian shared object, this host is little-endian");
    if (ident(EI_DATA) != ELFDATA2LSB) refuse("not an ELF shared object: unknown byte order");
}

Elf64_Ehdr check_header(const ElfImage& image) {
    if (image.size() < sizeof(Elf64_Ehdr))
        refuse("not an ELF shared object: the header is cut off (truncated?)");
    const auto header = image.at<Elf64_Ehdr>(0);
    if (header.e_machine != kHostMachine) {
        refuse("built for " + machine_name(header.e_machine) + ", this host is " + machine_name(kHostMachine),
               "build the plugin for this machine");
    }
    switch (header.e_type) {
        case ET_DYN:
            break;
        case ET_EXEC:
            refuse("is an executable, not a shared object", "link it with -shared");
        case ET_REL:
            refuse("is an object file (.o), not a shared object", "link it with -shared");
        case ET_CORE:
            refuse("is a core dump, not a shared object");
        default:
            refuse("not an ELF shared object: unknown type " + std::to_string(header.e_type));
    }
    const unsigned abi = header.e_ident[EI_OSABI];
    if (abi != ELFOSABI_SYSV && abi != ELFOSABI_GNU)
        refuse("built for another operating system (OS ABI " + std::to_string(abi) + ")");
    if (header.e_ident[EI_VERSION] != EV_CURRENT || header.e_version != EV_CURRENT)
        refuse("not an ELF shared object: unknown version");
    if (header.e_phentsize != sizeof(Elf64_Phdr) || header.e_phnum == 0 ||
        header.e_phnum > kMaxProgramHeaders) {
        refuse("damaged ELF file: " + std::to_string(header.e_phnum) + " program headers of " +
               std::to_string(header.e_phentsize) + " bytes");
    }
    if (!fits(header.e_phoff, std::uint64_t{header.e_phnum} * sizeof(Elf64_Phdr), image.size())) {
        refuse("program headers beyond end of file (truncated?)", "copy the file again");
    }
    return header;
}

// The loader maps whole pages of the file and dies of SIGBUS on one that is not there.
void add_load(ElfImage& image, const Elf64_Phdr& load) {
    if (!fits(load.p_offset, load.p_filesz, image.size()))
        refuse("segment beyond end of file (truncated?)", "copy the file again");
    if (load.p_filesz > load.p_memsz || !fits(load.p_vaddr, load.p_memsz, kMaxImageBytes)) {
        refuse("damaged ELF file: a segment with impossible sizes");
    }
    if (!std::has_single_bit(std::max<std::uint64_t>(load.p_align, 1)) || load.p_align > kMaxImageBytes ||
        (load.p_vaddr - load.p_offset) % 4096 != 0) {
        refuse("damaged ELF file: a misaligned segment");
    }
    if ((load.p_flags & PF_R) == 0 && (kHostMachine == EM_X86_64 || load.p_flags != PF_X))
        refuse("damaged ELF file: a segment that cannot be read");
    const auto loads = image.loads();
    if (!loads.empty() && load.p_vaddr < loads.back().p_vaddr + loads.back().p_memsz) {
        refuse("damaged ELF file: segments overlap or are out of order");
    }
    image.add_load(load);
}

void read_notes(const ElfImage& image, const Elf64_Phdr& segment, std::vector<ElfNote>& notes) {
    if (!fits(segment.p_offset, segment.p_filesz, image.size()))
        refuse("note beyond end of file (truncated?)", "copy the file again");
    const std::uint64_t align = segment.p_align == 8 ? 8 : 4;
    const auto rounded = [&](std::uint64_t value) { return (value + align - 1) / align * align; };
    std::uint64_t at = segment.p_offset;
    const std::uint64_t end = at + segment.p_filesz;
    for (std::size_t count = 0; fits(at, sizeof(Elf64_Nhdr), end); ++count) {
        if (count == kMaxNotes) refuse("damaged ELF file: more than " + std::to_string(kMaxNotes) + " notes");
        const auto header = image.at<Elf64_Nhdr>(at);
        const std::uint64_t name = at + sizeof(Elf64_Nhdr);
        const std::uint64_t text = rounded(name - segment.p_offset + header.n_namesz) + segment.p_offset;
        if (!fits(text, header.n_descsz, end)) refuse("damaged ELF file: a note reaches beyond its segment");
        constexpr std::string_view kOwner{"TASKER", 7};
        if (header.n_namesz == kOwner.size() &&
            std::memcmp(image.bytes().data() + name, kOwner.data(), kOwner.size()) == 0) {
            notes.push_back({header.n_type, image.bytes().subspan(text, header.n_descsz)});
        }
        at = rounded(text - segment.p_offset + header.n_descsz) + segment.p_offset;
    }
}

ElfDynamic read_dynamic(const ElfImage& image, const Elf64_Phdr& segment) {
    if (!fits(segment.p_offset, segment.p_filesz, image.size()))
        refuse("segment beyond end of file (truncated?)", "copy the file again");
    // The loader reads it from memory: the address decides, the offset must agree.
    if (image.offset_of(segment.p_vaddr, segment.p_filesz, "the dynamic section") != segment.p_offset) {
        refuse("damaged ELF file: the dynamic section is not where its segment says");
    }
    // The loader writes addresses into it unless its segment is declared read-only.
    if (segment.p_vaddr % 8 != 0 ||
        !image.is_mapped(segment.p_vaddr, segment.p_memsz, segment.p_flags & PF_W))
        refuse("damaged ELF file: the dynamic section cannot be written to");
    std::vector<Elf64_Dyn> table;
    const std::uint64_t count = segment.p_filesz / sizeof(Elf64_Dyn);
    for (std::uint64_t i = 0; i < count; ++i) {
        if (i == kMaxDynamicEntries) refuse("damaged ELF file: the dynamic section is too long");
        const auto entry = image.at<Elf64_Dyn>(segment.p_offset + i * sizeof(Elf64_Dyn));
        if (entry.d_tag == DT_NULL) return ElfDynamic(std::move(table));
        table.push_back(entry);
    }
    refuse("damaged ELF file: the dynamic section has no end");
}

void read_dynamic_facts(const ElfDynamic& dynamic, const ElfStrings& strings, ElfFacts& facts) {
    for (const auto& entry : dynamic.entries()) {
        switch (entry.d_tag) {
            case DT_NEEDED:
                if (facts.needed.size() == kMaxNeeded)
                    refuse("needs more than " + std::to_string(kMaxNeeded) + " libraries");
                facts.needed.push_back(strings.at(entry.d_un.d_val));
                break;
            case DT_RPATH:
            case DT_RUNPATH:
                facts.run_paths.push_back(strings.at(entry.d_un.d_val));
                break;
            case DT_SONAME:
                static_cast<void>(strings.at(entry.d_un.d_val));
                break;
            case DT_TEXTREL:
                facts.text_relocations = true;
                break;
            case DT_FLAGS:
                if ((entry.d_un.d_val & DF_TEXTREL) != 0) facts.text_relocations = true;
                break;
            case DT_FLAGS_1:
                if ((entry.d_un.d_val & DF_1_PIE) != 0)
                    refuse("is an executable, not a shared object", "link it with -shared");
                break;
            default:
                break;
        }
    }
}

// The segments besides those that are loaded and the notes.
struct OtherSegments {
    std::optional<Elf64_Phdr> dynamic, tls, relro, unwind, table;  // table: PT_PHDR
};

void keep(std::optional<Elf64_Phdr>& slot, const Elf64_Phdr& segment) {
    if (slot) refuse("damaged ELF file: two segments of the type " + std::to_string(segment.p_type));
    slot = segment;
}

void read_segment(ElfImage& image, const Elf64_Phdr& segment, OtherSegments& others, ElfFacts& facts) {
    if (segment.p_type == PT_LOAD) return add_load(image, segment);
    if (segment.p_type == PT_NOTE) return read_notes(image, segment, facts.notes);
    if (segment.p_type == PT_GNU_STACK) {
        facts.stack_declared = true;
        facts.executable_stack = (segment.p_flags & PF_X) != 0;
        return;
    }
    if (!fits(segment.p_offset, segment.p_filesz, image.size()))
        refuse("segment beyond end of file (truncated?)", "copy the file again");
    switch (segment.p_type) {
        case PT_DYNAMIC:
            return keep(others.dynamic, segment);
        case PT_TLS:
            return keep(others.tls, segment);
        case PT_GNU_RELRO:
            return keep(others.relro, segment);
        case PT_GNU_EH_FRAME:
            return keep(others.unwind, segment);
        case PT_PHDR:
            return keep(others.table, segment);
        default:
            return;
    }
}

void check_others(const ElfImage& image, const Elf64_Ehdr& header, const OtherSegments& others) {
    if (const auto& tls = others.tls) {
        if (tls->p_filesz > tls->p_memsz || tls->p_memsz > kMaxImageBytes || tls->p_align > kMaxImageBytes ||
            !std::has_single_bit(std::max<std::uint64_t>(tls->p_align, 1)) ||
            (tls->p_filesz > 0 && !image.is_mapped(tls->p_vaddr, tls->p_filesz))) {
            refuse("damaged ELF file: thread-local storage with impossible sizes");
        }
    }
    if (const auto& relro = others.relro) {
        // In whole pages: from the start of the segment's first one to the end of its last one.
        const auto owner = std::find_if(image.loads().begin(), image.loads().end(), [&](const auto& load) {
            return (load.p_flags & PF_W) != 0 && relro->p_vaddr / kPage >= load.p_vaddr / kPage &&
                   relro->p_vaddr <= load.p_vaddr + load.p_memsz;
        });
        if (owner == image.loads().end() || relro->p_memsz > kMaxImageBytes ||
            (relro->p_vaddr + relro->p_memsz) / kPage >
                (owner->p_vaddr + owner->p_memsz + kPage - 1) / kPage) {
            refuse("damaged ELF file: what becomes read-only lies outside of its segment");
        }
    }
    // Whoever walks through the loaded objects (an exception, a profiler) looks for the headers there.
    if (const auto& table = others.table) {
        if (table->p_filesz != std::uint64_t{header.e_phnum} * sizeof(Elf64_Phdr) ||
            image.offset_of(table->p_vaddr, table->p_filesz, "the table of segments") != header.e_phoff)
            refuse("damaged ELF file: the table of segments is not where it says");
    }
}
}  // namespace

ElfFacts read_elf(std::span<const std::byte> file, std::string_view entry_symbol) {
    check_identity(file);
    ElfImage image(file);
    const auto header = check_header(image);
    ElfFacts facts;
    OtherSegments others;
    for (std::size_t i = 0; i < header.e_phnum; ++i)
        read_segment(image, image.at<Elf64_Phdr>(header.e_phoff + i * sizeof(Elf64_Phdr)), others, facts);
    if (image.loads().empty()) refuse("damaged ELF file: nothing to load");
    if (!others.dynamic)
        refuse("is not a dynamic shared object (no dynamic section)", "link it with -shared");
    check_others(image, header, others);

    const ElfDynamic dynamic = read_dynamic(image, *others.dynamic);
    const ElfStrings strings(image, dynamic);
    read_dynamic_facts(dynamic, strings, facts);
    check_constructors(image, dynamic);
    const ElfSymbols symbols(image, dynamic, strings, others.tls);
    check_relocations(image, dynamic, symbols, others.tls);
    read_exports(image, symbols, strings, entry_symbol, facts);
    check_hashes(image, dynamic, symbols);
    check_versions(image, dynamic, strings, symbols, facts.needed);
    check_sections(image, header, dynamic, symbols, {others.relro, others.unwind});
    return facts;
}

}  // namespace tasker::host
