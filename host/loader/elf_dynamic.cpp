#include "host/loader/elf_dynamic.hpp"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <set>
#include <utility>

#include "host/core/error.hpp"

namespace tasker::host {

namespace {
// Younger than some elf.h.
constexpr std::int64_t kRelrSize = 35, kRelr = 36, kRelrEntry = 37;

// What linkers write into shared objects. Anything else is either damage or something the system loader acts upon and
// that has no place in a plugin (filters, auditors, prelinking).
constexpr std::array kKnown = std::to_array<std::int64_t>({
    DT_NEEDED, DT_PLTRELSZ, DT_PLTGOT, DT_HASH, DT_STRTAB, DT_SYMTAB, DT_RELA, DT_RELASZ, DT_RELAENT,
        DT_STRSZ, DT_SYMENT, DT_INIT, DT_FINI, DT_SONAME, DT_RPATH, DT_SYMBOLIC, DT_PLTREL, DT_DEBUG,
        DT_TEXTREL, DT_JMPREL, DT_BIND_NOW, DT_INIT_ARRAY, DT_FINI_ARRAY, DT_INIT_ARRAYSZ, DT_FINI_ARRAYSZ,
        DT_RUNPATH, DT_FLAGS, kRelrSize, kRelr, kRelrEntry, DT_GNU_HASH, DT_TLSDESC_PLT, DT_TLSDESC_GOT,
        DT_RELACOUNT, DT_FLAGS_1, DT_VERSYM, DT_VERDEF, DT_VERDEFNUM, DT_VERNEED, DT_VERNEEDNUM,
#if defined(__x86_64__)
        // DT_X86_64_PLT, DT_X86_64_PLTSZ, DT_X86_64_PLTENT
        DT_LOPROC, DT_LOPROC + 1, DT_LOPROC + 3
#elif defined(__aarch64__)
        // DT_AARCH64_BTI_PLT, DT_AARCH64_PAC_PLT, DT_AARCH64_VARIANT_PCS
        DT_LOPROC + 1, DT_LOPROC + 3, DT_LOPROC + 5
#elif defined(__riscv)
        // DT_RISCV_VARIANT_CC
        DT_LOPROC + 1
#endif
});

struct Group {
    std::initializer_list<std::pair<std::int64_t, const char*>> tags;
};

// Each of these comes as a whole or not at all.
void check_group(const ElfDynamic& dynamic, const Group& group) {
    const char* present = nullptr;
    const char* absent = nullptr;
    for (const auto& [tag, name] : group.tags) (dynamic.has(tag) ? present : absent) = name;
    if (present != nullptr && absent != nullptr)
        elf_damaged(std::string("its dynamic section has ") + present + " but no " + absent);
}

void check_groups(const ElfDynamic& dynamic) {
    check_group(dynamic, {{{DT_RELA, "DT_RELA"}, {DT_RELASZ, "DT_RELASZ"}, {DT_RELAENT, "DT_RELAENT"}}});
    check_group(dynamic,
                {{{DT_JMPREL, "DT_JMPREL"}, {DT_PLTRELSZ, "DT_PLTRELSZ"}, {DT_PLTREL, "DT_PLTREL"}}});
    check_group(dynamic, {{{kRelr, "DT_RELR"}, {kRelrSize, "DT_RELRSZ"}, {kRelrEntry, "DT_RELRENT"}}});
    check_group(dynamic, {{{DT_STRTAB, "DT_STRTAB"}, {DT_STRSZ, "DT_STRSZ"}}});
    check_group(dynamic, {{{DT_SYMTAB, "DT_SYMTAB"}, {DT_SYMENT, "DT_SYMENT"}}});
    check_group(dynamic, {{{DT_INIT_ARRAY, "DT_INIT_ARRAY"}, {DT_INIT_ARRAYSZ, "DT_INIT_ARRAYSZ"}}});
    check_group(dynamic, {{{DT_FINI_ARRAY, "DT_FINI_ARRAY"}, {DT_FINI_ARRAYSZ, "DT_FINI_ARRAYSZ"}}});
    check_group(dynamic, {{{DT_VERNEED, "DT_VERNEED"}, {DT_VERNEEDNUM, "DT_VERNEEDNUM"}}});
    check_group(dynamic, {{{DT_VERDEF, "DT_VERDEF"}, {DT_VERDEFNUM, "DT_VERDEFNUM"}}});
    if ((dynamic.has(DT_VERNEED) || dynamic.has(DT_VERDEF)) && !dynamic.has(DT_VERSYM))
        elf_damaged("its dynamic section has versions but no DT_VERSYM");
    if (dynamic.has(DT_RELACOUNT) && !dynamic.has(DT_RELA))
        elf_damaged("its dynamic section has DT_RELACOUNT but no DT_RELA");
    if (dynamic.value(DT_PLTREL).value_or(DT_RELA) != DT_RELA) elf_damaged("its DT_PLTREL is not DT_RELA");
}

void check_function(const ElfImage& image, const ElfDynamic& dynamic, std::int64_t tag, const char* name) {
    const auto address = dynamic.value(tag);
    if (address && !image.is_mapped(*address, 1, PF_X))
        elf_damaged(std::string(name) + " is not in an executable segment");
}

void check_array(const ElfImage& image, const ElfDynamic& dynamic, std::int64_t start, std::int64_t size,
                 const char* name) {
    const auto address = dynamic.value(start);
    if (!address) return;
    const std::uint64_t bytes = dynamic.value(size).value_or(0);
    if (bytes % 8 != 0 || *address % 8 != 0 || !image.is_mapped(*address, bytes, PF_R))
        elf_damaged(std::string(name) +
                    " is a constructor table outside of the image or of an impossible size");
}
}  // namespace

ElfDynamic::ElfDynamic(std::vector<Elf64_Dyn> entries) : entries_(std::move(entries)) {
    std::set<std::int64_t> seen;
    for (const auto& entry : entries_) {
        if (std::find(kKnown.begin(), kKnown.end(), entry.d_tag) == kKnown.end()) {
            elf_damaged("its dynamic section has the entry " + std::to_string(entry.d_tag) +
                        ", which no plugin has");
        }
        if (entry.d_tag != DT_NEEDED && !seen.insert(entry.d_tag).second)
            elf_damaged("its dynamic section has the entry " + std::to_string(entry.d_tag) + " twice");
    }
    check_groups(*this);
}

std::optional<std::uint64_t> ElfDynamic::value(std::int64_t tag) const {
    for (const auto& entry : entries_) {
        if (entry.d_tag == tag) return entry.d_un.d_val;
    }
    return std::nullopt;
}

void check_constructors(const ElfImage& image, const ElfDynamic& dynamic) {
    check_function(image, dynamic, DT_INIT, "DT_INIT");
    check_function(image, dynamic, DT_FINI, "DT_FINI");
    check_array(image, dynamic, DT_INIT_ARRAY, DT_INIT_ARRAYSZ, "DT_INIT_ARRAY");
    check_array(image, dynamic, DT_FINI_ARRAY, DT_FINI_ARRAYSZ, "DT_FINI_ARRAY");
}

}  // namespace tasker::host
