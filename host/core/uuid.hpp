#pragma once
// A UUID value and the version 7 generator.

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "host/core/clock.hpp"
#include "host/core/random.hpp"

namespace tasker::host {

struct Uuid {
    std::array<std::uint8_t, 16> bytes{};

    // The 36-character lower-case form.
    std::string str() const;
    // Accepts the 36-character form in either case; nothing else.
    static std::optional<Uuid> parse(std::string_view text);
    bool is_nil() const { return bytes == std::array<std::uint8_t, 16>{}; }
    friend auto operator<=>(const Uuid&, const Uuid&) = default;
};

// Strictly increasing within one generator, also when the wall clock steps back. Thread-safe.
class UuidGenerator {
  public:
    UuidGenerator(const Clock& clock, Random& random) : clock_(clock), random_(random) {}
    Uuid next();

  private:
    const Clock& clock_;
    Random& random_;
    std::mutex mutex_;
    std::int64_t last_ms_ = 0;
    std::uint32_t sequence_ = 0;
};

}  // namespace tasker::host

template <>
struct std::hash<tasker::host::Uuid> {
    std::size_t operator()(const tasker::host::Uuid& uuid) const noexcept {
        // Ours are random in the second half: no mixing of all bytes is needed, the first half is for foreign ones.
        std::uint64_t halves[2];
        std::memcpy(halves, uuid.bytes.data(), sizeof halves);
        return static_cast<std::size_t>(halves[1] ^ (halves[0] * 0x9e3779b97f4a7c15U));
    }
};
