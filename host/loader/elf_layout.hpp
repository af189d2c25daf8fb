#pragma once
// Bounds-checked access to the parts of an ELF file: offsets of the file and addresses of its segments. Pure.

#include <elf.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "host/core/error.hpp"

namespace tasker::host {

// The bytes contradict themselves: most often a bad copy, sometimes a broken tool.
[[noreturn]] inline void elf_damaged(const std::string& what) {
    throw PluginError("damaged ELF file: " + what, "copy or build the file again");
}

// True when [offset, offset + size) lies within `total`, without overflowing.
constexpr bool fits(std::uint64_t offset, std::uint64_t size, std::uint64_t total) {
    return offset <= total && size <= total - offset;
}

class ElfImage {
  public:
    explicit ElfImage(std::span<const std::byte> file) : file_(file) {}

    std::uint64_t size() const { return file_.size(); }
    std::span<const std::byte> bytes() const { return file_; }

    // Copies out a struct, since the file gives no alignment. Precondition: fits().
    template <class T>
    T at(std::uint64_t offset) const {
        static_assert(std::is_trivially_copyable_v<T>);
        T value;
        std::memcpy(&value, file_.data() + offset, sizeof(T));
        return value;
    }

    void add_load(const Elf64_Phdr& load) { loads_.push_back(load); }
    std::span<const Elf64_Phdr> loads() const { return loads_; }

    // The file offset of `size` bytes at an address of the loaded image; nothing when the file does not hold them.
    std::optional<std::uint64_t> find(std::uint64_t address, std::uint64_t size) const {
        for (const auto& load : loads_) {
            if (address < load.p_vaddr || address - load.p_vaddr > load.p_filesz) continue;
            if (!fits(address - load.p_vaddr, size, load.p_filesz)) continue;
            return load.p_offset + (address - load.p_vaddr);
        }
        return std::nullopt;
    }
    // The same where it must be there. `what` names the bytes in the error.
    std::uint64_t offset_of(std::uint64_t address, std::uint64_t size, std::string_view what) const {
        if (const auto offset = find(address, size)) return *offset;
        elf_damaged(std::string(what) + " lies outside of its segments");
    }
    // Whether all of it lies in one segment that has every one of `flags` (PF_R, PF_W, PF_X).
    bool is_mapped(std::uint64_t address, std::uint64_t size, std::uint32_t flags = 0) const {
        for (const auto& load : loads_) {
            if (address >= load.p_vaddr && fits(address - load.p_vaddr, size, load.p_memsz) &&
                (load.p_flags & flags) == flags) {
                return true;
            }
        }
        return false;
    }
    // The end of the last segment.
    std::uint64_t end() const { return loads_.empty() ? 0 : loads_.back().p_vaddr + loads_.back().p_memsz; }
    // How many bytes of file follow `address` within its segment.
    std::uint64_t bytes_after(std::uint64_t address) const {
        for (const auto& load : loads_) {
            if (address >= load.p_vaddr && address - load.p_vaddr < load.p_filesz) {
                return load.p_filesz - (address - load.p_vaddr);
            }
        }
        return 0;
    }

  private:
    std::span<const std::byte> file_;
    std::vector<Elf64_Phdr> loads_;
};

}  // namespace tasker::host
