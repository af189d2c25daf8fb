#include "host/loader/elf_relocations.hpp"

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "host/core/error.hpp"

namespace tasker::host {

namespace {
constexpr std::uint64_t kMaxRelocations = 2'000'000;
constexpr std::int64_t kRelrSize = 35, kRelr = 36, kRelrEntry = 37;

enum class Effect : std::uint8_t {
    Nothing,
    Relative,  // base + addend
    Resolver,  // what the function at base + addend returns
    Symbol,    // an address of a symbol
    Size,      // the size of a symbol
    Tls,       // a place in thread-local storage
    TlsPair,   // two words
    Unknown
};

Effect effect_of(std::uint64_t type) {
    switch (type) {
#if defined(__x86_64__)
        case R_X86_64_NONE:
            return Effect::Nothing;
        case R_X86_64_RELATIVE:
            return Effect::Relative;
        case R_X86_64_IRELATIVE:
            return Effect::Resolver;
        case R_X86_64_64:
        case R_X86_64_GLOB_DAT:
        case R_X86_64_JUMP_SLOT:
            return Effect::Symbol;
        case R_X86_64_SIZE64:
            return Effect::Size;
        case R_X86_64_DTPMOD64:
        case R_X86_64_DTPOFF64:
        case R_X86_64_TPOFF64:
            return Effect::Tls;
        case R_X86_64_TLSDESC:
            return Effect::TlsPair;
#elif defined(__aarch64__)
        case R_AARCH64_NONE:
            return Effect::Nothing;
        case R_AARCH64_RELATIVE:
            return Effect::Relative;
        case R_AARCH64_IRELATIVE:
            return Effect::Resolver;
        case R_AARCH64_ABS64:
        case R_AARCH64_GLOB_DAT:
        case R_AARCH64_JUMP_SLOT:
            return Effect::Symbol;
        case R_AARCH64_TLS_DTPMOD:
        case R_AARCH64_TLS_DTPREL:
        case R_AARCH64_TLS_TPREL:
            return Effect::Tls;
        case R_AARCH64_TLSDESC:
            return Effect::TlsPair;
#elif defined(__riscv)
        case R_RISCV_NONE:
            return Effect::Nothing;
        case R_RISCV_RELATIVE:
            return Effect::Relative;
        case R_RISCV_IRELATIVE:
            return Effect::Resolver;
        case R_RISCV_64:
        case R_RISCV_JUMP_SLOT:
            return Effect::Symbol;
        case R_RISCV_TLS_DTPMOD64:
        case R_RISCV_TLS_DTPREL64:
        case R_RISCV_TLS_TPREL64:
            return Effect::Tls;
#endif
        default:
            return Effect::Unknown;
    }
}

struct Write {
    std::uint64_t at = 0, bytes = 8;
    bool makes_code = false;  // the word becomes the address of code, as far as this file decides it
};

class Relocations {
  public:
    Relocations(const ElfImage& image, const ElfSymbols& symbols, const std::optional<Elf64_Phdr>& tls)
        : image_(image), symbols_(symbols), tls_(tls) {}

    // `relative`: how many at the start are relative ones; the loader does not look at their kind.
    void table(std::uint64_t address, std::uint64_t bytes, std::optional<std::uint64_t> relative);
    void packed(std::uint64_t address, std::uint64_t bytes);
    // Call when all are known.
    void check_overlaps();
    void check_slots(std::uint64_t address, std::uint64_t bytes) const;

  private:
    void entry(const Elf64_Rela& entry, Effect effect);
    void check_symbol(const Elf64_Rela& entry, Effect effect) const;
    void check_relative(std::uint64_t at, std::uint64_t addend) const;
    void add(Write write);
    void add_packed(std::uint64_t at);

    const ElfImage& image_;
    const ElfSymbols& symbols_;
    const std::optional<Elf64_Phdr>& tls_;
    std::vector<Write> writes_;
};

void Relocations::add(Write write) {
    if (writes_.size() == kMaxRelocations) elf_damaged("relocations with impossible sizes");
    if (!image_.is_mapped(write.at, write.bytes, PF_W))
        elf_damaged("a relocation writes outside of the writable segments");
    writes_.push_back(write);
}

void Relocations::check_symbol(const Elf64_Rela& entry, Effect effect) const {
    const std::uint64_t index = ELF64_R_SYM(entry.r_info);
    if (index >= std::max<std::uint64_t>(symbols_.count(), 1))
        elf_damaged("a relocation of an unknown symbol");
    const bool needs_none = effect == Effect::Relative || effect == Effect::Resolver;
    if (needs_none && index != 0) elf_damaged("a relative relocation with a symbol");
    if (effect == Effect::Symbol && index == 0 &&
        !image_.is_mapped(static_cast<std::uint64_t>(entry.r_addend), 0))
        elf_damaged("a relocation without its symbol");
    const bool thread_local_here = (effect == Effect::Tls || effect == Effect::TlsPair) &&
                                   (index == 0 || symbols_.at(index).st_shndx != SHN_UNDEF);
    if (thread_local_here && !tls_) elf_damaged("a relocation of thread-local storage that is not there");
}

void Relocations::entry(const Elf64_Rela& entry, Effect effect) {
    const auto addend = static_cast<std::uint64_t>(entry.r_addend);
    if (effect == Effect::Unknown)
        elf_damaged("a relocation of the unknown kind " + std::to_string(ELF64_R_TYPE(entry.r_info)));
    if (effect == Effect::Nothing) {
        // Fillers are empty; with a place it was something else once.
        if (entry.r_offset != 0 || ELF64_R_SYM(entry.r_info) != 0 || addend != 0)
            elf_damaged("a relocation of the unknown kind 0");
        return;
    }
    check_symbol(entry, effect);
    if (effect == Effect::Relative) check_relative(entry.r_offset, addend);
    if (effect == Effect::Resolver && !image_.is_mapped(addend, 1, PF_X))
        elf_damaged("a relocation calls a function outside of the executable segments");
    const bool makes_code = effect == Effect::Relative
                                ? image_.is_mapped(addend, 1, PF_X)
                                : effect == Effect::Symbol || effect == Effect::Resolver;
    add({entry.r_offset, effect == Effect::TlsPair ? 16U : 8U, makes_code});
}

void Relocations::table(std::uint64_t address, std::uint64_t bytes, std::optional<std::uint64_t> relative) {
    if (bytes % sizeof(Elf64_Rela) != 0 || bytes / sizeof(Elf64_Rela) > kMaxRelocations)
        elf_damaged("relocations with impossible sizes");
    const std::uint64_t base = image_.offset_of(address, bytes, "the relocations");
    const std::uint64_t count = bytes / sizeof(Elf64_Rela);
    if (relative.value_or(0) > count) elf_damaged("relocations with impossible sizes");
    for (std::uint64_t i = 0; i < count; ++i) {
        const auto one = image_.at<Elf64_Rela>(base + i * sizeof(Elf64_Rela));
        const Effect effect = effect_of(ELF64_R_TYPE(one.r_info));
        if (i < relative.value_or(0) && effect != Effect::Relative)
            elf_damaged("DT_RELACOUNT does not fit the relocations");
        entry(one, effect);
    }
}

// Linkers leave 0 in the place, or write the address a second time.
void Relocations::check_relative(std::uint64_t at, std::uint64_t addend) const {
    if (addend > image_.end()) elf_damaged("a relocation points outside of the image");
    const auto place = image_.find(at, 8);
    const std::uint64_t kept = place ? image_.at<std::uint64_t>(*place) : 0;
    if (kept != 0 && kept != addend) elf_damaged("a relocation and the address in its place do not fit");
}

void Relocations::add_packed(std::uint64_t at) {
    add({at, 8, false});
    const std::uint64_t value = image_.at<std::uint64_t>(image_.offset_of(at, 8, "a packed relocation"));
    if (value > image_.end()) elf_damaged("a relocation points outside of the image");
    writes_.back().makes_code = image_.is_mapped(value, 1, PF_X);
}

// DT_RELR: an even word is an address, an odd one a map of the 63 words behind what came before.
void Relocations::packed(std::uint64_t address, std::uint64_t bytes) {
    if (bytes % 8 != 0) elf_damaged("relocations with impossible sizes");
    const std::uint64_t base = image_.offset_of(address, bytes, "the relocations");
    std::optional<std::uint64_t> next;
    for (std::uint64_t i = 0; i < bytes; i += 8) {
        const auto word = image_.at<std::uint64_t>(base + i);
        if ((word & 1U) == 0) {
            add_packed(word);
            next = word + 8;
            continue;
        }
        if (!next) elf_damaged("packed relocations without an address");
        for (unsigned bit = 1; bit < 64; ++bit) {
            if ((word >> bit & 1U) != 0) add_packed(*next + std::uint64_t{bit - 1} * 8);
        }
        next = *next + std::uint64_t{63} * 8;
    }
}

void Relocations::check_overlaps() {
    std::sort(writes_.begin(), writes_.end(), [](const Write& a, const Write& b) { return a.at < b.at; });
    for (std::size_t i = 1; i < writes_.size(); ++i) {
        if (writes_[i].at - writes_[i - 1].at < writes_[i - 1].bytes)
            elf_damaged("two relocations write to the same place");
    }
}

// The loader calls what the slots hold, also 0.
void Relocations::check_slots(std::uint64_t address, std::uint64_t bytes) const {
    for (std::uint64_t at = address; at < address + bytes; at += 8) {
        const auto write =
            std::lower_bound(writes_.begin(), writes_.end(), at,
                             [](const Write& one, std::uint64_t place) { return one.at < place; });
        if (write == writes_.end() || write->at != at || !write->makes_code)
            elf_damaged("a constructor is not the address of code");
    }
}
}  // namespace

void check_relocations(const ElfImage& image, const ElfDynamic& dynamic, const ElfSymbols& symbols,
                       const std::optional<Elf64_Phdr>& tls) {
    Relocations all(image, symbols, tls);
    const auto size = [&](std::int64_t tag) { return dynamic.value(tag).value_or(0); };
    if (const auto table = dynamic.value(DT_RELA)) {
        if (size(DT_RELAENT) != sizeof(Elf64_Rela)) elf_damaged("relocations of an unknown size");
        all.table(*table, size(DT_RELASZ), dynamic.value(DT_RELACOUNT));
    }
    // Some linkers count those of the calls among the others.
    const auto calls = dynamic.value(DT_JMPREL);
    const std::uint64_t others = dynamic.value(DT_RELA).value_or(0);
    const bool counted =
        calls && *calls >= others && fits(*calls - others, size(DT_PLTRELSZ), size(DT_RELASZ));
    if (calls && !counted) all.table(*calls, size(DT_PLTRELSZ), std::nullopt);
    if (const auto table = dynamic.value(kRelr)) {
        if (size(kRelrEntry) != 8) elf_damaged("relocations of an unknown size");
        all.packed(*table, size(kRelrSize));
    }
    all.check_overlaps();
    if (const auto table = dynamic.value(DT_INIT_ARRAY)) all.check_slots(*table, size(DT_INIT_ARRAYSZ));
    if (const auto table = dynamic.value(DT_FINI_ARRAY)) all.check_slots(*table, size(DT_FINI_ARRAYSZ));
}

}  // namespace tasker::host
