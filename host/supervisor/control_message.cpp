#include "host/supervisor/control_message.hpp"

#include <algorithm>
#include <cstring>

namespace tasker::host {

namespace {
// magic and version, kind, nonce, accepted, errors, running, length of the text; host byte order: both ends are this
// machine, and mostly this executable.
constexpr std::uint32_t kMagic = 0x314b5354;  // "TSK1"
constexpr std::size_t kHead = 4 + 1 + 4 * 8 + 4;

template <class T>
void put(std::string& out, T value) {
    char bytes[sizeof value];
    std::memcpy(bytes, &value, sizeof value);
    out.append(bytes, sizeof value);
}

template <class T>
T take(std::string_view& bytes) {
    T value{};
    std::memcpy(&value, bytes.data(), sizeof value);
    bytes.remove_prefix(sizeof value);
    return value;
}

bool known(std::uint8_t kind) { return (kind >= 1 && kind <= 7) || (kind >= 16 && kind <= 24); }
}  // namespace

std::string to_bytes(const ControlMessage& message) {
    const std::string_view text =
        std::string_view(message.text).substr(0, std::min(message.text.size(), kMaxControlText));
    std::string out;
    put(out, kMagic);
    put(out, static_cast<std::uint8_t>(message.kind));
    for (const std::uint64_t number : {message.nonce, message.accepted, message.errors, message.running})
        put(out, number);
    put(out, static_cast<std::uint32_t>(text.size()));
    out += text;
    return out;
}

std::optional<ControlMessage> control_message(std::string_view bytes) {
    if (bytes.size() < kHead || take<std::uint32_t>(bytes) != kMagic) return std::nullopt;
    const auto kind = take<std::uint8_t>(bytes);
    if (!known(kind)) return std::nullopt;
    ControlMessage message;
    message.kind = static_cast<ControlMessage::Kind>(kind);
    for (std::uint64_t* number : {&message.nonce, &message.accepted, &message.errors, &message.running})
        *number = take<std::uint64_t>(bytes);
    const auto length = take<std::uint32_t>(bytes);
    if (length != bytes.size() || length > kMaxControlText) return std::nullopt;
    message.text = bytes;
    return message;
}

}  // namespace tasker::host
