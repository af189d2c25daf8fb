#pragma once
// SHA-256 (FIPS 180-4), for identities and content addresses. Pure.

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace tasker::host {

using Sha256Digest = std::array<std::uint8_t, 32>;

// Feed in pieces, then finish() once.
class Sha256 {
  public:
    void update(std::string_view data);
    Sha256Digest finish();

  private:
    void block(const std::uint8_t* data);

    std::array<std::uint32_t, 8> state_{0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                        0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    std::array<std::uint8_t, 64> pending_{};
    std::uint64_t size_ = 0;
};

Sha256Digest sha256(std::string_view data);
// 64 lower-case hexadecimal digits.
std::string to_hex(const Sha256Digest& digest);
// Whether it is such a text.
bool is_sha256_hex(std::string_view text);

}  // namespace tasker::host
