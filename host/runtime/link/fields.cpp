#include "host/runtime/link/fields.hpp"

#include <algorithm>

namespace tasker::host {

void FieldWriter::uuid(const Uuid& value) {
    out_.append(reinterpret_cast<const char*>(value.bytes.data()), value.bytes.size());
}

void FieldWriter::text(std::string_view value) {
    number(static_cast<std::uint32_t>(value.size()));
    out_.append(value);
}

void FieldWriter::maybe_number(const std::optional<std::int64_t>& value) {
    flag(value.has_value());
    if (value) number(*value);
}

std::string_view FieldReader::take(std::size_t size) {
    if (size > rest_.size()) {
        throw LinkFault("a payload ends " + std::to_string(size - rest_.size()) + " bytes too early");
    }
    const std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return taken;
}

bool FieldReader::flag() {
    const auto value = number<std::uint8_t>();
    if (value > 1) throw LinkFault("a flag has the value " + std::to_string(value));
    return value == 1;
}

Uuid FieldReader::uuid() {
    Uuid value;
    const std::string_view bytes = take(value.bytes.size());
    std::ranges::transform(bytes, value.bytes.begin(), [](char c) { return static_cast<std::uint8_t>(c); });
    return value;
}

std::string_view FieldReader::text() { return take(number<std::uint32_t>()); }

std::optional<std::int64_t> FieldReader::maybe_number() {
    if (!flag()) return std::nullopt;
    return number<std::int64_t>();
}

std::size_t FieldReader::count(std::size_t least) {
    const std::size_t value = number<std::uint32_t>();
    if (value > rest_.size() / std::max<std::size_t>(least, 1)) {
        throw LinkFault("a payload announces " + std::to_string(value) + " things in " +
                        std::to_string(rest_.size()) + " bytes");
    }
    return value;
}

void FieldReader::end() const {
    if (!rest_.empty()) throw LinkFault("a payload has " + std::to_string(rest_.size()) + " bytes too many");
}

}  // namespace tasker::host
