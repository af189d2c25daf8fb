// One bit of a plugin file is wrong, as a bad disk or a cut transfer leaves it. Whatever the system loader reads while it
// maps, relocates and initialises must be refused with a reason, or load: it must not take the host with it.
#include <doctest/doctest.h>
#include <elf.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <random>
#include <string>
#include <vector>

#include "tests/abi/child_load.hpp"
#include "tests/support/temp_dir.hpp"

using namespace tasker::host;
using namespace tasker::host::testing;
namespace fs = std::filesystem;

namespace {
struct Range {
    std::string name;
    std::size_t offset = 0, size = 0;
};

template <class T>
T read_at(const std::string& file, std::size_t at) {
    T value;
    REQUIRE(at + sizeof value <= file.size());
    std::memcpy(&value, file.data() + at, sizeof value);
    return value;
}

// The tables that the system loader works through, by the names of their sections.
std::vector<Range> tables_of(const std::string& file) {
    const auto header = read_at<Elf64_Ehdr>(file, 0);
    const auto section = [&](std::size_t i) {
        return read_at<Elf64_Shdr>(file, header.e_shoff + i * sizeof(Elf64_Shdr));
    };
    const auto names = section(header.e_shstrndx);
    std::vector<Range> tables{
        {"program headers", header.e_phoff, std::size_t{header.e_phnum} * sizeof(Elf64_Phdr)}};
    for (std::size_t i = 1; i < header.e_shnum; ++i) {
        const auto one = section(i);
        const std::string name = file.data() + names.sh_offset + one.sh_name;
        for (const char* wanted :
             {".dynamic", ".dynsym", ".dynstr", ".hash", ".gnu.hash", ".gnu.version", ".gnu.version_r",
              ".gnu.version_d", ".rela.dyn", ".rela.plt", ".relr.dyn", ".init_array", ".fini_array"}) {
            if (name == wanted && one.sh_size > 0) tables.push_back({name, one.sh_offset, one.sh_size});
        }
    }
    return tables;
}

struct Tally {
    int flips = 0, refused = 0, loaded = 0, died = 0;
    std::string deaths;  // where
};

void flip(const fs::path& folder, const std::string& good, std::size_t bit, Tally& tally) {
    std::string damaged = good;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));
    ++tally.flips;
    std::string reason;
    if (!passes_precheck(damaged, reason)) {
        ++tally.refused;
        CHECK_FALSE(reason.empty());
        return;
    }
    switch (load_in_child(folder, damaged)) {
        case Ending::Loaded:
            ++tally.loaded;
            return;
        case Ending::Refused:
            ++tally.refused;
            return;
        case Ending::Died:
            ++tally.died;
            tally.deaths += " " + std::to_string(bit / 8) + "." + std::to_string(bit % 8);
    }
}

void say(const std::string& plugin, const std::string& what, const Tally& tally) {
    MESSAGE(plugin, ", ", what, ": ", tally.flips, " flips, ", tally.refused, " refused, ", tally.loaded,
            " loaded, ", tally.died, " died", tally.deaths);
}

const std::vector<std::string> kPlugins{"good_c", "good_cpp"};

// A child of a sanitized program takes ten times as long: every seventh bit reaches each byte and each place in it.
#if defined(__SANITIZE_ADDRESS__)
constexpr std::size_t kStride = 7;
#else
constexpr std::size_t kStride = 1;
#endif
}  // namespace

TEST_CASE("no flipped bit of the dynamic section kills the host") {
    const TempDir dir;
    for (const auto& plugin : kPlugins) {
        const std::string good = plugin_bytes(fs::path(TASKER_ABI_PLUGINS) / (plugin + ".so"));
        for (const Range& table : tables_of(good)) {
            if (table.name != ".dynamic") continue;
            Tally tally;
            for (std::size_t bit = 0; bit < table.size * 8; bit += kStride)
                flip(dir.path(), good, table.offset * 8 + bit, tally);
            say(plugin, table.name, tally);
            CHECK(tally.flips > 400);
            CHECK(tally.died == 0);
        }
    }
}

TEST_CASE("flipped bits of the tables that the loader reads do not kill the host") {
    const TempDir dir;
    std::mt19937 random(20260728);
    for (const auto& plugin : kPlugins) {
        const std::string good = plugin_bytes(fs::path(TASKER_ABI_PLUGINS) / (plugin + ".so"));
        for (const Range& table : tables_of(good)) {
            if (table.name == ".dynamic") continue;
            Tally tally;
            const std::size_t bits = table.size * 8;
            constexpr std::size_t kSample = 150;
            for (std::size_t i = 0; i < std::min(bits, kSample); ++i)
                flip(dir.path(), good, table.offset * 8 + (bits <= kSample ? i : random() % bits), tally);
            say(plugin, table.name, tally);
            // Another symbol, another place or another start of a function may be as sound as the right one.
            const bool ambiguous = table.name == ".dynsym" || table.name.starts_with(".rela.");
            CHECK(tally.died <= (ambiguous ? 2 : 0));
        }
    }
}

TEST_CASE("few flipped bits anywhere in the file kill the host") {
    const TempDir dir;
    std::mt19937 random(7);
    const std::string good = plugin_bytes(fs::path(TASKER_ABI_PLUGINS) / "good_c.so");
    Tally tally;
    for (int i = 0; i < 500; ++i) flip(dir.path(), good, random() % (good.size() * 8), tally);
    say("good_c", "anywhere", tally);
    // What a flip in code does cannot be known without running it.
    CHECK(tally.died <= 8);
}
