#include <doctest/doctest.h>
#include <elf.h>

#include <chrono>
#include <cstring>
#include <fstream>
#include <iterator>
#include <random>
#include <span>
#include <string>

#include "host/core/error.hpp"
#include "host/loader/elf_file.hpp"
#include "host/loader/plugin_notes.hpp"

using namespace tasker::host;

namespace {
std::string good_plugin() {
    std::ifstream in(TASKER_GOOD_PLUGIN, std::ios::binary);
    std::string content{std::istreambuf_iterator<char>(in), {}};
    REQUIRE(content.size() > 4096);
    return content;
}

std::string refusal(const std::string& file) {
    try {
        precheck_plugin(file);
    } catch (const PluginError& error) {
        return error.what();
    }
    return "(accepted)";
}

template <class T>
void put(std::string& file, std::size_t at, T value) {
    std::memcpy(file.data() + at, &value, sizeof value);
}

#define CHECK_SAYS(text, part) CHECK_MESSAGE((text).find(part) != std::string::npos, (text))
}  // namespace

TEST_CASE("a good plugin passes with its notes read") {
    const std::string file = good_plugin();
    const PluginNotes notes = precheck_plugin(file);
    CHECK(notes.abi.str() == "0.1");
    REQUIRE(notes.manifest.has_value());
    CHECK(notes.manifest->id == "org.example.c");
    REQUIRE(notes.manifest->handlers.size() == 1);
    CHECK(notes.manifest->handlers[0].callable == "fixture.c");
    CHECK(notes.manifest->handlers[0].kind == "step");
}

TEST_CASE("what is no shared object for this machine is named") {
    std::string file = good_plugin();
    CHECK(refusal("") == "not an ELF shared object");
    CHECK(refusal("x") == "not an ELF shared object");
    CHECK(refusal("#!/bin/sh\necho hello\n") == "not an ELF shared object");
    CHECK_SAYS(refusal("!<arch>\nfoo"), "static library (.a)");
    CHECK_SAYS(refusal(std::string("\x7f"
                                   "ELF")),
               "cut off");
    const auto with = [&](auto change) {
        std::string changed = file;
        change(changed);
        return refusal(changed);
    };
    const std::uint16_t other = EM_AARCH64;
#if defined(__x86_64__)
    CHECK(with([&](auto& f) { put(f, offsetof(Elf64_Ehdr, e_machine), other); }) ==
          "built for aarch64, this host is x86-64");
#endif
    CHECK_SAYS(with([](auto& f) { f[EI_CLASS] = ELFCLASS32; }), "32-bit");
    CHECK_SAYS(with([](auto& f) { f[EI_DATA] = ELFDATA2MSB; }), "big-endian");
    CHECK(with([](auto& f) { put(f, offsetof(Elf64_Ehdr, e_type), std::uint16_t{ET_EXEC}); }) ==
          "is an executable, not a shared object");
    CHECK_SAYS(with([](auto& f) { put(f, offsetof(Elf64_Ehdr, e_type), std::uint16_t{ET_REL}); }),
               "object file (.o)");
    CHECK_SAYS(with([](auto& f) { put(f, offsetof(Elf64_Ehdr, e_type), std::uint16_t{ET_CORE}); }),
               "core dump");
    CHECK_SAYS(with([](auto& f) { put(f, offsetof(Elf64_Ehdr, e_phnum), std::uint16_t{0xffff}); }),
               "program headers");
    CHECK_SAYS(with([](auto& f) { put(f, offsetof(Elf64_Ehdr, e_phoff), ~std::uint64_t{0}); }),
               "beyond end of file");
}

TEST_CASE("a truncated plugin is refused wherever it is cut") {
    const std::string file = good_plugin();
    const auto header = [&] {
        Elf64_Ehdr value;
        std::memcpy(&value, file.data(), sizeof value);
        return value;
    }();
    // The section table behind the last segment is not loaded: a cut there does no harm.
    std::size_t needed = 0;
    for (std::size_t i = 0; i < header.e_phnum; ++i) {
        Elf64_Phdr segment;
        std::memcpy(&segment, file.data() + header.e_phoff + i * sizeof segment, sizeof segment);
        if (segment.p_type == PT_LOAD)
            needed = std::max<std::size_t>(needed, segment.p_offset + segment.p_filesz);
    }
    for (std::size_t cut = 64; cut < needed; cut += 97) {
        const auto text = refusal(file.substr(0, cut));
        CHECK_MESSAGE(text.find("beyond end of file (truncated?)") != std::string::npos, cut, ": ", text);
    }
    CHECK(refusal(file.substr(0, needed)) == "(accepted)");
}

TEST_CASE("an ABI note of another major or of needs this host has not is refused with both versions") {
    const std::string file = good_plugin();
    const std::string note = std::string("TASKER\0\0", 8) + std::string("\0\0\1\0\0\0\0\0", 8);  // 0.1
    const auto at = file.find(note);
    REQUIRE(at != std::string::npos);
    std::string changed = file;
    changed[at + 8] = 2;
    CHECK_SAYS(refusal(changed), "built for plugin ABI 2.1");
    CHECK_SAYS(refusal(changed), "this host speaks 0.1");
    changed = file;
    changed[at + 10] = 99;
    CHECK(refusal(changed) == "(accepted)");
    changed[at + 12] = 99;
    CHECK_SAYS(refusal(changed), "needs at least 0.99");
    changed = file;
    changed[at + 14] = 1;
    CHECK_SAYS(refusal(changed), "unknown flags");
    changed = file;
    changed[at] = 'X';
    CHECK_SAYS(refusal(changed), "no ABI note: built without TASKER_PLUGIN");
}

TEST_CASE("a symbol that is renamed in place no longer fits the symbol hash") {
    std::string file = good_plugin();
    for (auto at = file.find("tasker_plugin_entry_v0"); at != std::string::npos;
         at = file.find("tasker_plugin_entry_v0"))
        file[at] = 'T';
    CHECK_SAYS(refusal(file), "the symbol hash does not fit its symbols");
}

TEST_CASE("any flipped bytes end quickly in facts or in an error") {
    const std::string file = good_plugin();
    std::mt19937 random(20260727);
    const auto started = std::chrono::steady_clock::now();
    constexpr int kRounds = 4000;
    for (int round = 0; round < kRounds; ++round) {
        std::string changed = file;
        const std::size_t reach = round % 2 == 0 ? 1024 : changed.size();
        for (int flips = 1 + static_cast<int>(random() % 8); flips > 0; --flips) {
            changed[random() % reach] = static_cast<char>(random());
        }
        CHECK_FALSE(refusal(changed).empty());
    }
    const auto each = (std::chrono::steady_clock::now() - started) / kRounds;
    CHECK(each < std::chrono::milliseconds{50});
}
