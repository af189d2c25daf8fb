#pragma once
// The fields of a payload: numbers little-endian, texts with their length before them. Pure.

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "host/core/error.hpp"
#include "host/core/uuid.hpp"

namespace tasker::host {

// The peer broke the protocol: nothing it says can be trusted any more, the connection ends.
class LinkFault : public Error {
    using Error::Error;
};

template <class T>
concept FieldNumber = std::integral<T> && !std::same_as<T, bool>;

// Appends to a buffer that outlives it.
class FieldWriter {
  public:
    explicit FieldWriter(std::string& out) : out_(out) {}

    template <FieldNumber T>
    void number(T value) {
        char bytes[sizeof(T)];
        auto rest = static_cast<std::make_unsigned_t<T>>(value);
        for (char& byte : bytes) {
            byte = static_cast<char>(rest & 0xffU);
            if constexpr (sizeof(T) > 1) rest = static_cast<std::make_unsigned_t<T>>(rest >> 8U);
        }
        out_.append(bytes, sizeof bytes);
    }
    void flag(bool value) { out_.push_back(value ? '\1' : '\0'); }
    void uuid(const Uuid& value);
    void text(std::string_view value);
    void maybe_number(const std::optional<std::int64_t>& value);
    void count(std::size_t value) { number(static_cast<std::uint32_t>(value)); }

  private:
    std::string& out_;
};

// Reads what a FieldWriter wrote, from bytes that may be anything. Throws LinkFault where they are something else. The
// bytes must outlive it.
class FieldReader {
  public:
    explicit FieldReader(std::string_view bytes) : rest_(bytes) {}

    template <FieldNumber T>
    T number() {
        const std::string_view bytes = take(sizeof(T));
        std::make_unsigned_t<T> value = 0;
        for (std::size_t i = sizeof(T); i-- > 0;) {
            if constexpr (sizeof(T) > 1) value = static_cast<std::make_unsigned_t<T>>(value << 8U);
            value = static_cast<std::make_unsigned_t<T>>(value | static_cast<unsigned char>(bytes[i]));
        }
        return static_cast<T>(value);
    }
    bool flag();
    Uuid uuid();
    std::string_view text();
    std::string string() { return std::string(text()); }
    std::optional<std::int64_t> maybe_number();
    // A number of things of at least `least` bytes each: never more than there is room for, so that whoever reserves
    // for them reserves what was sent.
    std::size_t count(std::size_t least);
    std::size_t left() const { return rest_.size(); }
    // Nothing may be left over.
    void end() const;

  private:
    std::string_view take(std::size_t size);

    std::string_view rest_;
};

}  // namespace tasker::host
