#include "host/loader/elf_hash.hpp"

#include <algorithm>
#include <bit>
#include <string_view>
#include <vector>

#include "host/core/error.hpp"
#include "host/loader/elf_symbols.hpp"

namespace tasker::host {

namespace {
// Names hashed in all: what a hostile table of overlapping names costs.
constexpr std::uint64_t kMaxHashedBytes = std::uint64_t{64} << 20U;

std::uint32_t gnu_hash(std::string_view name) {
    std::uint32_t hash = 5381;
    for (const char c : name) hash = hash * 33 + static_cast<unsigned char>(c);
    return hash;
}

// DT_GNU_HASH: a header, a Bloom filter, buckets with the first symbol of a chain, and the chains, one word a symbol.
class GnuHash {
  public:
    GnuHash(const ElfImage& image, std::uint64_t address) : image_(image) {
        base_ = image.offset_of(address, sizeof(Header), "the symbol hash");
        header_ = image.at<Header>(base_);
        if (header_.buckets == 0 || header_.buckets > kMaxElfSymbols ||
            header_.bloom_words > kMaxElfSymbols || !std::has_single_bit(header_.bloom_words)) {
            elf_damaged("a symbol hash with impossible sizes");
        }
        buckets_at_ = sizeof(Header) + std::uint64_t{header_.bloom_words} * 8;
        chains_at_ = buckets_at_ + std::uint64_t{header_.buckets} * 4;
        static_cast<void>(image.offset_of(address, chains_at_, "the symbol hash"));
        available_ = image.bytes_after(address);
    }

    std::uint32_t buckets() const { return header_.buckets; }
    std::uint32_t first_symbol() const { return header_.first_symbol; }
    std::uint32_t bucket(std::uint64_t i) const {
        return image_.at<std::uint32_t>(base_ + buckets_at_ + i * 4);
    }
    // Precondition: symbol >= first_symbol().
    std::uint32_t chain(std::uint64_t symbol) const {
        const std::uint64_t at = chains_at_ + (symbol - header_.first_symbol) * 4;
        if (!fits(at, 4, available_)) elf_damaged("a symbol chain without an end");
        return image_.at<std::uint32_t>(base_ + at);
    }

  private:
    struct Header {
        std::uint32_t buckets, first_symbol, bloom_words, bloom_shift;
    };

    const ElfImage& image_;
    std::uint64_t base_ = 0, buckets_at_ = 0, chains_at_ = 0, available_ = 0;
    Header header_{};
};

// The table has no length of its own: the highest symbol that a bucket's chain reaches ends it.
std::optional<std::uint64_t> count_by_gnu_hash(const GnuHash& hash) {
    std::uint64_t last = 0;
    for (std::uint64_t i = 0; i < hash.buckets(); ++i) {
        const std::uint32_t first = hash.bucket(i);
        if (first != 0 && first < hash.first_symbol())
            elf_damaged("a symbol chain begins before the hashed symbols");
        last = std::max<std::uint64_t>(last, first);
    }
    if (last == 0) return std::nullopt;
    while ((hash.chain(last) & 1U) == 0) ++last;
    return last + 1;
}

void check_gnu_hash(const GnuHash& hash, const ElfSymbols& symbols) {
    std::uint64_t next = hash.first_symbol(), bytes = 0;
    for (std::uint64_t i = 0; i < hash.buckets(); ++i) {
        std::uint64_t symbol = hash.bucket(i);
        if (symbol == 0) continue;
        if (symbol != next) elf_damaged("the symbol hash is out of order");
        for (bool end = false; !end; ++symbol) {
            if (symbol >= symbols.count()) elf_damaged("a symbol chain without an end");
            const std::string_view name = symbols.name(symbol);
            bytes += name.size();
            if (bytes > kMaxHashedBytes) elf_damaged("the names of its symbols are too long");
            const std::uint32_t expected = gnu_hash(name), kept = hash.chain(symbol);
            if ((expected | 1U) != (kept | 1U) || expected % hash.buckets() != i)
                elf_damaged("the symbol hash does not fit its symbols");
            end = (kept & 1U) != 0;
        }
        next = symbol;
    }
    if (next != symbols.count() && next != hash.first_symbol())
        elf_damaged("the symbol hash does not reach all symbols");
}

struct SysvHeader {
    std::uint32_t buckets, chains;
};

SysvHeader read_sysv(const ElfImage& image, std::uint64_t address) {
    const auto header = image.at<SysvHeader>(image.offset_of(address, sizeof(SysvHeader), "the symbol hash"));
    if (header.buckets == 0 || header.buckets > kMaxElfSymbols || header.chains > kMaxElfSymbols)
        elf_damaged("a symbol hash with impossible sizes");
    return header;
}

// DT_HASH: buckets and chains of symbol numbers; a chain ends at 0, and each symbol is in one chain at most.
void check_sysv(const ElfImage& image, std::uint64_t address, const ElfSymbols& symbols) {
    const SysvHeader header = read_sysv(image, address);
    const std::uint64_t words = std::uint64_t{header.buckets} + header.chains;
    const auto base = image.offset_of(address, sizeof header + words * 4, "the symbol hash") + sizeof header;
    if (header.chains != symbols.count()) elf_damaged("the symbol hash does not fit its symbols");
    const auto word = [&](std::uint64_t i) { return image.at<std::uint32_t>(base + i * 4); };
    std::vector<bool> seen(header.chains, false);
    for (std::uint64_t i = 0; i < header.buckets; ++i) {
        for (std::uint32_t symbol = word(i); symbol != 0; symbol = word(header.buckets + symbol)) {
            if (symbol >= header.chains || seen[symbol]) elf_damaged("a symbol chain without an end");
            seen[symbol] = true;
        }
    }
}
}  // namespace

std::optional<std::uint64_t> count_by_hash(const ElfImage& image, const ElfDynamic& dynamic) {
    if (const auto sysv = dynamic.value(DT_HASH)) return read_sysv(image, *sysv).chains;
    if (const auto gnu = dynamic.value(DT_GNU_HASH)) return count_by_gnu_hash(GnuHash(image, *gnu));
    elf_damaged("it has no symbol hash");
}

void check_hashes(const ElfImage& image, const ElfDynamic& dynamic, const ElfSymbols& symbols) {
    if (const auto gnu = dynamic.value(DT_GNU_HASH)) {
        const GnuHash hash(image, *gnu);
        static_cast<void>(count_by_gnu_hash(hash));
        check_gnu_hash(hash, symbols);
    }
    if (const auto sysv = dynamic.value(DT_HASH)) check_sysv(image, *sysv, symbols);
}

}  // namespace tasker::host
