#include "host/core/uuid.hpp"

#include <algorithm>

namespace tasker::host {

namespace {
constexpr std::string_view kHex = "0123456789abcdef";

int hex_value(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

bool dash_follows(std::size_t byte) { return byte == 3 || byte == 5 || byte == 7 || byte == 9; }
}  // namespace

std::string Uuid::str() const {
    std::string text;
    text.reserve(36);
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        text += kHex[bytes[i] >> 4U];
        text += kHex[bytes[i] & 15U];
        if (dash_follows(i)) text += '-';
    }
    return text;
}

std::optional<Uuid> Uuid::parse(std::string_view text) {
    if (text.size() != 36) return std::nullopt;
    Uuid uuid;
    std::size_t at = 0;
    for (std::size_t i = 0; i < uuid.bytes.size(); ++i) {
        const int high = hex_value(text[at]);
        const int low = hex_value(text[at + 1]);
        if (high < 0 || low < 0) return std::nullopt;
        uuid.bytes[i] = static_cast<std::uint8_t>(high * 16 + low);
        at += 2;
        if (dash_follows(i) && text[at++] != '-') return std::nullopt;
    }
    return uuid;
}

Uuid UuidGenerator::next() {
    std::uint64_t stamp = 0;
    std::uint32_t sequence = 0;
    {
        const std::scoped_lock lock(mutex_);
        const std::int64_t now = clock_.unix_ms();
        if (now > last_ms_) {
            last_ms_ = now;
            sequence_ = static_cast<std::uint32_t>(random_.below(1U << 10U));
        } else if (++sequence_ >= 1U << 12U) {
            ++last_ms_;
            sequence_ = 0;
        }
        stamp = static_cast<std::uint64_t>(last_ms_);
        sequence = sequence_;
    }
    const std::uint64_t tail = random_.next();
    Uuid uuid;
    for (std::size_t i = 0; i < 6; ++i) uuid.bytes[i] = static_cast<std::uint8_t>(stamp >> (40 - 8 * i));
    uuid.bytes[6] = static_cast<std::uint8_t>(0x70U | (sequence >> 8U));
    uuid.bytes[7] = static_cast<std::uint8_t>(sequence);
    for (std::size_t i = 0; i < 8; ++i) uuid.bytes[8 + i] = static_cast<std::uint8_t>(tail >> (8 * i));
    uuid.bytes[8] = static_cast<std::uint8_t>(0x80U | (uuid.bytes[8] & 0x3FU));
    return uuid;
}

}  // namespace tasker::host
