#include "host/engine/row_uuid.hpp"

namespace tasker::host {

namespace {
// Layout: 48 bits milliseconds | version | 12 bits tag high | variant | 22 bits tag low | 40 bits masked row id.
constexpr std::uint64_t kRowMask = (std::uint64_t{1} << 40U) - 1;
constexpr std::uint64_t kTagMask = (std::uint64_t{1} << 34U) - 1;
constexpr std::uint64_t kTagLowMask = (std::uint64_t{1} << 22U) - 1;

std::uint64_t mix(std::uint64_t value) {
    value += 0x9E3779B97F4A7C15U;
    value = (value ^ (value >> 30U)) * 0xBF58476D1CE4E5B9U;
    value = (value ^ (value >> 27U)) * 0x94D049BB133111EBU;
    return value ^ (value >> 31U);
}
}  // namespace

Uuid RowUuid::make(RowKind kind, std::int64_t created_ms, std::int64_t row_id) const {
    const auto stamp = static_cast<std::uint64_t>(created_ms);
    const std::uint64_t row = static_cast<std::uint64_t>(row_id) & kRowMask;
    const std::uint64_t seed = mix(mix(salt_ ^ stamp) ^ static_cast<std::uint64_t>(kind));
    const std::uint64_t tag = mix(seed ^ row) & kTagMask;
    const std::uint64_t masked = row ^ (mix(seed + tag) & kRowMask);
    const std::uint64_t high = (stamp << 16U) | 0x7000U | (tag >> 22U);
    const std::uint64_t low = (std::uint64_t{2} << 62U) | ((tag & kTagLowMask) << 40U) | masked;
    Uuid uuid;
    for (std::size_t i = 0; i < 8; ++i) {
        uuid.bytes[i] = static_cast<std::uint8_t>(high >> (56 - 8 * i));
        uuid.bytes[8 + i] = static_cast<std::uint8_t>(low >> (56 - 8 * i));
    }
    return uuid;
}

std::optional<UuidRow> RowUuid::parse(RowKind kind, const Uuid& uuid) const {
    std::uint64_t high = 0;
    std::uint64_t low = 0;
    for (std::size_t i = 0; i < 8; ++i) {
        high = (high << 8U) | uuid.bytes[i];
        low = (low << 8U) | uuid.bytes[8 + i];
    }
    const std::uint64_t stamp = high >> 16U;
    const std::uint64_t tag = ((high & 0xFFFU) << 22U) | ((low >> 40U) & kTagLowMask);
    const std::uint64_t seed = mix(mix(salt_ ^ stamp) ^ static_cast<std::uint64_t>(kind));
    const std::uint64_t row = (low & kRowMask) ^ (mix(seed + tag) & kRowMask);
    const UuidRow found{static_cast<std::int64_t>(row), static_cast<std::int64_t>(stamp)};
    if (make(kind, found.created_ms, found.id) != uuid) return std::nullopt;
    return found;
}

}  // namespace tasker::host
