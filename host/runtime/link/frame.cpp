#include "host/runtime/link/frame.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace tasker::host {

namespace {
constexpr std::uint16_t kMore = 1;  // flag: the message goes on in the next frame

void append_head(std::string& out, const FrameHead& head, std::uint16_t flags, std::size_t length,
                 std::size_t total) {
    FieldWriter fields(out);
    fields.number(head.version);
    fields.number(static_cast<std::uint8_t>(head.type));
    fields.number(flags);
    fields.number(static_cast<std::uint32_t>(length));
    fields.number(static_cast<std::uint32_t>(total));
    fields.number(head.fence);
    fields.number(head.request);
    fields.uuid(head.session);
    fields.uuid(head.event);
}
}  // namespace

std::string_view name(FrameType type) {
    switch (type) {
        case FrameType::Hello:
            return "HELLO";
        case FrameType::Capacity:
            return "CAPACITY";
        case FrameType::Started:
            return "STARTED";
        case FrameType::Result:
            return "RESULT";
        case FrameType::Checkpoint:
            return "CHECKPOINT";
        case FrameType::Yield:
            return "YIELD";
        case FrameType::Heartbeat:
            return "HEARTBEAT";
        case FrameType::Release:
            return "RELEASE";
        case FrameType::Drain:
            return "DRAIN";
        case FrameType::Stop:
            return "STOP";
        case FrameType::Pong:
            return "PONG";
        case FrameType::Catalog:
            return "CATALOG";
        case FrameType::Facts:
            return "FACTS";
        case FrameType::Welcome:
            return "WELCOME";
        case FrameType::Refused:
            return "REFUSED";
        case FrameType::Template:
            return "TEMPLATE";
        case FrameType::Step:
            return "STEP";
        case FrameType::Revoked:
            return "REVOKED";
        case FrameType::Verdicts:
            return "VERDICTS";
        case FrameType::Saved:
            return "SAVED";
        case FrameType::Alive:
            return "ALIVE";
        case FrameType::Status:
            return "STATUS";
        case FrameType::Stopped:
            return "STOPPED";
        case FrameType::Ping:
            return "PING";
    }
    return {};
}

void append_message(std::string& out, const FrameHead& head, std::string_view payload) {
    const std::size_t total = payload.size();
    do {
        const std::string_view part = payload.substr(0, kMaxFramePayload);
        payload.remove_prefix(part.size());
        append_head(out, head, payload.empty() ? 0 : kMore, part.size(), total);
        out.append(part);
    } while (!payload.empty());
}

char* FrameReader::room(std::size_t size) {
    if (begin_ == end_) begin_ = end_ = 0;
    if (bytes_.size() - end_ < size && begin_ > 0) {
        std::memmove(bytes_.data(), bytes_.data() + begin_, end_ - begin_);
        end_ -= begin_;
        begin_ = 0;
    }
    if (bytes_.size() - end_ < size) bytes_.resize(end_ + size);
    return bytes_.data() + end_;
}

std::optional<LinkMessage> FrameReader::next() {
    if (std::exchange(whole_given_, false)) {
        // A large message is rare: its memory is not kept.
        whole_.clear();
        whole_.shrink_to_fit();
    }
    while (end_ - begin_ >= kFrameHeader) {
        FieldReader fields(std::string_view(bytes_).substr(begin_, kFrameHeader));
        FrameHead head;
        head.version = fields.number<std::uint8_t>();
        head.type = static_cast<FrameType>(fields.number<std::uint8_t>());
        const auto flags = fields.number<std::uint16_t>();
        const std::size_t length = fields.number<std::uint32_t>();
        const std::size_t total = fields.number<std::uint32_t>();
        head.fence = fields.number<std::uint32_t>();
        head.request = fields.number<std::uint64_t>();
        head.session = fields.uuid();
        head.event = fields.uuid();
        if (head.version < kOldestProtocol || head.version > kNewestProtocol)
            throw LinkFault("a frame is of protocol version " + std::to_string(head.version));
        if (name(head.type).empty())
            throw LinkFault("a frame is of the unknown type " + std::to_string(static_cast<int>(head.type)));
        if (flags > kMore) throw LinkFault("a frame has unknown flags");
        if (length > kMaxFramePayload)
            throw LinkFault("a frame of " + std::to_string(length) + " bytes is too large");
        if (total > max_message_)
            throw LinkFault("a message of " + std::to_string(total) +
                            " bytes is too large: " + std::to_string(max_message_) + " are allowed");
        const bool more = flags == kMore;
        const std::size_t before = whole_.size();
        if (first_ && (head != *first_ || total != total_))
            throw LinkFault("a message is cut off by another one");
        // A frame that goes on must be full: so nobody keeps a reader busy with empty ones.
        if (more ? length != kMaxFramePayload || before + length >= total : before + length != total)
            throw LinkFault("a frame's length does not fit its message");
        if (end_ - begin_ < kFrameHeader + length) return std::nullopt;
        const std::string_view part = std::string_view(bytes_).substr(begin_ + kFrameHeader, length);
        begin_ += kFrameHeader + length;
        if (!more && !first_) return LinkMessage{head, part};
        whole_.append(part);
        if (more) {
            first_ = head;
            total_ = total;
            continue;
        }
        first_.reset();
        whole_given_ = true;
        return LinkMessage{head, whole_};
    }
    return std::nullopt;
}

}  // namespace tasker::host
