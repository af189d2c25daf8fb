#include "host/loader/elf_versions.hpp"

#include <elf.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "host/core/error.hpp"

namespace tasker::host {

namespace {
constexpr std::size_t kMaxVersions = 0x8000;
constexpr std::uint16_t kNumber = 0x7FFF;  // the highest bit means "hidden"

std::uint32_t version_hash(std::string_view name) {
    std::uint32_t hash = 0;
    for (const char c : name) {
        hash = (hash << 4U) + static_cast<unsigned char>(c);
        const std::uint32_t high = hash & 0xF0000000U;
        hash = (hash ^ (high >> 24U)) & ~high;
    }
    return hash;
}

class Versions {
  public:
    Versions(const ElfImage& image, const ElfStrings& strings) : image_(image), strings_(strings) {
        known_[VER_NDX_LOCAL] = known_[VER_NDX_GLOBAL] = true;
    }

    void needs(std::uint64_t at, std::uint64_t count, std::span<const std::string_view> needed);
    void defines(std::uint64_t at, std::uint64_t count);
    void check_symbols(std::uint64_t at, std::uint64_t count) const;

  private:
    void need(std::uint64_t at, const Elf64_Verneed& library);
    void name(std::uint64_t offset, std::uint32_t hash) const {
        const auto text = strings_.at(offset);
        if (text.empty() || version_hash(text) != hash) elf_damaged("a version and its hash do not fit");
    }
    void know(std::uint16_t number, bool must_be_new) {
        const std::uint16_t index = number & kNumber;
        if (must_be_new && (index == VER_NDX_LOCAL || index == VER_NDX_GLOBAL || known_[index]))
            elf_damaged("two versions with one number");
        known_[index] = true;
    }
    template <class T>
    T read(std::uint64_t address) const {
        return image_.at<T>(image_.offset_of(address, sizeof(T), "the table of versions"));
    }

    const ElfImage& image_;
    const ElfStrings& strings_;
    std::vector<bool> known_ = std::vector<bool>(kMaxVersions, false);
};

void Versions::need(std::uint64_t at, const Elf64_Verneed& library) {
    std::uint64_t place = at + library.vn_aux;
    for (unsigned i = 0; i < library.vn_cnt; ++i) {
        const auto version = read<Elf64_Vernaux>(place);
        name(version.vna_name, version.vna_hash);
        know(version.vna_other, true);
        if ((version.vna_next == 0) != (i + 1U == library.vn_cnt))
            elf_damaged("a list of versions with a wrong count");
        place += version.vna_next;
    }
}

void Versions::needs(std::uint64_t at, std::uint64_t count, std::span<const std::string_view> needed) {
    if (count == 0 || count > kMaxVersions) elf_damaged("a list of versions with a wrong count");
    for (std::uint64_t i = 0; i < count; ++i) {
        const auto library = read<Elf64_Verneed>(at);
        if (library.vn_version != VER_NEED_CURRENT || library.vn_cnt == 0)
            elf_damaged("a list of versions of an unknown form");
        const auto file = strings_.at(library.vn_file);
        if (std::find(needed.begin(), needed.end(), file) == needed.end())
            elf_damaged("it names versions of a library that it does not need");
        need(at, library);
        if ((library.vn_next == 0) != (i + 1 == count)) elf_damaged("a list of versions with a wrong count");
        at += library.vn_next;
    }
}

void Versions::defines(std::uint64_t at, std::uint64_t count) {
    if (count == 0 || count > kMaxVersions) elf_damaged("a list of versions with a wrong count");
    for (std::uint64_t i = 0; i < count; ++i) {
        const auto version = read<Elf64_Verdef>(at);
        if (version.vd_version != VER_DEF_CURRENT || version.vd_cnt == 0)
            elf_damaged("a list of versions of an unknown form");
        name(read<Elf64_Verdaux>(at + version.vd_aux).vda_name, version.vd_hash);
        // The first one names the file itself and has the number of unversioned symbols.
        know(version.vd_ndx, (version.vd_flags & VER_FLG_BASE) == 0);
        if ((version.vd_next == 0) != (i + 1 == count)) elf_damaged("a list of versions with a wrong count");
        at += version.vd_next;
    }
}

void Versions::check_symbols(std::uint64_t at, std::uint64_t count) const {
    const std::uint64_t base = image_.offset_of(at, count * 2, "the versions of the symbols");
    for (std::uint64_t i = 0; i < count; ++i) {
        const std::uint16_t number = image_.at<std::uint16_t>(base + i * 2) & kNumber;
        if (!known_[number]) elf_damaged("a symbol of the unknown version " + std::to_string(number));
    }
}
}  // namespace

void check_versions(const ElfImage& image, const ElfDynamic& dynamic, const ElfStrings& strings,
                    const ElfSymbols& symbols, std::span<const std::string_view> needed) {
    const auto table = dynamic.value(DT_VERSYM);
    if (!table) return;
    Versions versions(image, strings);
    if (const auto at = dynamic.value(DT_VERNEED))
        versions.needs(*at, dynamic.value(DT_VERNEEDNUM).value_or(0), needed);
    if (const auto at = dynamic.value(DT_VERDEF))
        versions.defines(*at, dynamic.value(DT_VERDEFNUM).value_or(0));
    // Without exports the number of symbols is a guess, and such a plugin is refused for its missing entry.
    if (symbols.is_counted()) versions.check_symbols(*table, symbols.count());
}

}  // namespace tasker::host
